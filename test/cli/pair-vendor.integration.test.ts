import { expect, test } from 'vitest'
import {
  accountPlace,
  accounts,
  accountStream,
  createVendorShop,
  leads,
  recordsOf,
  salesSide,
  vendorPair,
  type VendorShop,
} from './pair-vendor-files.ts'
import { clientId, clientSecret } from '../fakes/salesforce/oauth.ts'
import { accessToken } from '../fakes/salesforce/salesforce-simulator.ts'

/** Two leads and two accounts in PostgreSQL, two leads and two accounts in Salesforce. */
async function fill({ database, organization }: VendorShop): Promise<void> {
  await database.query(`INSERT INTO lead (email, last_name, company)
    VALUES ('ada@x', 'Ada', 'Acme'), ('bob@x', 'Bob', 'Globex')`)
  await database.query(`INSERT INTO account (name, phone, tier)
    VALUES ('Acme', '1', 'a'), ('Globex', NULL, NULL)`)
  organization.create('Lead', { Email: 'ada@x', LastName: 'Ada', Company: 'Acme' })
  organization.create('Lead', { Email: 'cy@x', LastName: 'Cy', Company: 'Initech' })
  organization.create('Account', { Name: 'Acme', Type: 'Customer' })
  organization.create('Account', { Name: 'Elsewhere', Type: 'Prospect' })
}

/** All that a preview must not change: both sides, and the tables of the database. */
async function everything(shop: VendorShop): Promise<unknown> {
  const tables = `SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r'
    AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`
  return structuredClone([
    await leads(shop),
    await accounts(shop),
    recordsOf(shop, 'Lead'),
    recordsOf(shop, 'Account'),
    await shop.database.query(tables),
  ])
}

function idOf(shop: VendorShop, object: 'Lead' | 'Account', field: string, value: string): string {
  return String(recordsOf(shop, object).find((row) => row[field] === value)?.Id)
}

async function expectSame(shop: VendorShop): Promise<void> {
  const [ownLeads, ownAccounts] = [await leads(shop), await accounts(shop)]
  expect(ownLeads.b).toEqual(ownLeads.a)
  expect(ownAccounts.b).toEqual(ownAccounts.a)
}

function writesIn({ salesforce }: VendorShop): readonly string[] {
  return salesforce.requests
    .filter(({ method, url }) => method !== 'GET' && !isRead(url))
    .map(({ method, url }) => `${method} ${url}`)
}

/** Reads of many records by their ids are POST too. */
function isRead(url: string): boolean {
  return /\/composite\/sobjects\/[A-Za-z_]+$/.test(new URL(url, 'http://x').pathname)
}

test('a database and Salesforce: preview, its token, edits of both sides, and a quiet round', async () => {
  await using shop = await createVendorShop()
  const { database, organization, salesforce } = shop
  await fill(shop)
  await using file = await vendorPair(shop, { create_limit: 1 })
  const before = await everything(shop)
  const shown = await file.pair(file.path, '--preview')
  expect(shown.code).toBe(0)
  expect(shown.out).toContain(`b: salesforce ${salesforce.url}`)
  expect(shown.out).toContain('Lead (first alignment)')
  expect(shown.out + shown.err).not.toContain(accessToken)
  expect(await everything(shop)).toEqual(before)
  expect(writesIn(shop)).toEqual([])
  await expect(file.pair(file.path)).rejects.toMatchObject({ code: 'pair_token_required' })
  expect(writesIn(shop)).toEqual([])

  const [, token = ''] = /--token ([0-9a-f]{64})\n/.exec(shown.out) ?? []
  const first = await file.pair(file.path, '--token', token)
  expect(first).toMatchObject({ code: 0 })
  await expectSame(shop)
  expect((await leads(shop)).b.map(({ email }) => email)).toEqual(['ada@x', 'bob@x', 'cy@x'])
  expect((await accounts(shop)).b).toEqual([
    { name: 'Acme', phone: '1', tier: 'a' },
    { name: 'Globex', phone: null, tier: null },
  ])

  // The same fields on both sides: the later edit, side a of an account, and side b of an e-mail.
  organization.pass(60)
  const later = new Date(organization.nowMs + 120_000).toISOString()
  const earlier = new Date(organization.nowMs - 30_000).toISOString()
  organization.update('Lead', idOf(shop, 'Lead', 'Email', 'ada@x'), { LastName: 'b, earlier' })
  await database.query(
    `UPDATE lead SET last_name = 'a, later', changed = $1 WHERE email = 'ada@x'`,
    [later],
  )
  await database.query(
    `UPDATE lead SET company = 'a, earlier', changed = $1 WHERE email = 'bob@x'`,
    [earlier],
  )
  organization.update('Lead', idOf(shop, 'Lead', 'Email', 'bob@x'), { Company: 'b, later' })
  organization.update('Lead', idOf(shop, 'Lead', 'Email', 'cy@x'), { Email: 'cy@b' })
  await database.query(`UPDATE lead SET email = 'cy@a', changed = $1 WHERE email = 'cy@x'`, [later])
  organization.update('Account', idOf(shop, 'Account', 'Name', 'Acme'), { Phone: 'from b' })
  await database.query(`UPDATE account SET phone = 'from a' WHERE name = 'Acme'`)
  organization.update('Account', idOf(shop, 'Account', 'Name', 'Globex'), { Tier__c: 'Silver' })
  const round = await file.pair(file.path)
  expect(round.out).toMatch(/Lead +0 +3 +0 +3 +0/)
  expect(round.out).toMatch(/Account +0 +2 +0 +1 +0/)
  await expectSame(shop)
  expect((await leads(shop)).a).toEqual([
    { email: 'ada@x', last_name: 'a, later', company: 'Acme' },
    { email: 'bob@x', last_name: 'Bob', company: 'b, later' },
    { email: 'cy@b', last_name: 'Cy', company: 'Initech' },
  ])
  expect((await accounts(shop)).a).toEqual([
    { name: 'Acme', phone: 'from a', tier: 'a' },
    { name: 'Globex', phone: null, tier: 'b' },
  ])
  const history = await file.pair('history', file.path, 'Lead', '3')
  expect(history.out).toContain('conflict of Email: b won (source_of_truth_b); a lost cy@a')

  salesforce.requests.length = 0
  const settled = await everything(shop)
  expect(await file.pair(file.path)).toMatchObject({ code: 0 })
  expect((await file.pair(file.path, '--preview')).out).toContain('nothing to do')
  expect(writesIn(shop)).toEqual([])
  expect(await everything(shop)).toEqual(settled)
  // A record outside of the constants is left alone.
  expect(recordsOf(shop, 'Account')).toContainEqual(
    expect.objectContaining({ Name: 'Elsewhere', Type: 'Prospect' }),
  )
})

test('deletions are carried, and the vendor may be side a', async () => {
  await using shop = await createVendorShop()
  await fill(shop)
  await using file = await vendorPair(shop, {
    ...{ a: salesSide, b: { url: '${SHOP_URL}' }, rules: 'Lead:review' },
    streams: [
      {
        name: 'Lead',
        a: { object: 'Lead', link_field: 'Link__c' },
        b: 'lead',
        match: 'Email',
        fields: [
          { name: 'Email', b: 'email' },
          { name: 'LastName', b: 'last_name' },
          { name: 'Company', b: 'company' },
        ],
      },
    ],
  })
  expect(await file.pair(file.path)).toMatchObject({ code: 0 })
  shop.organization.delete('Lead', idOf(shop, 'Lead', 'Email', 'ada@x'))
  await shop.database.query(`DELETE FROM lead WHERE email = 'bob@x'`)
  expect((await file.pair(file.path)).out).toMatch(/Lead +0 +0 +2 +0 +0/)
  const { a, b } = await leads(shop)
  expect(b).toEqual(a)
  expect(a.map(({ email }) => email)).toEqual(['cy@x'])
})

test('a refresh token that works once is replaced for the round, and the user is told', async () => {
  await using shop = await createVendorShop()
  const { oauth } = shop.salesforce
  await fill(shop)
  oauth.rotates = true
  oauth.refreshTokens.add('planted-refresh')
  const config = {
    ...{ api_url: '${SF_URL}', refresh_token: 'planted-refresh' },
    ...{ client_id: clientId, client_secret: clientSecret },
  }
  await using file = await vendorPair(shop, { b: { type: 'salesforce', config } })
  const run = await file.pair(file.path)
  expect(run).toMatchObject({ code: 0 })
  await expectSame(shop)
  expect(run.err).toContain('the vendor replaced a token of the configuration')
  const texts = run.out + run.err
  for (const token of [...oauth.refreshTokens, ...oauth.accessTokens, clientSecret])
    expect(texts).not.toContain(token)
})

test.each([
  ['a misspelt connector', { b: { ...salesSide, type: 'salesfroce' } }, 'b.type', 'salesforce'],
  ['a connector without a writer', { b: { type: 'faker' } }, 'b.type', 'can only be read'],
  [
    'a field that the connector does not have',
    { b: { ...salesSide, config: { ...salesSide.config, api_ulr: 'x' } } },
    'b.config.api_ulr',
    'api_url',
  ],
  [
    'a pair of two vendors',
    { a: salesSide, streams: [{ ...accountStream(), a: 'Account' }] },
    'links_on',
    'need a database',
  ],
  [
    'a value with two meanings',
    {
      streams: [
        accountStream({
          ...accountPlace,
          values: {
            Tier: [
              ['Gold', 'a'],
              ['Gold', 'b'],
            ],
          },
        }),
      ],
    },
    'streams[0].b.values.Tier',
    '`Gold` stands for two values',
  ],
  [
    'values of a field that the stream does not have',
    { streams: [accountStream({ ...accountPlace, values: { Tire: [['Gold', 'a']] } })] },
    'streams[0].b.values.Tire',
    'Did you mean `Tier`?',
  ],
  [
    'a constant in a field that is carried',
    { streams: [accountStream({ ...accountPlace, constants: { Phone: '1' } })] },
    'streams[0].b.constants.Phone',
    'it is written into Phone',
  ],
])('%s is refused with the place in the file', async (_name, change, place, text) => {
  await using shop = await createVendorShop()
  const own = 'streams' in change ? { rules: 'Account:review', ...change } : change
  await using file = await vendorPair(shop, own)
  const error: unknown = await file.pair(file.path, '--preview').catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'pair_file_invalid' })
  const shown = JSON.stringify([error, String(error)])
  expect(shown).toContain(place)
  expect(shown).toContain(text)
  expect(shown).not.toContain(accessToken)
  expect(shop.salesforce.requests).toEqual([])
})
