import type { JsonValue } from '../../../protocol/index.ts'

/** A field as describe shows it. */
export interface FieldDefinition {
  readonly name: string
  readonly type: string
  readonly label: string
  readonly length: number
  readonly nillable: boolean
  readonly createable: boolean
  readonly updateable: boolean
  readonly filterable: boolean
  readonly sortable: boolean
  readonly calculated: boolean
  readonly custom: boolean
  readonly externalId: boolean
  readonly idLookup: boolean
  readonly unique: boolean
  readonly defaultedOnCreate: boolean
  readonly restrictedPicklist: boolean
  readonly compoundFieldName: string | null
  readonly referenceTo: readonly string[]
  readonly relationshipName: string | null
  readonly picklistValues: readonly { readonly value: string; readonly active: boolean }[]
  readonly defaultValue: JsonValue
}

export interface ObjectDefinition {
  readonly name: string
  readonly label: string
  readonly keyPrefix: string
  readonly custom: boolean
  readonly queryable: boolean
  readonly replicateable: boolean
  readonly fields: readonly FieldDefinition[]
}

const noWrites = { createable: false, updateable: false } as const

export function field(
  name: string,
  type = 'string',
  facts: Partial<FieldDefinition> = {},
): FieldDefinition {
  return {
    name,
    type,
    label: name.replaceAll('_', ' '),
    length: type === 'string' ? 255 : 0,
    nillable: true,
    createable: true,
    updateable: true,
    filterable: true,
    sortable: true,
    calculated: false,
    custom: name.endsWith('__c'),
    externalId: false,
    idLookup: false,
    unique: false,
    defaultedOnCreate: false,
    restrictedPicklist: false,
    compoundFieldName: null,
    referenceTo: [],
    relationshipName: null,
    picklistValues: [],
    defaultValue: null,
    ...facts,
  }
}

export function picklist(
  name: string,
  values: readonly string[],
  isRestricted = false,
): FieldDefinition {
  return field(name, 'picklist', {
    picklistValues: values.map((value) => ({ value, active: true })),
    restrictedPicklist: isRestricted,
  })
}

export function reference(name: string, referenceTo: readonly string[]): FieldDefinition {
  const relationshipName = name.endsWith('__c')
    ? name.replace(/__c$/, '__r')
    : name.replace(/Id$/, '')
  return field(name, 'reference', { referenceTo, relationshipName })
}

function address(prefix: string): readonly FieldDefinition[] {
  const whole = `${prefix}Address`
  const parts = ['Street', 'City', 'State', 'PostalCode', 'Country']
  return [
    ...parts.map((part) => field(prefix + part, 'string', { compoundFieldName: whole })),
    field(`${prefix}Latitude`, 'double', { compoundFieldName: whole }),
    field(whole, 'address', { ...noWrites, filterable: true, sortable: false }),
  ]
}

const id = field('Id', 'id', { ...noWrites, nillable: false, idLookup: true })
const isDeleted = field('IsDeleted', 'boolean', { ...noWrites, nillable: false })
const audit: readonly FieldDefinition[] = [
  field('CreatedDate', 'datetime', { ...noWrites, nillable: false }),
  { ...reference('CreatedById', ['User']), ...noWrites },
  field('LastModifiedDate', 'datetime', { ...noWrites, nillable: false }),
  { ...reference('LastModifiedById', ['User']), ...noWrites },
  field('SystemModstamp', 'datetime', { ...noWrites, nillable: false }),
]

interface ObjectFacts {
  readonly prefix: string
  readonly fields: readonly FieldDefinition[]
  readonly isReplicateable?: boolean
}

export function sobject(
  name: string,
  { prefix, fields, isReplicateable = true }: ObjectFacts,
): ObjectDefinition {
  return {
    name,
    label: name.replace(/__c$/, ''),
    keyPrefix: prefix,
    custom: name.endsWith('__c'),
    queryable: true,
    replicateable: isReplicateable,
    fields,
  }
}

function standard(name: string, prefix: string, fields: readonly FieldDefinition[]) {
  return sobject(name, { prefix, fields: [id, isDeleted, ...fields, ...audit] })
}

const masterRecord = { ...reference('MasterRecordId', ['Account']), ...noWrites }
const owner = reference('OwnerId', ['Group', 'User'])
const required = { nillable: false } as const

/** The objects of a small organization, in the order in which describeGlobal lists them. */
export const standardObjects: readonly ObjectDefinition[] = [
  standard('Account', '001', [
    masterRecord,
    field('Name', 'string', required),
    picklist('Type', ['Prospect', 'Customer']),
    reference('ParentId', ['Account']),
    ...address('Billing'),
    field('Phone', 'phone'),
    field('AnnualRevenue', 'currency'),
    field('NumberOfEmployees', 'int'),
    field('Description', 'textarea', { filterable: false, sortable: false }),
    owner,
    field('Code__c', 'string', { externalId: true, idLookup: true, unique: true }),
    picklist('Tier__c', ['Gold', 'Silver'], true),
    field('Score__c', 'double', { ...noWrites, calculated: true }),
  ]),
  // Its changes have no stamp: they are ordered by the time of their creation.
  sobject('AccountHistory', {
    prefix: '017',
    isReplicateable: false,
    fields: [
      id,
      { ...isDeleted, filterable: true },
      reference('AccountId', ['Account']),
      field('Field', 'picklist'),
      field('NewValue', 'anyType', { filterable: false, sortable: false }),
      field('CreatedDate', 'datetime', { ...noWrites, nillable: false }),
    ],
  }),
  standard('Attachment', '00P', [
    reference('ParentId', ['Account', 'Contact']),
    field('Name', 'string', required),
    field('Body', 'base64', { filterable: false, sortable: false }),
    field('BodyLength', 'int', noWrites),
  ]),
  standard('Contact', '003', [
    { ...masterRecord, referenceTo: ['Contact'] },
    reference('AccountId', ['Account']),
    field('FirstName'),
    field('LastName', 'string', required),
    field('Name', 'string', noWrites),
    field('Email', 'email', { idLookup: true }),
    field('Birthdate', 'date'),
    ...address('Mailing'),
    owner,
    field('HasOptedOutOfEmail', 'boolean', {
      ...required,
      defaultedOnCreate: true,
      defaultValue: false,
    }),
  ]),
  standard('Lead', '00Q', [
    { ...masterRecord, referenceTo: ['Lead'] },
    field('FirstName'),
    field('LastName', 'string', required),
    field('Company', 'string', required),
    field('Email', 'email', { idLookup: true }),
    {
      ...picklist('Status', ['Open - Not Contacted', 'Working - Contacted', 'Closed - Converted']),
      ...required,
      defaultedOnCreate: true,
      defaultValue: 'Open - Not Contacted',
    },
    picklist('LeadSource', ['Web', 'Phone Inquiry']),
    field('IsConverted', 'boolean', { ...noWrites, ...required, defaultValue: false }),
    ...['Account', 'Contact', 'Opportunity'].map((name) => ({
      ...reference(`Converted${name}Id`, [name]),
      ...noWrites,
    })),
    owner,
  ]),
  standard('Opportunity', '006', [
    reference('AccountId', ['Account']),
    field('Name', 'string', required),
    { ...picklist('StageName', ['Prospecting', 'Closed Won']), ...required },
    field('CloseDate', 'date', required),
    field('Amount', 'currency'),
    field('Probability', 'percent'),
    owner,
  ]),
  // It says whether the user sees all records.
  sobject('PermissionSet', {
    prefix: '0PS',
    fields: [id, field('Name'), field('PermissionsViewAllData', 'boolean', required), ...audit],
  }),
  sobject('PermissionSetAssignment', {
    prefix: '0Pa',
    fields: [
      id,
      reference('PermissionSetId', ['PermissionSet']),
      reference('AssigneeId', ['User']),
      field('SystemModstamp', 'datetime', { ...noWrites, nillable: false }),
    ],
  }),
  // No stamp, no date of creation: it can only be read as a whole.
  sobject('OrgWideNote__c', {
    prefix: 'a02',
    isReplicateable: false,
    fields: [id, field('Name'), field('StartTime__c', 'time')],
  }),
  standard('Task', '00T', [
    { ...reference('WhoId', ['Contact', 'Lead']) },
    { ...reference('WhatId', ['Account', 'Opportunity']) },
    field('Subject', 'combobox'),
    {
      ...picklist('Status', ['Not Started', 'Completed']),
      ...required,
      defaultedOnCreate: true,
      defaultValue: 'Not Started',
    },
    {
      ...picklist('Priority', ['High', 'Normal']),
      ...required,
      defaultedOnCreate: true,
      defaultValue: 'Normal',
    },
    field('ActivityDate', 'date'),
    field('Description', 'textarea', { filterable: false, sortable: false }),
    owner,
  ]),
  sobject('User', {
    prefix: '005',
    fields: [
      id,
      field('Username', 'string', required),
      field('Name', 'string', noWrites),
      field('IsActive', 'boolean', required),
      ...audit,
    ],
  }),
  standard('Invoice__c', 'a01', [
    field('Name', 'string', noWrites),
    reference('Account__c', ['Account']),
    field('Total__c', 'currency'),
    field('Place__c', 'location', { ...noWrites, sortable: false }),
    field('Due__c', 'datetime'),
    field('Number__c', 'string', { externalId: true, idLookup: true, unique: true }),
  ]),
]
