import { expect, test } from 'vitest'
import type { Pair, PlacedStream, StreamPlace } from '../../../../engine/two-way/open-pair.ts'
import { seeAll } from '../../../fakes/salesforce/acme.ts'
import { SalesforceError } from '../../../fakes/salesforce/salesforce-error.ts'
import {
  accounts,
  changesOf,
  contacts,
  createSalesShop,
  idOf,
  overriding,
  rowsOf,
  runRound,
  type RoundChange,
  type SalesShop,
} from './sales-shop.ts'

/** Two accounts and three contacts in PostgreSQL, one account and two contacts in Salesforce. */
async function fill({ database, organization }: SalesShop): Promise<void> {
  await database.query(
    `INSERT INTO account (name, revenue, parent) VALUES ('Acme', 1.50, NULL), ('Globex', NULL, 1)`,
  )
  await database.query(`INSERT INTO contact (email, last_name, city, birthdate, account_id) VALUES
    ('ada@x', 'Ada', 'Kraków', '1990-02-03', 1), ('bob@x', 'Bob', NULL, NULL, 2),
    ('cy@x', 'Cy', 'Rome', NULL, NULL)`)
  organization.create('Account', { Name: 'Acme' })
  organization.create('Contact', { Email: 'ada@x', LastName: 'Ada' })
  organization.create('Contact', { Email: 'dee@x', LastName: 'Dee', HasOptedOutOfEmail: true })
}

async function expectSame(shop: SalesShop): Promise<void> {
  const own = await contacts(shop)
  expect(own.b).toEqual(own.a)
  const parents = await accounts(shop)
  expect(parents.b).toEqual(parents.a)
}

/** A round later nothing is written to either side. */
async function expectQuiet(shop: SalesShop): Promise<void> {
  const stamps = (): unknown =>
    ['account' as const, 'contact' as const].map((stream) =>
      rowsOf(shop, stream).map((row) => row.SystemModstamp),
    )
  const before = [stamps(), await contacts(shop), await accounts(shop)]
  const report = await runRound(shop)
  expect(changesOf(report, 'account')).toEqual({})
  expect(changesOf(report, 'contact')).toEqual({})
  expect([stamps(), await contacts(shop), await accounts(shop)]).toEqual(before)
}

async function settled(change: (pair: Pair) => Pair = (pair) => pair): Promise<SalesShop> {
  const made = await createSalesShop()
  const shop = { ...made, pair: change(made.pair) }
  await fill(shop)
  await runRound(shop)
  await expectSame(shop)
  return shop
}

test('the first alignment matches by a field, creates the rest with its references, and is then quiet', async () => {
  await using shop = await createSalesShop()
  await fill(shop)
  const report = await runRound(shop)
  expect(changesOf(report, 'account')).toEqual({ created: 1, updated: 2 })
  expect(changesOf(report, 'contact')).toEqual({ created: 3, updated: 1 })
  await expectSame(shop)
  expect((await contacts(shop)).b).toMatchObject([
    { email: 'ada@x', city: 'Kraków', birthdate: '1990-02-03', account: 'Acme' },
    { email: 'bob@x', account: 'Globex' },
    { email: 'cy@x', city: 'Rome' },
    { email: 'dee@x', opted_out: true },
  ])
  expect((await accounts(shop)).b).toMatchObject([
    { name: 'Acme', revenue: 1.5, parent: null },
    { name: 'Globex', parent: 'Acme' },
  ])
  await expectQuiet(shop)
})

test('edits of both sides are carried, merged by field, and conflicts end by their rule', async () => {
  await using shop = await settled()
  const { database, organization } = shop
  organization.pass(60)
  const contact = (email: string): string => idOf(shop, 'contact', 'Email', email)
  await database.query(`UPDATE contact SET last_name = 'Adaa' WHERE email = 'ada@x'`)
  organization.update('Contact', contact('ada@x'), { Birthdate: '1991-01-01' })
  organization.update('Contact', contact('bob@x'), { AccountId: null })
  organization.update('Contact', contact('cy@x'), { MailingCity: 'from b' })
  await database.query(`UPDATE contact SET city = 'from a' WHERE email = 'cy@x'`)
  await database.query(`UPDATE contact SET last_name = 'from a' WHERE email = 'dee@x'`)
  organization.pass(600)
  organization.update('Contact', contact('dee@x'), { LastName: 'from b' })
  expect(changesOf(await runRound(shop), 'contact')).toEqual({ updated: 5, conflicts: 2 })
  await expectSame(shop)
  expect((await contacts(shop)).a).toMatchObject([
    { email: 'ada@x', last_name: 'Adaa', birthdate: '1991-01-01', account: 'Acme' },
    { email: 'bob@x', account: null },
    { email: 'cy@x', city: 'from b' },
    { email: 'dee@x', last_name: 'from b' },
  ])
  const lost = await database.query(`SELECT field, winner, value_a, value_b
    FROM reactor_connect.two_way_conflicts ORDER BY field`)
  expect(lost).toEqual([
    { field: 'city', winner: 'b', value_a: 'from a', value_b: 'from b' },
    { field: 'last_name', winner: 'b', value_a: 'from a', value_b: 'from b' },
  ])
  await expectQuiet(shop)
})

test('what a trigger makes of a value is the base: it does not come back as an edit', async () => {
  await using shop = await settled()
  const { database, organization } = shop
  organization.triggers.set('Account', (account) => {
    if (typeof account.Phone === 'string') account.Phone = account.Phone.replaceAll(/[^\d+]/g, '')
  })
  await database.query(`UPDATE account SET phone = '+48 (12) 345' WHERE name = 'Acme'`)
  expect(changesOf(await runRound(shop), 'account')).toEqual({ updated: 1 })
  expect(rowsOf(shop, 'account').find(({ Name: name }) => name === 'Acme')?.Phone).toBe('+4812345')
  const phones = 'SELECT phone FROM account WHERE phone IS NOT NULL'
  expect(await database.query(phones)).toEqual([{ phone: '+48 (12) 345' }])
  expect(changesOf(await runRound(shop), 'account')).toEqual({})
  expect(await database.query(phones)).toEqual([{ phone: '+48 (12) 345' }])
  organization.pass(5)
  organization.update('Account', idOf(shop, 'account', 'Name', 'Acme'), { Phone: '99' })
  expect(changesOf(await runRound(shop), 'account')).toEqual({ updated: 1 })
  expect(await database.query(phones)).toEqual([{ phone: '99' }])
})

test('an automation that edits after each of our writes is carried back once, and ends', async () => {
  await using shop = await settled()
  const { database, organization } = shop
  organization.triggers.set('Contact', (contact, before) => {
    if (before !== undefined && contact.LastName !== before.LastName)
      contact.MailingCity = `moved by a flow: ${String(contact.LastName)}`
  })
  await database.query(`UPDATE contact SET last_name = 'New' WHERE email = 'bob@x'`)
  expect(changesOf(await runRound(shop), 'contact')).toEqual({ updated: 2 })
  await expectSame(shop)
  expect(await database.query(`SELECT city FROM contact WHERE email = 'bob@x'`)).toEqual([
    { city: 'moved by a flow: New' },
  ])
  await expectQuiet(shop)
})

test('deletions are carried, and too many at once are held until a person allows them', async () => {
  await using shop = await createSalesShop()
  const { database, organization } = shop
  await fill(shop)
  await database.query(
    `INSERT INTO contact (email, last_name) SELECT 'n' || i, 'N' FROM generate_series(1, 30) i`,
  )
  await runRound(shop)
  await database.query(`DELETE FROM contact WHERE email = 'bob@x'`)
  organization.delete('Contact', idOf(shop, 'contact', 'Email', 'cy@x'))
  expect(changesOf(await runRound(shop), 'contact')).toEqual({ deleted: 2 })
  await expectSame(shop)
  for (const { Id: id, LastName: name } of rowsOf(shop, 'contact'))
    if (name === 'N') organization.delete('Contact', String(id))
  expect(changesOf(await runRound(shop), 'contact')).toEqual({ heldDeletes: 30 })
  expect((await contacts(shop)).a).toHaveLength(32)
  const options = { ...shop.pair.options, allowsDeletes: true }
  const allowing = { ...shop, pair: { ...shop.pair, options } }
  expect(changesOf(await runRound(allowing), 'contact')).toEqual({ deleted: 30 })
  await expectSame(shop)
  await expectQuiet(shop)
})

test('a record that the user may no longer see is not deleted; one that was purged is', async () => {
  await using shop = await settled()
  const { organization } = shop
  const ada = idOf(shop, 'contact', 'Email', 'ada@x')
  organization.hiddenRecords.add(ada)
  expect(changesOf(await runRound(shop), 'contact')).toEqual({})
  expect((await contacts(shop)).a).toHaveLength(4)
  organization.hiddenRecords.delete(ada)
  organization.purge('Contact', ada)
  expect(changesOf(await runRound(shop), 'contact')).toEqual({ deleted: 1 })
  await expectSame(shop)
  // Purged so long ago that no log has it: it is gone for a user who sees everything, and only for that.
  const bob = idOf(shop, 'contact', 'Email', 'bob@x')
  organization.purge('Contact', bob)
  organization.deletions.length = 0
  expect(changesOf(await runRound(shop), 'contact')).toEqual({})
  seeAll(organization)
  expect(changesOf(await runRound(shop), 'contact')).toEqual({ deleted: 1 })
  await expectSame(shop)
  await expectQuiet(shop)
})

test('a field that is hidden from the user stops the run and empties nothing', async () => {
  await using shop = await settled()
  const before = await contacts(shop)
  shop.organization.hiddenFields.add('Contact.MailingCity')
  await expect(runRound(shop)).rejects.toMatchObject({
    code: 'pair_stream_invalid',
    message: expect.stringContaining('MailingCity') as string,
  })
  expect(await contacts(shop)).toEqual(before)
})

test('a record that is undeleted comes back on the other side', async () => {
  await using shop = await settled()
  const { organization } = shop
  const cy = idOf(shop, 'contact', 'Email', 'cy@x')
  organization.delete('Contact', cy)
  expect(changesOf(await runRound(shop), 'contact')).toEqual({ deleted: 1 })
  organization.pass(60)
  organization.undelete('Contact', cy)
  expect(changesOf(await runRound(shop), 'contact')).toEqual({ created: 1 })
  await expectSame(shop)
  await expectQuiet(shop)
})

test('accounts that are merged at Salesforce become one, and references lead to the one that is left', async () => {
  await using shop = await settled()
  const { organization } = shop
  const [winner, loser] = ['Acme', 'Globex'].map((name) => idOf(shop, 'account', 'Name', name))
  if (winner === undefined || loser === undefined) throw new Error('no accounts')
  organization.pass(60)
  organization.merge('Account', winner, [loser])
  // Salesforce gives the children of the lost record to the one that is left.
  organization.update('Contact', idOf(shop, 'contact', 'Email', 'bob@x'), { AccountId: winner })
  await runRound(shop)
  await expectSame(shop)
  expect((await accounts(shop)).a).toMatchObject([{ name: 'Acme' }])
  expect((await contacts(shop)).a).toMatchObject([{}, { email: 'bob@x', account: 'Acme' }, {}, {}])
  await expectQuiet(shop)
})

test('a record that is merged into one that is not linked goes on with it', async () => {
  await using shop = await settled()
  const { organization } = shop
  const cy = idOf(shop, 'contact', 'Email', 'cy@x')
  organization.pass(60)
  const other = organization.create('Contact', { Email: 'cy@y', LastName: 'Cy' })
  organization.merge('Contact', other, [cy])
  await shop.database.query(`UPDATE contact SET birthdate = '2000-01-01' WHERE email = 'cy@x'`)
  await runRound(shop)
  await expectSame(shop)
  expect((await contacts(shop)).a).toHaveLength(4)
  expect(rowsOf(shop, 'contact').find(({ Id: id }) => id === other)).toMatchObject({
    Email: 'cy@y',
    Birthdate: '2000-01-01',
  })
  await expectQuiet(shop)
})

test('a record that a rule of Salesforce refuses is reported, and does not stop the others', async () => {
  await using shop = await settled()
  const { database, organization } = shop
  organization.triggers.set('Contact', ({ MailingCity: city }) => {
    if (city === 'nowhere')
      throw new SalesforceError('FIELD_CUSTOM_VALIDATION_EXCEPTION', 'There is no such city', {
        fields: ['MailingCity'],
      })
  })
  await database.query(`UPDATE contact SET city = 'nowhere' WHERE email = 'ada@x'`)
  await database.query(`UPDATE contact SET last_name = 'Bobby' WHERE email = 'bob@x'`)
  expect(changesOf(await runRound(shop), 'contact')).toEqual({ updated: 1, refused: 1 })
  expect(changesOf(await runRound(shop), 'contact')).toEqual({ refused: 1 })
  await database.query(`UPDATE contact SET city = 'Rome' WHERE email = 'ada@x'`)
  expect(changesOf(await runRound(shop), 'contact')).toEqual({ updated: 1 })
  await expectSame(shop)
  await expectQuiet(shop)
})

test('a record that others have locked is written when it is free, and is no loop', async () => {
  await using shop = await settled()
  const { database, organization } = shop
  const acme = idOf(shop, 'account', 'Name', 'Acme')
  organization.locked.add(acme)
  await database.query(`UPDATE contact SET last_name = 'Locked' WHERE email = 'ada@x'`)
  for (let round = 0; round < 8; round++) {
    const { updated = 0, quarantined = 0 } = changesOf(await runRound(shop), 'contact')
    expect([updated, quarantined]).toEqual([0, 0])
  }
  organization.locked.clear()
  expect(changesOf(await runRound(shop), 'contact')).toEqual({ updated: 1 })
  await expectSame(shop)
  await expectQuiet(shop)
})

test('an edit between the read and the write is not overwritten', async () => {
  await using shop = await settled()
  const { database, organization } = shop
  await database.query(`UPDATE contact SET last_name = 'from a' WHERE email = 'ada@x'`)
  const ada = idOf(shop, 'contact', 'Email', 'ada@x')
  let edits = 0
  await runRound(shop, {
    sides: (sides) => ({
      ...sides,
      b: overriding(sides.b, {
        write: (stream, writes) => {
          edits += 1
          organization.pass(30)
          if (edits === 1) organization.update('Contact', ada, { MailingCity: 'in between' })
          return sides.b.write(stream, writes)
        },
      }),
    }),
  })
  expect(edits).toBe(2)
  await expectSame(shop)
  expect((await contacts(shop)).a[0]).toMatchObject({ last_name: 'from a', city: 'in between' })
  await expectQuiet(shop)
})

/** Dies when the results of writes are stored: the records are there, and the links do not know it. */
const dying: RoundChange = {
  store: (store) =>
    overriding(store, {
      save: async (change) => {
        if (change.history.length > 0) throw new Error('the process died')
        await store.save(change)
      },
    }),
}

test('a run that dies between a write and its bookkeeping doubles nothing', async () => {
  await using shop = await createSalesShop()
  await fill(shop)
  for (let run = 0; run < 8; run++) {
    await runRound(shop, dying).catch((error: unknown) => {
      expect(String(error)).toContain('the process died')
    })
    shop.organization.pass(200)
  }
  await runRound(shop)
  await expectSame(shop)
  expect((await contacts(shop)).b).toHaveLength(4)
  expect(rowsOf(shop, 'account')).toHaveLength(2)
  await expectQuiet(shop)
})

const faults = {
  'the response is lost after the write': { after: 'cut' },
  'the server fails after the write': { after: 500 },
  'the server fails before the write': { before: 500 },
  'requests are throttled': { before: 429 },
} as const

test.each(Object.entries(faults))('%s: nothing is lost or doubled', async (_name, fault) => {
  await using shop = await createSalesShop()
  await fill(shop)
  const { salesforce, organization } = shop
  let failures = 0
  const answer = (status: number) => ({
    status,
    body: [{ errorCode: status === 429 ? 'REQUEST_LIMIT_EXCEEDED' : 'UNKNOWN', message: 'later' }],
  })
  const strike = (kind: 'cut' | number) => {
    failures += 1
    return failures > 12 ? undefined : kind === 'cut' ? ('cut' as const) : answer(kind)
  }
  salesforce.faults =
    'after' in fault
      ? { after: () => strike(fault.after) }
      : { before: () => strike(fault.before) as ReturnType<typeof answer> | undefined }
  for (let round = 0; round < 8; round++) {
    await runRound(shop)
    organization.pass(200)
  }
  expect(failures).toBeGreaterThan(1)
  await expectSame(shop)
  expect((await contacts(shop)).b).toHaveLength(4)
  expect(rowsOf(shop, 'account')).toHaveLength(2)
  await expectQuiet(shop)
})

/** The pair with other options of the objects of Salesforce. */
function withObjects(
  streams: readonly PlacedStream[],
  change: (object: Extract<StreamPlace, { kind: 'connector' }>['object']) => object,
): readonly PlacedStream[] {
  return streams.map((stream) => {
    const { a, b } = stream.places
    if (b.kind !== 'connector') return stream
    const object = { ...b.object, ...change(b.object) }
    return { ...stream, places: { a, b: { ...b, object } } }
  })
}

test('a round of changes finds edits, deletions and new records by the cursor, without a whole read', async () => {
  await using shop = await settledWithCursor()
  const { database, organization, salesforce } = shop
  organization.pass(1_000)
  organization.update('Contact', idOf(shop, 'contact', 'Email', 'ada@x'), { LastName: 'Edited' })
  organization.delete('Contact', idOf(shop, 'contact', 'Email', 'cy@x'))
  organization.create('Contact', { Email: 'new@x', LastName: 'New' })
  salesforce.keepsRequests = true
  const changes = changesOf(await runRound(shop, { finds: 'changes' }), 'contact')
  expect(changes).toEqual({ updated: 1, deleted: 1, created: 1 })
  await expectSame(shop)
  const reads = salesforce.callsOf('/query').filter(({ url }) => url.includes('FROM+Contact'))
  for (const { url } of reads) expect(url).toMatch(/WHERE/)
  expect(reads.length).toBeGreaterThan(0)
  // An edit that this side does not report is found by the next sweep.
  await database.query(`UPDATE contact SET city = 'Oslo' WHERE email = 'bob@x'`)
  expect(changesOf(await runRound(shop, { finds: 'changes' }), 'contact')).toEqual({})
  expect(changesOf(await runRound(shop), 'contact')).toEqual({ updated: 1 })
  await expectSame(shop)
  await expectQuiet(shop)
})

test('changes of a round that died are found again', async () => {
  await using shop = await settledWithCursor()
  const { organization } = shop
  organization.pass(1_000)
  organization.update('Contact', idOf(shop, 'contact', 'Email', 'ada@x'), { LastName: 'Edited' })
  const dies: RoundChange = {
    finds: 'changes',
    store: (store) =>
      overriding(store, { findByRecord: () => Promise.reject(new Error('the process died')) }),
  }
  await expect(runRound(shop, dies)).rejects.toThrow('the process died')
  organization.pass(5_000)
  const changes = changesOf(await runRound(shop, { finds: 'changes' }), 'contact')
  expect(changes).toEqual({ updated: 1 })
  await expectSame(shop)
})

function settledWithCursor(): Promise<SalesShop> {
  return settled((pair) => ({
    ...pair,
    streams: withObjects(pair.streams, () => ({ cursor: 'SystemModstamp' })),
  }))
}

test('a side has other words for a value, and a value that all of its records have', async () => {
  await using shop = await createSalesShop()
  const { database, organization } = shop
  await database.query('ALTER TABLE account ADD tier text')
  const accountsOnly = shop.pair.streams.filter(({ name }) => name === 'account')
  const [stream] = withObjects(accountsOnly, ({ fields }) => ({
    fields: new Map([['tier', 'Tier__c'], ...fields]),
    constants: new Map([['Type', 'Customer']]),
    values: new Map([
      [
        'tier',
        {
          kind: 'values',
          passes: false,
          pairs: [
            ['Gold', 'a'],
            ['Silver', 'b'],
          ],
        },
      ],
    ]),
  }))
  if (stream?.places.a.kind !== 'postgres') throw new Error('no table')
  const columns = new Map([['tier', 'tier'], ...stream.places.a.table.columns])
  const a = { ...stream.places.a, table: { ...stream.places.a.table, columns } }
  const placed = { ...stream, fields: [{ name: 'tier' }, ...stream.fields] }
  const streams = [{ ...placed, places: { ...stream.places, a } }]
  const own = { ...shop, pair: { ...shop.pair, streams } }
  await database.query(`INSERT INTO account (name, tier) VALUES ('One', 'a'), ('Two', 'none')`)
  organization.create('Account', { Name: 'Three', Type: 'Customer', Tier__c: 'Silver' })
  organization.create('Account', { Name: 'Four', Type: 'Prospect', Tier__c: 'Gold' })
  expect(changesOf(await runRound(own), 'account')).toEqual({ created: 2, refused: 1 })
  expect(await database.query('SELECT name, tier FROM account ORDER BY id')).toEqual([
    { name: 'One', tier: 'a' },
    { name: 'Two', tier: 'none' },
    { name: 'Three', tier: 'b' },
  ])
  expect(rowsOf(shop, 'account').find(({ Name: name }) => name === 'One')).toMatchObject({
    ...{ Type: 'Customer', Tier__c: 'Gold' },
  })
  organization.pass(60)
  organization.update('Account', idOf(shop, 'account', 'Name', 'One'), { Tier__c: 'Silver' })
  expect(changesOf(await runRound(own), 'account')).toMatchObject({ updated: 1 })
  expect(await database.query(`SELECT tier FROM account WHERE name = 'One'`)).toEqual([
    { tier: 'b' },
  ])
  // It leaves the scope: it is not deleted.
  organization.update('Account', idOf(shop, 'account', 'Name', 'One'), { Type: 'Prospect' })
  await runRound(own)
  expect(await database.query('SELECT name FROM account')).toHaveLength(3)
})

test('a record that waits for its counterpart is linked with it when somebody makes one', async () => {
  await using made = await createSalesShop()
  const streams = made.pair.streams.map((stream) => {
    return { ...stream, mayCreate: { a: true, b: false } }
  })
  const shop = { ...made, pair: { ...made.pair, streams } }
  await fill(shop)
  expect(changesOf(await runRound(shop), 'contact')).toMatchObject({ unmatched: 2 })
  shop.organization.pass(60)
  shop.organization.create('Contact', { Email: 'cy@x', LastName: 'Cyrus' })
  const round = changesOf(await runRound(shop), 'contact')
  expect(round).toMatchObject({ conflicts: 1, updated: 2 })
  const emails = await shop.database.query(`SELECT email, last_name FROM contact ORDER BY email`)
  expect(emails).toMatchObject([{}, {}, { email: 'cy@x', last_name: 'Cyrus' }, { email: 'dee@x' }])
  expect(rowsOf(shop, 'contact')).toHaveLength(3)
})

test('records are matched and created by an external id that both sides have', async () => {
  await using shop = await createSalesShop()
  const { database, organization } = shop
  await database.query('ALTER TABLE account ADD code text')
  await database.query(`INSERT INTO account (name, code) VALUES ('One', 'c-1'), ('Two', 'c-2')`)
  organization.create('Account', { Name: 'One', Code__c: 'c-1' })
  const streams = shop.pair.streams.flatMap((stream): PlacedStream[] => {
    const { a, b } = stream.places
    if (stream.name !== 'account' || a.kind !== 'postgres' || b.kind !== 'connector') return []
    const object = { ...b.object, linkField: undefined }
    const columns = new Map([['code', 'code'], ...a.table.columns])
    const fields = new Map([['code', 'Code__c'], ...object.fields])
    return [
      {
        ...{ ...stream, matchField: 'code', fields: [{ name: 'code' }, ...stream.fields] },
        places: {
          a: { ...a, table: { ...a.table, columns } },
          b: { ...b, object: { ...object, fields } },
        },
      },
    ]
  })
  const own = { ...shop, pair: { ...shop.pair, streams } }
  for (let run = 0; run < 3; run++) {
    await runRound(own, dying).catch(() => undefined)
    organization.pass(200)
  }
  await runRound(own)
  expect(rowsOf(shop, 'account').map((row) => row.Code__c)).toEqual(['c-1', 'c-2'])
  await expectSame(shop)
  expect(changesOf(await runRound(own), 'account')).toEqual({})
})

test.each([
  [{ linkField: 'Phone' }, 'is no external id'],
  [{ linkField: undefined }, 'would be there twice'],
  [{ fields: new Map([['name', 'Nam']]) }, 'has no field Nam'],
  [{ fields: new Map([['name', 'Score__c']]) }, 'may not write field Score__c'],
  [{ fields: new Map([['name', 'BillingAddress']]) }, 'BillingAddress'],
  [{ fields: new Map([['name', 'Phone']]) }, 'cannot be created without'],
])('an object that cannot be kept the same is refused: %o', async (change, problem) => {
  await using shop = await createSalesShop()
  const account = shop.pair.streams.filter(({ name }) => name === 'account')
  const streams = withObjects(account, () => change)
  await expect(runRound({ ...shop, pair: { ...shop.pair, streams } })).rejects.toMatchObject({
    code: 'pair_stream_invalid',
    message: expect.stringContaining(problem) as string,
  })
})

test('a pair without a database for its links is refused', async () => {
  await using shop = await createSalesShop()
  await expect(runRound({ ...shop, pair: { ...shop.pair, linksOn: 'b' } })).rejects.toMatchObject({
    code: 'pair_stream_invalid',
  })
})
