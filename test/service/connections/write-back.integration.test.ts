import jsforce from 'jsforce'
import { expect, test } from 'vitest'
import type { FinishedSandbox } from '../../../service/sandboxes/schema.ts'
import type { Service } from '../../../service/service.ts'
import { accessToken, SalesforceSimulator } from '../../fakes/salesforce/salesforce-simulator.ts'
import { dumpOf } from '../../support/all-texts.ts'
import { testDatabase, type TestDatabase } from '../../support/postgres.ts'
import { runToEnd, testService, type TestService } from '../../support/test-service.ts'

const principal = 'key_1'
const name = 'leads-back'

interface Place extends AsyncDisposable {
  readonly place: TestService
  readonly service: Service
  readonly salesforce: SalesforceSimulator
  readonly source: TestDatabase
  readonly client: jsforce.Connection
}

/** A table of accounts, an instance of Salesforce, and a connection between them. */
async function open(options: object = {}, streams: object = {}): Promise<Place> {
  const parts = new AsyncDisposableStack()
  const salesforce = parts.use(await SalesforceSimulator.start())
  const place = parts.use(await testService())
  const source = parts.use(await testDatabase())
  await source.query(
    `CREATE TABLE account (code text PRIMARY KEY, name text, tier text, extra jsonb, note text, version bigserial);
     INSERT INTO account (code, name, tier, extra, note)
     SELECT 'A-' || i, 'Account ' || i, CASE WHEN i % 2 = 0 THEN 'gold' ELSE 'silver' END,
            jsonb_build_object('address', jsonb_build_object('city', 'Kraków')), 'internal'
     FROM generate_series(1, 150) i`,
  )
  const { service } = place
  await service.instances.create({
    name: 'warehouse',
    type: 'postgres',
    config: { ...source.address, schemas: ['public'] },
  })
  await service.instances.create({
    name: 'sf-prod',
    type: 'salesforce',
    config: { api_url: salesforce.url, access_token: accessToken },
  })
  await service.connections.create({
    name,
    from: 'warehouse',
    destination: 'instance:sf-prod',
    streams: [{ name: 'account', syncMode: 'incremental', cursorField: 'version', ...streams }],
    options: {
      writes: [
        {
          stream: 'account',
          object: 'Account',
          fields: {
            Code__c: 'code',
            Name: 'name',
            Tier__c: {
              column: 'tier',
              map: { gold: 'Gold', silver: 'Silver' },
              otherwise: 'Bronze',
            },
            BillingCity: { column: 'extra', path: '$.address.city' },
            Type: { value: 'Customer' },
          },
        },
      ],
      ...options,
    },
  })
  const client = new jsforce.Connection({
    instanceUrl: salesforce.url,
    accessToken,
    version: '65.0',
  })
  return {
    ...{ place, service, salesforce, source, client },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

function sandbox({ sandboxes }: Service, limitRows = 1000): Promise<FinishedSandbox> {
  return sandboxes.run(name, { limitRows, principal })
}

async function promoted(service: Service, { promoteToken }: FinishedSandbox) {
  const promotion = await service.sandboxes.promote(name, { token: promoteToken ?? '', principal })
  if (promotion.state !== 'promoted') throw new Error(`it is ${promotion.state}`)
  return runToEnd(service.runs, promotion.run)
}

test('a sandbox shows what would be written and sends nothing; its token lets it be written', async () => {
  await using opened = await open()
  const { place, service, salesforce, client } = opened
  const first = await sandbox(service)
  expect(salesforce.requests.filter(({ method }) => method !== 'GET')).toHaveLength(
    salesforce.callsOf('/query').filter(({ method }) => method !== 'GET').length,
  )
  const [stream] = first.report.streams
  expect(stream).toMatchObject({
    complete: true,
    writes: { instance: 'sf-prod', create: 150, update: 0, unchanged: 0, delete: 0 },
  })
  expect(stream?.writes?.samples[0]).toMatchObject({
    operation: 'create',
    fields: expect.arrayContaining([
      { field: 'BillingCity', from: null, to: '"Kraków"' },
      { field: 'Type', from: null, to: '"Customer"' },
    ]) as unknown,
  })
  expect(stream?.warnings.join(' ')).toContain('`note`, `version`')
  expect(await dumpOf(place.metadata)).not.toContain('Kraków')

  place.work()
  expect(await promoted(service, first)).toMatchObject({ status: 'complete', loaded: 150 })
  const { records } = await client.query(
    "SELECT Code__c, Name, Tier__c, BillingCity, Type FROM Account WHERE Code__c = 'A-2'",
  )
  expect(records).toMatchObject([
    { Name: 'Account 2', Tier__c: 'Gold', BillingCity: 'Kraków', Type: 'Customer' },
  ])
  expect((await client.query('SELECT Id FROM Account')).totalSize).toBe(150)
  expect(await dumpOf(place.metadata)).not.toContain('Kraków')
})

test('a change that touches no mapped field costs no call; one that does sends that field alone', async () => {
  await using opened = await open()
  const { place, service, salesforce, source } = opened
  place.work()
  await promoted(service, await sandbox(service))
  await source.query(
    `UPDATE account SET note = 'x', version = nextval('account_version_seq') WHERE code <> 'A-7';
     UPDATE account SET name = 'Seven', version = nextval('account_version_seq') WHERE code = 'A-7'`,
  )
  const second = await sandbox(service)
  expect(second.report.streams[0]?.writes).toMatchObject({
    ...{ create: 0, update: 1, unchanged: 149 },
    samples: [
      { operation: 'update', fields: [{ field: 'Name', from: '"Account 7"', to: '"Seven"' }] },
    ],
  })
  const before = salesforce.callsOf('/composite/sobjects').length
  await runToEnd(service.runs, await service.runs.start(name))
  const sent = salesforce.callsOf('/composite/sobjects').slice(before)
  expect(sent).toHaveLength(1)
  expect(JSON.parse(sent[0]?.body ?? '')).toMatchObject({
    records: [{ attributes: { type: 'Account' }, Name: 'Seven' }],
  })
  expect(
    Object.keys((JSON.parse(sent[0]?.body ?? '') as { records: object[] }).records[0] ?? {}),
  ).toEqual(['attributes', 'Id', 'Name'])
})

test('refused records are listed with the vendor’s reasons, tried again, and discarded', async () => {
  await using opened = await open()
  const { place, service, source, salesforce } = opened
  await source.query(`UPDATE account SET tier = 'tin' WHERE code IN ('A-3', 'A-5')`)
  await service.connections.activate(name)
  place.work()
  const run = await runToEnd(service.runs, await service.runs.start(name))
  expect(run).toMatchObject({ status: 'partial', loaded: 148, rejected: 2 })
  const { items } = await service.rejects.list(name, {})
  expect(items).toMatchObject([
    {
      stream: 'account',
      key: 'A-3',
      code: 'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST',
      reason: expect.stringContaining('Bronze') as string,
      fields: ['Tier__c'],
    },
    { key: 'A-5' },
  ])
  expect(await service.rejects.retry(name, {})).toEqual({ tried: 2, written: 0, rejected: 2 })
  // Somebody adds the value to the picklist.
  const account = salesforce.organization.object('Account')
  salesforce.organization.define({
    ...account,
    fields: account.fields.map((field) =>
      field.name === 'Tier__c' ? { ...field, restrictedPicklist: false } : field,
    ),
  })
  expect(await service.rejects.retry(name, { keys: ['A-3'] })).toMatchObject({ written: 1 })
  expect((await service.rejects.list(name, {})).items.map(({ key }) => key)).toEqual(['A-5'])
  expect(await service.rejects.discard(name, {})).toBe(1)
  expect((await service.rejects.list(name, {})).items).toEqual([])
})

test('a run stops before it deletes many records, and the one that a token starts deletes them', async () => {
  await using opened = await open(
    { writeDeletes: 'delete' },
    { syncMode: 'full_refresh', cursorField: undefined, destinationSyncMode: 'overwrite' },
  )
  const { place, service, source, client } = opened
  place.work()
  await promoted(service, await sandbox(service))
  await source.query(`DELETE FROM account WHERE code <> 'A-1'`)
  const held = await runToEnd(service.runs, await service.runs.start(name))
  expect(held).toMatchObject({ status: 'failed' })
  const { streams } = await service.runs.get(name, held.id)
  expect(streams[0]?.error).toMatchObject({ code: 'write_deletes_held' })
  expect((await client.query('SELECT Id FROM Account')).totalSize).toBe(150)
  const shown = await sandbox(service)
  expect(shown.report.streams[0]?.writes).toMatchObject({ delete: 149, deletes_held: true })
  await promoted(service, shown)
  const { records } = await client.query('SELECT Code__c FROM Account')
  expect(records).toMatchObject([{ Code__c: 'A-1' }])
})

test('a guarded connection does not overwrite what somebody else has changed', async () => {
  await using opened = await open({ writeMode: 'guarded' })
  const { place, service, source, salesforce } = opened
  const { organization } = salesforce
  await service.connections.activate(name)
  place.work()
  await runToEnd(service.runs, await service.runs.start(name))
  organization.pass(60)
  const [theirs] = organization.holders('Account', 'Code__c', 'A-1')
  organization.update('Account', String(theirs?.Id), { Name: 'Theirs' })
  await source.query(
    `UPDATE account SET name = 'Ours', version = nextval('account_version_seq') WHERE code IN ('A-1', 'A-2')`,
  )
  await runToEnd(service.runs, await service.runs.start(name))
  const names = ['A-1', 'A-2'].map(
    (code) => organization.holders('Account', 'Code__c', code)[0]?.Name,
  )
  expect(names).toEqual(['Theirs', 'Ours'])
  expect((await service.rejects.list(name, {})).items).toMatchObject([
    { key: 'A-1', code: 'version_conflict' },
  ])
  expect(await service.rejects.retry(name, {})).toMatchObject({ written: 1 })
  expect(organization.holders('Account', 'Code__c', 'A-1')[0]?.Name).toBe('Ours')
})

test('a mapping that cannot be is refused when the connection is made', async () => {
  const writes = [
    { stream: 'account', object: 'Account', fields: { Nme: 'name', Code__c: 'code' } },
  ]
  await expect(open({ writes })).rejects.toMatchObject({
    code: 'write_mapping_invalid',
    details: { problems: expect.stringContaining('did you mean `Name`?') as string },
  })
  await expect(open({ writes: [{ stream: 'account', object: 'Nothing' }] })).rejects.toMatchObject({
    code: 'write_object_unknown',
  })
})
