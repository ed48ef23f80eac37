import { randomUUID } from 'node:crypto'
import type { LinkStore } from '../../../../engine/two-way/link-store.ts'
import { openPair, type Pair } from '../../../../engine/two-way/open-pair.ts'
import type { Sides } from '../../../../engine/two-way/pair-side.ts'
import type { StreamCounts } from '../../../../engine/two-way/pair-types.ts'
import { syncPair, type PairReport } from '../../../../engine/two-way/sync-pair.ts'
import { field, type ObjectDefinition } from '../../../fakes/salesforce/objects.ts'
import type { Organization } from '../../../fakes/salesforce/organization.ts'
import { accessToken, SalesforceSimulator } from '../../../fakes/salesforce/salesforce-simulator.ts'
import { passingWaits } from '../../../connectors/collected.ts'
import { silent } from '../../../support/logger.ts'
import { testDatabase, type Row, type TestDatabase } from '../../../support/postgres.ts'

/** Accounts and contacts in PostgreSQL (side a) and in Salesforce (side b). */
export interface SalesShop extends AsyncDisposable {
  readonly database: TestDatabase
  readonly salesforce: SalesforceSimulator
  readonly organization: Organization
  readonly pair: Pair
}

const objects = { account: 'Account', contact: 'Contact' } as const
export type ShopStream = keyof typeof objects

export async function createSalesShop(): Promise<SalesShop> {
  const database = await testDatabase()
  const salesforce = await SalesforceSimulator.start()
  salesforce.keepsRequests = false
  salesforce.dailyCalls = 10_000_000
  const { organization } = salesforce
  organization.nowMs = Date.now()
  for (const name of Object.values(objects))
    organization.define(withLink(organization.object(name)))
  await database.query(`CREATE TABLE account (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL, phone text, revenue numeric(14,2), parent int REFERENCES account,
    changed timestamptz NOT NULL DEFAULT clock_timestamp())`)
  await database.query(`CREATE TABLE contact (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text, last_name text NOT NULL, city text, birthdate date,
    opted_out boolean NOT NULL DEFAULT false, account_id int REFERENCES account,
    changed timestamptz NOT NULL DEFAULT clock_timestamp())`)
  await database.query(`CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN NEW.changed = clock_timestamp(); RETURN NEW; END'`)
  for (const table of Object.keys(objects))
    await database.query(
      `CREATE TRIGGER touch BEFORE UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION touch()`,
    )
  return {
    ...{ database, salesforce, organization },
    pair: pairOf(database, salesforce),
    [Symbol.asyncDispose]: async () => {
      await salesforce[Symbol.asyncDispose]()
      await database[Symbol.asyncDispose]()
    },
  }
}

function withLink(object: ObjectDefinition): ObjectDefinition {
  const link = field('Link__c', 'string', { externalId: true, idLookup: true, unique: true })
  return { ...object, fields: [...object.fields, link] }
}

const mayCreate = { a: true, b: true }

function pairOf(database: TestDatabase, salesforce: SalesforceSimulator): Pair {
  return {
    name: 'sales',
    sides: {
      a: { kind: 'postgres', database: { address: database.address } },
      b: {
        ...{ kind: 'connector', connector: 'salesforce', instance: 'sf-test' },
        config: { access_token: accessToken, api_url: salesforce.url },
        allowedNetworks: ['127.0.0.1/32'],
        context: { waits: passingWaits(() => undefined) },
      },
    },
    linksOn: 'a',
    streams: [
      {
        name: 'contact',
        fields: [
          ...['email', 'last_name', 'city', 'birthdate', 'opted_out'].map((name) => ({ name })),
          { name: 'account', references: 'account' },
        ],
        ...{ rules: { rule: 'last_write_wins', fields: { city: 'source_of_truth_b' } }, mayCreate },
        ...{ deletes: 'propagate', matchField: 'email' },
        places: {
          a: {
            kind: 'postgres',
            table: {
              ...{ schema: 'public', table: 'contact', modified: 'changed' },
              columns: new Map([
                ...['email', 'last_name', 'city', 'birthdate', 'opted_out'].map(
                  (name) => [name, name] as const,
                ),
                ['account', 'account_id'],
              ]),
            },
          },
          b: {
            kind: 'connector',
            object: {
              ...{ object: 'Contact', linkField: 'Link__c', modified: 'LastModifiedDate' },
              fields: new Map([
                ['email', 'Email'],
                ['last_name', 'LastName'],
                ['city', 'MailingCity'],
                ['birthdate', 'Birthdate'],
                ['opted_out', 'HasOptedOutOfEmail'],
                ['account', 'AccountId'],
              ]),
            },
          },
        },
      },
      {
        name: 'account',
        fields: [
          ...['name', 'phone', 'revenue'].map((name) => ({ name })),
          { name: 'parent', references: 'account' },
        ],
        ...{ rules: { rule: 'source_of_truth_a', fields: {} }, mayCreate },
        ...{ deletes: 'propagate', matchField: 'name' },
        places: {
          a: {
            kind: 'postgres',
            table: {
              ...{ schema: 'public', table: 'account', modified: 'changed' },
              columns: new Map(
                ['name', 'phone', 'revenue', 'parent'].map((name) => [name, name] as const),
              ),
            },
          },
          b: {
            kind: 'connector',
            object: {
              ...{ object: 'Account', linkField: 'Link__c', modified: 'LastModifiedDate' },
              fields: new Map([
                ['name', 'Name'],
                ['phone', 'Phone'],
                ['revenue', 'AnnualRevenue'],
                ['parent', 'ParentId'],
              ]),
            },
          },
        },
      },
    ],
    options: {
      ...{ skewToleranceMs: 0, loopLimit: { writes: 20, windowMs: 3_600_000 } },
      ...{ deleteLimit: { records: 10, share: 0.1 }, allowsDeletes: false },
    },
  }
}

export interface RoundChange {
  readonly store?: (store: LinkStore) => LinkStore
  readonly sides?: (sides: Sides) => Sides
  readonly finds?: 'sweep' | 'changes'
}

/** A run of the pair: all sessions are its own. Both sides have the clock of the organization. */
export async function runRound(
  { pair, organization }: SalesShop,
  { store, sides, finds = 'sweep' }: RoundChange = {},
): Promise<PairReport> {
  organization.pass(2)
  const { signal } = new AbortController()
  const now = (): number => organization.nowMs
  await using open = await openPair(pair, { logger: silent, signal, now })
  await open.setUp()
  return await syncPair(
    {
      sides: sides?.(open.sides) ?? open.sides,
      store: store?.(open.store) ?? open.store,
      ...{ streams: pair.streams, options: pair.options, logger: silent, signal, now },
      newId: () => randomUUID(),
    },
    { finds },
  )
}

/** The same object with some other methods. */
export function overriding<Target extends object>(target: Target, own: Partial<Target>): Target {
  return new Proxy(target, {
    get: (_target, name) => {
      if (Object.hasOwn(own, name)) return Reflect.get(own, name) as unknown
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

/** Only numbers that are not 0. */
export function changesOf(report: PairReport, stream: ShopStream): Partial<StreamCounts> {
  const counts = Object.entries(report.streams.get(stream) ?? {})
  return Object.fromEntries(
    counts.filter(([name, count]) => count !== 0 && name !== 'compared' && name !== 'linked'),
  )
}

/** Records of Salesforce that are there. */
export function rowsOf({ organization }: SalesShop, stream: ShopStream): readonly Row[] {
  return organization.visible(objects[stream]).filter((row) => row.IsDeleted !== true)
}

export function idOf(shop: SalesShop, stream: ShopStream, field: string, value: string): string {
  const found = rowsOf(shop, stream).find((row) => row[field] === value)
  if (typeof found?.Id !== 'string') throw new Error(`no ${stream} has the ${field} ${value}`)
  return found.Id
}

/** Contacts of both sides, with the names of their accounts. */
export async function contacts(
  shop: SalesShop,
): Promise<{ readonly a: readonly Row[]; readonly b: readonly Row[] }> {
  const a = await shop.database.query(`SELECT email, last_name, city, birthdate::text AS birthdate,
      opted_out, account.name AS account
    FROM contact LEFT JOIN account ON account.id = account_id`)
  const b = rowsOf(shop, 'contact').map((row) => ({
    ...{ email: row.Email, last_name: row.LastName, city: row.MailingCity },
    ...{ birthdate: row.Birthdate, opted_out: row.HasOptedOutOfEmail },
    account: typeof row.AccountId === 'string' ? shop.organization.find(row.AccountId)?.Name : null,
  }))
  return { a: sorted(a), b: sorted(b) }
}

/** Accounts of both sides, with the names of their parents. */
export async function accounts(
  shop: SalesShop,
): Promise<{ readonly a: readonly Row[]; readonly b: readonly Row[] }> {
  const a = await shop.database.query(`SELECT c.name, c.phone, c.revenue::float8 AS revenue,
      p.name AS parent FROM account c LEFT JOIN account p ON p.id = c.parent`)
  const b = rowsOf(shop, 'account').map((row) => ({
    ...{ name: row.Name, phone: row.Phone, revenue: row.AnnualRevenue },
    parent: typeof row.ParentId === 'string' ? shop.organization.find(row.ParentId)?.Name : null,
  }))
  return { a: sorted(a), b: sorted(b) }
}

function sorted(rows: readonly Row[]): readonly Row[] {
  return rows.toSorted((left, right) => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1))
}
