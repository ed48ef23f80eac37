import { fillAcme } from '../../fakes/salesforce/acme.ts'
import type { Fields, Organization } from '../../fakes/salesforce/organization.ts'
import { userId } from '../../fakes/salesforce/organization.ts'
import { accessToken, SalesforceSimulator } from '../../fakes/salesforce/salesforce-simulator.ts'
import type { StreamSubject } from '../stream-subject.ts'
import type { LiveList, StreamWorld } from '../stream-world.ts'

interface Kind {
  /** The fields of a new record. */
  readonly fields: Fields
  /** The field that others change, if they do. */
  readonly text?: string
}

const kinds: Readonly<Record<string, Kind>> = {
  Account: { fields: { Name: 'New' }, text: 'Name' },
  AccountHistory: { fields: { Field: 'Name' } },
  Attachment: { fields: { Name: 'new.txt' }, text: 'Name' },
  Contact: { fields: { LastName: 'New' }, text: 'LastName' },
  Invoice__c: { fields: { Total__c: 1 }, text: 'Number__c' },
  Lead: { fields: { LastName: 'New', Company: 'New' }, text: 'Company' },
  Opportunity: {
    fields: { Name: 'New', StageName: 'Prospecting', CloseDate: '2026-04-01' },
    text: 'Name',
  },
  OrgWideNote__c: { fields: { Name: 'New' }, text: 'Name' },
  PermissionSet: { fields: { Name: 'New', PermissionsViewAllData: false }, text: 'Name' },
  PermissionSetAssignment: { fields: { AssigneeId: userId } },
  Task: { fields: { Subject: 'New' }, text: 'Subject' },
  User: { fields: { Username: 'new@acme.example', IsActive: true }, text: 'Username' },
}

export const salesforceStreams: StreamSubject = {
  openSmall: () => open(fillAcme),
  openPaged: (name) =>
    open((organization) => {
      fillPages(organization, name === '' ? 'Lead' : name)
    }),
  // Records that changed in the last minutes are read again.
  repeating: Object.keys(kinds),
  credentials: { wrong: { access_token: 'wrong' }, fix: /Authorize again/ },
  denials: [
    {
      title: 'the right to read leads',
      refuses: ({ url }) => url.includes('/sobjects/Lead/'),
      answer: {
        status: 403,
        body: [{ errorCode: 'INSUFFICIENT_ACCESS', message: 'insufficient access rights' }],
      },
      streams: ['Lead'],
      fix: /Give it a permission set/,
    },
  ],
  limits: {
    'too many long requests': {
      status: 403,
      body: [
        {
          errorCode: 'REQUEST_LIMIT_EXCEEDED',
          message: 'ConcurrentPerOrgLongTxn Limit exceeded.',
        },
      ],
    },
  },
}

async function open(fill: (organization: Organization) => void): Promise<StreamWorld> {
  const salesforce = await SalesforceSimulator.start()
  const { organization } = salesforce
  salesforce.pageSize = 100
  salesforce.dailyCalls = 1_000_000
  fill(organization)
  return {
    url: salesforce.url,
    now: () => organization.nowMs,
    pass: (seconds) => {
      organization.pass(seconds)
    },
    configOf: (url) => ({ access_token: accessToken, api_url: url }),
    lists: Object.fromEntries(
      Object.entries(kinds).map(([name, kind]) => [name, listOf(organization, name, kind)]),
    ),
    [Symbol.asyncDispose]: () => salesforce[Symbol.asyncDispose](),
  }
}

function fillPages(organization: Organization, name: string): void {
  for (let number = 1; number <= 230; number += 1) {
    organization.create(name, kinds[name]?.fields ?? {})
    if (number % 3 === 0) organization.pass(1)
  }
}

function listOf(organization: Organization, name: string, { fields, text }: Kind): LiveList {
  return {
    pages: ({ url }) => /\/query(?:All)?[/?]/.test(url),
    keys: () =>
      organization
        .visible(name)
        .filter((row) => row.IsDeleted !== true)
        .map(({ Id: id }) => JSON.stringify([id])),
    insert: () => JSON.stringify([organization.create(name, fields)]),
    remove: (key) => {
      organization.delete(name, idIn(key))
    },
    ...(text !== undefined && {
      touch: (key: string, mark: string) => {
        organization.update(name, idIn(key), { [text]: mark })
      },
    }),
  }
}

function idIn(key: string): string {
  return (JSON.parse(key) as [string])[0]
}
