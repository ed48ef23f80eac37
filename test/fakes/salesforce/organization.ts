import { standardObjects, type FieldDefinition, type ObjectDefinition } from './objects.ts'
import { recordId } from './record-id.ts'
import { SalesforceError } from './salesforce-error.ts'
import type { QueryTarget, Row, Value } from './soql.ts'

export type Fields = Readonly<Record<string, Value>>
type StoredRow = Record<string, Value> & { readonly Id: string }

export interface DeletedRecord {
  readonly id: string
  readonly object: string
  /** ISO 8601, whole seconds. */
  readonly deletedDate: string
}

/** Called before a record is stored; it may change values, and throw a SalesforceError. */
export type Trigger = (record: Record<string, Value>, before: Row | undefined) => void

/** The user behind all tokens. */
export const userId = recordId('005', 1)
export const username = 'ada@acme.example'

/** The records of a Salesforce organization, and what happens around them. */
export class Organization {
  /** By the clock of Salesforce. */
  nowMs = Date.parse('2026-03-01T12:00:00Z')
  readonly objects = new Map(standardObjects.map((object) => [object.name, object]))
  readonly triggers = new Map<string, Trigger>()
  /** Fields that the user may not see, such as `Account.Phone`. */
  readonly hiddenFields = new Set<string>()
  /** Records that the user may not see. */
  readonly hiddenRecords = new Set<string>()
  /** Fields, such as `Lead.Email`, of which two records may not have the same value. */
  readonly duplicateRules = new Set<string>()
  /** Another transaction holds these: a child of them cannot be written. */
  readonly locked = new Set<string>()
  readonly deletions: DeletedRecord[] = []
  readonly #rows = new Map<string, Map<string, StoredRow>>()
  /** Rows whose transaction commits at a later time. */
  readonly #late: { readonly row: StoredRow; readonly object: string; readonly atMs: number }[] = []
  /** Ids of records by the values of a field that has been looked for: `Account.Code__c`. */
  readonly #found = new Map<string, Map<string, Set<string>>>()
  #lastNumber = 1

  constructor() {
    const person = { Username: username, Name: 'Ada', IsActive: true }
    this.#put('User', { Id: userId, ...person, ...this.#stamps(undefined) })
  }

  pass(seconds: number): void {
    this.nowMs += seconds * 1000
  }

  /** Throws if the user sees no such object. Hidden fields are not in it. */
  object(name: string): ObjectDefinition {
    const found = [...this.objects.values()].find(
      (object) => object.name.toLowerCase() === name.toLowerCase(),
    )
    if (found === undefined)
      throw new SalesforceError('INVALID_TYPE', `sObject type '${name}' is not supported.`)
    return {
      ...found,
      fields: found.fields.filter((field) => !this.hiddenFields.has(`${found.name}.${field.name}`)),
    }
  }

  define(object: ObjectDefinition): void {
    this.objects.set(object.name, object)
  }

  /** The records that a query finds; records that were deleted only if they are asked for. */
  view({ withDeleted }: { readonly withDeleted: boolean }): QueryTarget {
    return {
      object: (name) => this.object(name),
      rows: (object) => this.visible(object).filter((row) => withDeleted || row.IsDeleted !== true),
      row: (id) => this.find(id),
    }
  }

  visible(object: string): readonly Row[] {
    this.#commitLate()
    return [...(this.#rows.get(object)?.values() ?? [])].filter(
      ({ Id: id }) => !this.hiddenRecords.has(id),
    )
  }

  find(id: string): Row | undefined {
    this.#commitLate()
    const wanted = id.slice(0, 15)
    for (const rows of this.#rows.values())
      for (const [known, row] of rows)
        if (known.startsWith(wanted) && wanted.length === 15) return row
    return undefined
  }

  /** A record as the user sees it. Throws if there is none. */
  get(object: string, id: string): Row {
    const row = this.#stored(object, id)
    if (row === undefined || row.IsDeleted === true) throw missing()
    return row
  }

  create(object: string, fields: Fields): string {
    const definition = this.object(object)
    const values = this.#checked(definition, fields, 'createable')
    const defaults = definition.fields.filter(({ defaultValue }) => defaultValue !== null)
    const record: StoredRow = {
      ...Object.fromEntries(definition.fields.map(({ name }) => [name, null])),
      ...Object.fromEntries(defaults.map((field) => [field.name, field.defaultValue as Value])),
      ...values,
      ...(this.#has(definition, 'IsDeleted') && { IsDeleted: false }),
      ...(this.#has(definition, 'OwnerId') && { OwnerId: values.OwnerId ?? userId }),
      Id: this.newId(definition.keyPrefix),
    }
    this.#save(definition, { ...record, ...this.#ownStamps(definition, undefined) }, undefined)
    return record.Id
  }

  newId(prefix: string): string {
    this.#lastNumber += 1
    return recordId(prefix, this.#lastNumber)
  }

  /** @param unmodifiedSince refused if it was changed after this time */
  update(object: string, id: string, fields: Fields, unmodifiedSince?: string): void {
    const definition = this.object(object)
    const before = this.#stored(definition.name, id)
    if (before === undefined) throw missing()
    if (before.IsDeleted === true) throw gone()
    const modified = Date.parse(String(before.LastModifiedDate))
    if (unmodifiedSince !== undefined && modified > Date.parse(unmodifiedSince))
      throw new SalesforceError(
        'PRECONDITION_FAILED',
        'The resource has been modified since the time of If-Unmodified-Since',
        { status: 412 },
      )
    const values = this.#checked(definition, fields, 'updateable')
    const stamps = this.#ownStamps(definition, before)
    this.#save(definition, { ...before, ...values, ...stamps }, before)
  }

  /** Into the recycle bin. */
  delete(object: string, id: string): void {
    const definition = this.object(object)
    const row = this.#stored(definition.name, id)
    if (row === undefined || row.IsDeleted === true) throw gone()
    this.#requireUnlocked(row)
    Object.assign(row, { IsDeleted: true }, this.#ownStamps(definition, row))
    this.#noteDeletion(definition.name, row.Id)
  }

  undelete(object: string, id: string): void {
    const definition = this.object(object)
    const row = this.#stored(definition.name, id)
    if (row?.IsDeleted !== true) throw missing()
    Object.assign(row, { IsDeleted: false }, this.#ownStamps(definition, row))
    const place = this.deletions.findIndex((deletion) => deletion.id === row.Id)
    if (place >= 0) this.deletions.splice(place, 1)
  }

  /** For good: nothing shows it any more, but the log of deletions. */
  purge(object: string, id: string): void {
    const row = this.#stored(object, id)
    if (row === undefined) throw missing()
    this.#found.clear()
    if (row.IsDeleted !== true) this.#noteDeletion(object, row.Id)
    this.#rows.get(object)?.delete(row.Id)
  }

  /** The losers are deleted, and name the winner. */
  merge(object: string, winner: string, losers: readonly string[]): void {
    for (const loser of losers) {
      const row = this.#stored(object, loser)
      if (row === undefined) throw missing()
      row.MasterRecordId = this.get(object, winner).Id ?? null
      this.delete(object, loser)
    }
    this.update(object, winner, {})
  }

  /** A record whose transaction began now and commits after some time, with its early stamp. */
  createLate(object: string, fields: Fields, seconds: number): string {
    const id = this.create(object, fields)
    const rows = this.#rows.get(object)
    const row = rows?.get(id)
    if (rows === undefined || row === undefined) throw missing()
    rows.delete(id)
    this.#late.push({ row, object, atMs: this.nowMs + seconds * 1000 })
    return id
  }

  /** The value of a formula: the stamp of its record stays as it is. */
  setFormula(object: string, id: string, fields: Fields): void {
    Object.assign(this.#stored(object, id) ?? {}, fields)
  }

  #commitLate(): void {
    for (const late of this.#late.filter(({ atMs }) => atMs <= this.nowMs)) {
      this.#late.splice(this.#late.indexOf(late), 1)
      this.#put(late.object, late.row)
    }
  }

  /** Records that have this value in a field, whatever the case of its letters; also deleted ones. */
  holders(object: string, field: string, value: Value): readonly Row[] {
    this.#commitLate()
    const rows = this.#rows.get(object)
    const name = `${object}.${field}`
    let ids = this.#found.get(name)
    if (ids === undefined) {
      ids = new Map()
      this.#found.set(name, ids)
      for (const row of rows?.values() ?? []) noteValue(ids, row[field] ?? null, row.Id)
    }
    const holders = [...(ids.get(String(value).toLowerCase()) ?? [])]
    return holders.flatMap((id) => (this.hiddenRecords.has(id) ? [] : (rows?.get(id) ?? [])))
  }

  #put(object: string, row: StoredRow): void {
    const rows = this.#rows.get(object) ?? new Map<string, StoredRow>()
    const before = rows.get(row.Id)
    for (const [name, ids] of this.#found) {
      const [own, field = ''] = name.split('.')
      if (own !== object || before?.[field] === row[field]) continue
      if (before !== undefined) ids.get(String(before[field]).toLowerCase())?.delete(row.Id)
      noteValue(ids, row[field] ?? null, row.Id)
    }
    this.#rows.set(object, rows.set(row.Id, row))
  }

  #stored(object: string, id: string): StoredRow | undefined {
    this.#commitLate()
    const rows = this.#rows.get(this.object(object).name)
    const wanted = rows?.has(id)
      ? id
      : [...(rows?.keys() ?? [])].find((known) => known.startsWith(id.slice(0, 15)))
    return wanted === undefined || this.hiddenRecords.has(wanted) ? undefined : rows?.get(wanted)
  }

  #save(definition: ObjectDefinition, record: StoredRow, before: Row | undefined): void {
    this.#requireUnlocked(record)
    this.triggers.get(definition.name)?.(record, before)
    this.#requireValues(definition, record)
    this.#requireUnique(definition, record)
    this.#put(definition.name, withNames(definition, record))
  }

  /** Only known fields that may be written, of the types that they have. */
  #checked(
    definition: ObjectDefinition,
    given: Fields,
    right: 'createable' | 'updateable',
  ): Fields {
    const { name: object, fields: known } = definition
    const fields = this.#withReferences(definition, given)
    for (const [name, value] of Object.entries(fields)) {
      if (name === 'attributes') continue
      const field = known.find((candidate) => candidate.name.toLowerCase() === name.toLowerCase())
      if (field === undefined)
        throw new SalesforceError(
          'INVALID_FIELD',
          `No such column '${name}' on sobject of type ${object}`,
          { fields: [] },
        )
      if (!field[right])
        throw new SalesforceError(
          'INVALID_FIELD_FOR_INSERT_UPDATE',
          `Unable to create/update fields: ${name}. Please check the security settings of this field and verify that it is read/write for your profile or permission set.`,
          { fields: [name] },
        )
      requireType(field, value)
    }
    return Object.fromEntries(Object.entries(fields).filter(([name]) => name !== 'attributes'))
  }

  /** `"Account": { "Code__c": "A-1" }` becomes the id of that account. */
  #withReferences({ name: object, fields: known }: ObjectDefinition, given: Fields): Fields {
    const entries = Object.entries(given).map(([name, value]): [string, Value] => {
      const field = known.find(({ relationshipName }) => relationshipName === name)
      const nested: unknown = value
      if (field === undefined || typeof nested !== 'object' || nested === null) return [name, value]
      const [parent = ''] = field.referenceTo
      const [[key, wanted] = ['', null]] = Object.entries(nested as Fields)
      const holder = this.holders(parent, key, wanted).find((row) => row.IsDeleted !== true)
      if (holder === undefined)
        throw new SalesforceError(
          'INVALID_FIELD',
          `Foreign key external ID: ${String(wanted).toLowerCase()} not found for field ${key} in entity ${parent}`,
          { fields: [`${object}.${name}`] },
        )
      return [field.name, holder.Id ?? null]
    })
    return Object.fromEntries(entries)
  }

  #requireValues({ fields }: ObjectDefinition, record: Row): void {
    const empty = fields.filter(
      ({ name, nillable, createable }) => !nillable && createable && (record[name] ?? '') === '',
    )
    const names = empty.map(({ name }) => name)
    if (names.length > 0)
      throw new SalesforceError(
        'REQUIRED_FIELD_MISSING',
        `Required fields are missing: [${names.join(', ')}]`,
        { fields: names },
      )
  }

  #requireUnique({ name: object, fields }: ObjectDefinition, record: StoredRow): void {
    const holderOf = (name: string): Row | undefined =>
      (record[name] ?? null) === null
        ? undefined
        : this.holders(object, name, record[name] ?? null).find(
            (row) => row.Id !== record.Id && row.IsDeleted !== true,
          )
    for (const { name, unique } of fields) {
      const isRuled = this.duplicateRules.has(`${object}.${name}`)
      const holder = unique || isRuled ? holderOf(name) : undefined
      if (holder === undefined) continue
      if (isRuled) throw new SalesforceError('DUPLICATES_DETECTED', 'Use one of these records?')
      throw new SalesforceError(
        'DUPLICATE_VALUE',
        `duplicate value found: ${name} duplicates value on record with id: ${String(holder.Id).slice(0, 15)}`,
      )
    }
  }

  #requireUnlocked(record: Row): void {
    const holder = Object.values(record).find(
      (value) => typeof value === 'string' && this.locked.has(value),
    )
    if (holder !== undefined)
      throw new SalesforceError(
        'UNABLE_TO_LOCK_ROW',
        `unable to obtain exclusive access to this record or 1 records: ${String(holder)}`,
      )
  }

  #noteDeletion(object: string, id: string): void {
    this.deletions.push({ object, id, deletedDate: this.#now() })
  }

  #has({ fields }: ObjectDefinition, name: string): boolean {
    return fields.some((field) => field.name === name)
  }

  #ownStamps(definition: ObjectDefinition, before: Row | undefined): Fields {
    const stamps = Object.entries(this.#stamps(before))
    return Object.fromEntries(stamps.filter(([name]) => this.#has(definition, name)))
  }

  #stamps(before: Row | undefined): Fields {
    const now = this.#now()
    return {
      CreatedDate: before?.CreatedDate ?? now,
      CreatedById: before?.CreatedById ?? userId,
      LastModifiedDate: now,
      LastModifiedById: userId,
      SystemModstamp: now,
    }
  }

  /** Stamps have whole seconds. */
  #now(): string {
    return new Date(Math.floor(this.nowMs / 1000) * 1000).toISOString()
  }
}

function missing(): SalesforceError {
  return new SalesforceError('NOT_FOUND', 'The requested resource does not exist', { status: 404 })
}

function gone(): SalesforceError {
  return new SalesforceError('ENTITY_IS_DELETED', 'entity is deleted', { status: 404 })
}

/** A person's name, an address and a place are made of other fields. */
function withNames({ fields }: ObjectDefinition, record: StoredRow): StoredRow {
  const isPerson = record.LastName !== undefined && fields.some(({ name }) => name === 'Name')
  if (!isPerson) return record
  const parts = [record.FirstName, record.LastName].filter((part) => typeof part === 'string')
  return { ...record, Name: parts.join(' ') }
}

function requireType(
  { name, type, picklistValues, restrictedPicklist }: FieldDefinition,
  value: Value,
) {
  if (value === null) return
  const wants =
    { boolean: 'boolean', int: 'number', double: 'number', currency: 'number', percent: 'number' }[
      type
    ] ?? 'string'
  if (typeof value !== wants)
    throw new SalesforceError(
      'JSON_PARSER_ERROR',
      `Cannot deserialize instance of ${type} from ${typeof value} value ${String(value)} or request may be missing a required field at [line:1, column:2]`,
    )
  const isKnown = picklistValues.some((option) => option.value === value)
  if (restrictedPicklist && !isKnown)
    throw new SalesforceError(
      'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST',
      `bad value for restricted picklist field: ${String(value)}`,
      { fields: [name] },
    )
}

function noteValue(ids: Map<string, Set<string>>, value: Value, id: string): void {
  if (value === null) return
  const name = String(value).toLowerCase()
  const known = ids.get(name)
  if (known === undefined) ids.set(name, new Set([id]))
  else known.add(id)
}
