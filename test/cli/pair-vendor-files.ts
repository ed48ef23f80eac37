import { field } from '../fakes/salesforce/objects.ts'
import type { Organization } from '../fakes/salesforce/organization.ts'
import { accessToken, SalesforceSimulator } from '../fakes/salesforce/salesforce-simulator.ts'
import { testDatabase, urlOf, type Row, type TestDatabase } from '../support/postgres.ts'
import { runFile } from '../support/run-file.ts'
import { startReactor, type Started } from './reactor-command.ts'
import { reactor, type CommandEnd } from './service-command-line.ts'

/** Leads and accounts in PostgreSQL (side a) and in Salesforce (side b). */
export interface VendorShop extends AsyncDisposable {
  readonly database: TestDatabase
  readonly salesforce: SalesforceSimulator
  readonly organization: Organization
}

export async function createVendorShop(): Promise<VendorShop> {
  const database = await testDatabase()
  const salesforce = await SalesforceSimulator.start()
  const { organization } = salesforce
  organization.nowMs = Date.now()
  for (const name of ['Lead', 'Account']) {
    const object = organization.object(name)
    const link = field('Link__c', 'string', { externalId: true, idLookup: true, unique: true })
    organization.define({ ...object, fields: [...object.fields, link] })
  }
  await database.query(`CREATE TABLE account (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL, phone text, tier text)`)
  await database.query(`CREATE TABLE lead (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text, last_name text NOT NULL, company text NOT NULL,
    changed timestamptz NOT NULL DEFAULT now())`)
  return {
    ...{ database, salesforce, organization },
    [Symbol.asyncDispose]: async () => {
      await salesforce[Symbol.asyncDispose]()
      await database[Symbol.asyncDispose]()
    },
  }
}

/** A pair file of the shop, and the command with the variables that it names. */
export interface VendorPair extends AsyncDisposable {
  readonly path: string
  pair(...args: readonly string[]): Promise<CommandEnd>
  /** The same as a process. */
  start(...args: readonly string[]): Started
}

export const salesSide = {
  type: 'salesforce',
  config: { access_token: '${SF_TOKEN}', api_url: '${SF_URL}' },
}

export const accountPlace = {
  object: 'Account',
  link_field: 'Link__c',
  mode: 'fast',
  values: {
    Tier: [
      ['Gold', 'a'],
      ['Silver', 'b'],
    ],
  },
  constants: { Type: 'Customer' },
}

export function accountStream(b: unknown = accountPlace): object {
  return {
    name: 'Account',
    ...{ a: 'account', b, match: 'Name' },
    fields: [
      { name: 'Name', a: 'name' },
      { name: 'Phone', a: 'phone' },
      { name: 'Tier', a: 'tier', b: 'Tier__c' },
    ],
  }
}

export const leadStream = {
  name: 'Lead',
  a: { table: 'lead', modified: 'changed' },
  b: { object: 'Lead', link_field: 'Link__c', modified: 'LastModifiedDate' },
  match: 'Email',
  fields: [
    { name: 'Email', a: 'email' },
    { name: 'LastName', a: 'last_name' },
    { name: 'Company', a: 'company' },
  ],
}

export async function vendorPair(shop: VendorShop, change: object = {}): Promise<VendorPair> {
  const file = await runFile({
    pair: 'sales',
    a: { url: '${SHOP_URL}' },
    b: salesSide,
    rules: ['Lead:last_write_wins,Account:source_of_truth_a', 'Lead.Email:source_of_truth_b'],
    skew_tolerance_ms: 0,
    streams: [leadStream, accountStream()],
    ...change,
  })
  const environment = {
    SHOP_URL: urlOf(shop.database.address),
    SF_TOKEN: accessToken,
    SF_URL: shop.salesforce.url,
    REACTOR_CONNECT_ALLOWED_NETWORKS: '127.0.0.1/32',
  }
  return {
    path: file.path,
    pair: (...args) => {
      // Salesforce compares times in seconds.
      shop.organization.pass(2)
      return reactor(['connect', 'pair', ...args], { environment })
    },
    start: (...args) => startReactor(['connect', 'pair', ...args], environment),
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  }
}

/** Records of Salesforce that are there. */
export function recordsOf(
  { organization }: VendorShop,
  object: 'Lead' | 'Account',
): readonly Row[] {
  return organization.visible(object).filter((row) => row.IsDeleted !== true)
}

/** Leads of both sides, by their e-mail. */
export async function leads(
  shop: VendorShop,
): Promise<{ readonly a: readonly Row[]; readonly b: readonly Row[] }> {
  const a = await shop.database.query('SELECT email, last_name, company FROM lead')
  const b = recordsOf(shop, 'Lead').map((row) => {
    return { email: row.Email, last_name: row.LastName, company: row.Company }
  })
  return { a: sorted(a), b: sorted(b) }
}

/** Accounts of both sides that are in scope. */
export async function accounts(
  shop: VendorShop,
): Promise<{ readonly a: readonly Row[]; readonly b: readonly Row[] }> {
  const tiers: Readonly<Record<string, string>> = { Gold: 'a', Silver: 'b' }
  const a = await shop.database.query('SELECT name, phone, tier FROM account')
  const b = recordsOf(shop, 'Account')
    .filter(({ Type: type }) => type === 'Customer')
    .map(({ Name: name, Phone: phone, Tier__c: tier }) => {
      return { name, phone, tier: typeof tier === 'string' ? tiers[tier] : null }
    })
  return { a: sorted(a), b: sorted(b) }
}

function sorted(rows: readonly Row[]): readonly Row[] {
  return rows.toSorted((left, right) => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1))
}
