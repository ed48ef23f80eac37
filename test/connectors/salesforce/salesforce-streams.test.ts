import { expect, test } from 'vitest'
import { connectorOf } from '../../../connectors/registry.ts'
import type { JsonObject } from '../../../protocol/index.ts'
import { fillAcme, seeAll } from '../../fakes/salesforce/acme.ts'
import { field, sobject } from '../../fakes/salesforce/objects.ts'
import { accessToken, SalesforceSimulator } from '../../fakes/salesforce/salesforce-simulator.ts'
import { NativeConnector } from '../http/native-connector.ts'

const connector = await connectorOf('salesforce')

function beside(salesforce: SalesforceSimulator, config: JsonObject = {}): NativeConnector {
  const url = { access_token: accessToken, api_url: salesforce.url }
  return new NativeConnector(connector, { ...url, ...config })
}

test('every object is a stream, with custom fields, and without compound and Base64 fields', async () => {
  await using salesforce = await SalesforceSimulator.start()
  const streams = await beside(salesforce).discover()
  const named = new Map(streams.map((stream) => [stream.name, stream]))
  expect([...named.keys()]).toEqual(expect.arrayContaining(['Account', 'Invoice__c', 'Lead']))
  // 13 objects in one call.
  expect(salesforce.usedCalls).toBe(2)
  const account = named.get('Account')
  expect(account?.json_schema.properties).toMatchObject({
    Id: { type: 'string' },
    AnnualRevenue: { type: ['number', 'null'] },
    BillingCity: { type: ['string', 'null'] },
    Score__c: { description: expect.stringContaining('formula') as unknown },
    SystemModstamp: { format: 'date-time' },
    _ab_cdc_deleted_at: { format: 'date-time' },
  })
  expect(account?.json_schema.properties).not.toHaveProperty('BillingAddress')
  expect(account?.default_cursor_field).toEqual(['SystemModstamp'])
  expect(named.get('Attachment')?.json_schema.properties).not.toHaveProperty('Body')
  expect(named.get('AccountHistory')?.default_cursor_field).toEqual(['CreatedDate'])
  expect(named.get('OrgWideNote__c')?.supported_sync_modes).toEqual(['full_refresh'])
})

test('changes, deletions, undeletions, merges and purges come with the next read, and late commits too', async () => {
  await using salesforce = await SalesforceSimulator.start()
  const { organization } = salesforce
  fillAcme(organization, { leads: 6 })
  const source = beside(salesforce)
  const first = await source.read('Lead')
  expect(first.error).toBeUndefined()
  expect(first.rows).toHaveLength(6)
  expect(first.rows[0]).toMatchObject({
    LastName: 'Łukasz "1"',
    Company: 'Acme, 1\nLtd',
    IsDeleted: false,
    SystemModstamp: '2026-03-01T12:00:00.000Z',
    _ab_cdc_deleted_at: null,
  })
  const [changed = '', deleted = '', revived = '', merged = '', purged = ''] = first.rows.map(
    ({ Id: id }) => String(id),
  )
  organization.pass(3600)
  organization.update('Lead', changed, { Company: 'New' })
  const late = organization.createLate('Lead', { LastName: 'Late', Company: 'L' }, 240)
  organization.delete('Lead', deleted)
  organization.delete('Lead', revived)
  organization.pass(120)
  organization.undelete('Lead', revived)
  organization.merge('Lead', changed, [merged])
  organization.purge('Lead', purged)
  const second = await source.read('Lead', { state: first.state })
  const byId = new Map(second.rows.map((row) => [row.Id, row]))
  expect(byId.get(changed)).toMatchObject({ Company: 'New', _ab_cdc_deleted_at: null })
  expect(byId.get(deleted)?._ab_cdc_deleted_at).toBe('2026-03-01T13:05:30.000Z')
  expect(byId.get(revived)).toMatchObject({ IsDeleted: false, _ab_cdc_deleted_at: null })
  expect(byId.get(merged)).toMatchObject({ MasterRecordId: changed, IsDeleted: true })
  expect(byId.get(purged)).toEqual({
    Id: purged,
    IsDeleted: true,
    SystemModstamp: '2026-03-01T13:07:30.000Z',
    _ab_cdc_deleted_at: '2026-03-01T13:07:30.000Z',
  })
  expect(byId.has(late)).toBe(false)
  organization.pass(300)
  const third = await source.read('Lead', { state: second.state })
  expect(third.rows.map(({ Id: id }) => id)).toContain(late)
  // Nothing is read again for ever.
  organization.pass(7200)
  const fourth = await source.read('Lead', { state: third.state })
  expect((await source.read('Lead', { state: fourth.state })).rows).toEqual([])
})

test('a commit that came late while a read was interrupted is not lost', async () => {
  await using salesforce = await SalesforceSimulator.start()
  const { organization } = salesforce
  salesforce.pageSize = 100
  fillAcme(organization, { leads: 300 })
  const late = organization.createLate('Lead', { LastName: 'Late', Company: 'L' }, 300)
  organization.pass(1)
  for (let number = 0; number < 150; number += 1)
    organization.create('Lead', { LastName: String(number), Company: 'After' })
  const source = beside(salesforce)
  const cut = await source.read('Lead', { stopAfter: 400 })
  expect(cut.covered).toHaveLength(400)
  organization.pass(86_400)
  organization.create('Lead', { LastName: 'Newest', Company: 'N' })
  const rest = await source.read('Lead', { state: cut.state })
  expect(rest.rows).toHaveLength(51)
  const next = await source.read('Lead', { state: rest.state })
  expect(next.rows.map(({ Id: id }) => id)).toContain(late)
})

test('a large rest is read by a job of the Bulk API, with the same values, and goes on in its results', async () => {
  await using salesforce = await SalesforceSimulator.start()
  const { organization } = salesforce
  salesforce.pageSize = 200
  for (let number = 0; number < 7000; number += 1)
    organization.create('Account', {
      Name: `A "${String(number)}",\n`,
      AnnualRevenue: number === 6999 ? 123456789012345.67 : 0.1,
      NumberOfEmployees: 3,
    })
  const source = beside(salesforce)
  const plain = await source.read('Account')
  expect(plain.rows).toHaveLength(7000)
  expect(salesforce.callsOf('/jobs/query')).toEqual([])
  const bulk = source.with({ bulk_from_rows: 5000 })
  const cut = await bulk.read('Account', { stopAfter: 5200 })
  expect(cut.covered.length).toBe(5200)
  const rest = await bulk.read('Account', { state: cut.state })
  expect(rest.error).toBeUndefined()
  expect([...cut.covered, ...rest.rows]).toEqual(plain.rows)
  expect(salesforce.callsOf('/jobs/query').filter(({ method }) => method === 'POST')).toHaveLength(
    1,
  )
  // The next pass begins where the job ended.
  organization.pass(60)
  const created = organization.create('Account', { Name: 'Next' })
  const next = await bulk.read('Account', { state: rest.state })
  expect(next.rows.map(({ Id: id }) => id)).toContain(created)
})

test('results of a job that Salesforce no longer has are read in another way', async () => {
  await using salesforce = await SalesforceSimulator.start()
  const { organization } = salesforce
  salesforce.pageSize = 200
  for (let number = 0; number < 6000; number += 1) organization.create('Account', { Name: 'A' })
  const source = beside(salesforce, { bulk_from_rows: 0 })
  const cut = await source.read('Account', { stopAfter: 5200 })
  salesforce.api.bulk.jobs.clear()
  const rest = await source.read('Account', { state: cut.state })
  expect(rest.error).toBeUndefined()
  const ids = [...cut.covered, ...rest.rows].map(({ Id: id }) => id)
  expect(new Set(ids).size).toBe(6000)
})

test('fields beyond the length of an address are asked for by the ids of their records', async () => {
  await using salesforce = await SalesforceSimulator.start()
  const { organization } = salesforce
  const names = Array.from(
    { length: 500 },
    (_, number) => `A_rather_long_name_of_a_field_${String(number)}__c`,
  )
  const [id, deleted, stamp] = ['Id', 'IsDeleted', 'SystemModstamp'].map((name) =>
    organization.object('Lead').fields.find((candidate) => candidate.name === name),
  )
  if (!id || !deleted || !stamp) throw new Error('no fields')
  const fields = [id, deleted, ...names.map((name) => field(name)), stamp]
  organization.define(sobject('Wide__c', { prefix: 'a0W', fields }))
  const created = organization.create('Wide__c', {
    [names[0] ?? '']: 'first',
    [names[499] ?? '']: 'last',
  })
  const { rows } = await beside(salesforce).read('Wide__c')
  expect(rows).toMatchObject([
    { Id: created, [names[0] ?? '']: 'first', [names[499] ?? '']: 'last' },
  ])
  for (const { url } of salesforce.requests) expect(url.length).toBeLessThan(16_000)
})

test('a hidden field is no NULL, and a hidden record is not deleted', async () => {
  await using salesforce = await SalesforceSimulator.start()
  const { organization } = salesforce
  fillAcme(organization)
  const source = beside(salesforce)
  const stream = (await source.discover()).find(({ name }) => name === 'Account')
  const first = await source.read('Account')
  const hidden = String(first.rows[0]?.Id)
  organization.pass(3600)
  organization.hiddenFields.add('Account.Phone')
  organization.hiddenRecords.add(hidden)
  for (const { Id: id } of first.rows)
    if (id !== hidden) organization.update('Account', String(id), { Name: 'Changed' })
  expect(stream?.json_schema.properties).toHaveProperty('Phone')
  const second = await source.read('Account', { state: first.state })
  expect(second.rows).toHaveLength(2)
  for (const row of second.rows) expect(row).not.toHaveProperty('Phone')
})

test('the check says when the user does not see all records', async () => {
  await using salesforce = await SalesforceSimulator.start()
  const source = beside(salesforce)
  expect(await source.check()).toMatchObject({
    status: 'SUCCEEDED',
    message: expect.stringContaining('View All Data') as unknown,
  })
  seeAll(salesforce.organization)
  expect(await source.check()).toEqual({ status: 'SUCCEEDED' })
})

test('reads stop before the daily calls of the organization are used up', async () => {
  await using salesforce = await SalesforceSimulator.start()
  fillAcme(salesforce.organization, { leads: 300 })
  salesforce.pageSize = 20
  salesforce.dailyCalls = 100
  salesforce.usedCalls = 80
  const source = beside(salesforce)
  const { error, covered } = await source.read('Lead')
  expect(error).toMatchObject({
    code: 'source_unavailable',
    message: expect.stringContaining('90 of its 100 calls') as unknown,
  })
  expect(salesforce.usedCalls).toBe(90)
  expect(covered.length).toBeGreaterThan(100)
  const spent = await source.with({ stop_at_percent: 100 }).read('Lead')
  expect(spent.error?.message).toContain('stop_at_percent')
  salesforce.usedCalls = 100
  const refused = await source.read('Lead').catch((thrown: unknown) => thrown)
  expect(refused).toMatchObject({ code: 'source_unavailable' })
})
