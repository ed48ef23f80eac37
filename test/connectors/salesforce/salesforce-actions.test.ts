import { expect, test } from 'vitest'
import { connectorOf } from '../../../connectors/registry.ts'
import { fillAcme } from '../../fakes/salesforce/acme.ts'
import { accessToken, SalesforceSimulator } from '../../fakes/salesforce/salesforce-simulator.ts'
import { NativeConnector } from '../http/native-connector.ts'

const connector = await connectorOf('salesforce')

function beside(salesforce: SalesforceSimulator): NativeConnector {
  return new NativeConnector(connector, { access_token: accessToken, api_url: salesforce.url })
}

test('records are created, changed, found by their external id, and deleted', async () => {
  await using salesforce = await SalesforceSimulator.start()
  const { organization } = salesforce
  const client = beside(salesforce)
  const lead = await client.send('createLead', { LastName: 'Ada', Company: 'Acme' })
  const { id } = lead.output as { id: string }
  expect(organization.get('Lead', id)).toMatchObject({ Status: 'Open - Not Contacted' })
  const object = 'Account'
  const upsert = { object, externalIdField: 'Code__c', externalId: 'A/1', fields: { Name: 'One' } }
  const first = await client.send('upsertRecord', upsert)
  const second = await client.send('upsertRecord', { ...upsert, fields: { Name: 'Two' } })
  expect(first.output).toMatchObject({ created: true })
  const account = (second.output as { id: string }).id
  expect(second.output).toEqual({ ...(first.output as object), created: false })
  expect(
    (await client.send('updateRecord', { object, id: account, fields: { Phone: '1' } })).output,
  ).toEqual({ id: account, success: true })
  expect((await client.send('getRecord', { object, id: account })).output).toMatchObject({
    Name: 'Two',
    Phone: '1',
    Code__c: 'A/1',
  })
  await client.send('deleteRecord', { object, id: account })
  expect(await client.refusal('deleteRecord', { object, id: account })).toMatchObject({
    code: 'action_refused',
    details: { vendor_code: 'ENTITY_IS_DELETED' },
  })
})

test('a refusal has the code and the fields of Salesforce, and a flow its outputs', async () => {
  await using salesforce = await SalesforceSimulator.start()
  const { organization, api } = salesforce
  const client = beside(salesforce)
  const refused = await client.refusal('createLead', {
    LastName: 'Ada',
    Company: 'Acme',
    fields: { Tier__c: 'x' },
  })
  expect(refused).toMatchObject({
    code: 'action_refused',
    details: { vendor_code: 'INVALID_FIELD' },
  })
  const missing = await client.refusal('createRecord', { object: 'Lead', fields: {} })
  expect(missing.details).toMatchObject({
    vendor_code: 'REQUIRED_FIELD_MISSING',
    vendor_error: { fields: ['LastName', 'Company'] },
  })
  const lead = organization.create('Lead', { LastName: 'Ada', Company: 'Acme' })
  api.flows.set('Convert_Lead', ({ leadId }) => ({
    accountId: organization.create('Account', {
      Name: String(organization.get('Lead', typeof leadId === 'string' ? leadId : '').Company),
    }),
  }))
  const ran = await client.send('runInvocable', {
    kind: 'flow',
    name: 'Convert_Lead',
    inputs: [{ leadId: lead }],
  })
  expect(ran.output).toMatchObject({ results: [{ isSuccess: true, outputValues: {} }] })
  expect(organization.visible('Account')).toMatchObject([{ Name: 'Acme' }])
})

test('a collection has a result for each record, and a query gives its pages', async () => {
  await using salesforce = await SalesforceSimulator.start()
  const { organization } = salesforce
  fillAcme(organization)
  salesforce.pageSize = 2
  const client = beside(salesforce)
  const [parent = ''] = organization.visible('Account').map(({ Id: id }) => String(id))
  organization.locked.add(parent)
  const records = [{ LastName: 'Free' }, { LastName: 'Held', AccountId: parent }]
  const { output } = await client.send('createRecords', { object: 'Contact', records })
  expect(output).toMatchObject({
    results: [
      { success: true },
      { success: false, errors: [{ statusCode: 'UNABLE_TO_LOCK_ROW' }] },
    ],
  })
  const page = await client.send('query', { soql: 'SELECT Id FROM Account ORDER BY Id' })
  const { nextRecordsUrl, totalSize } = page.output as { nextRecordsUrl: string; totalSize: number }
  expect(totalSize).toBe(3)
  const rest = await client.send('queryMore', { nextRecordsUrl })
  expect(rest.output).toMatchObject({ done: true, records: [{}] })
  const found = await client.send('search', { sosl: 'FIND {Account 2} RETURNING Account' })
  expect(found.output).toMatchObject({ searchRecords: [{ attributes: { type: 'Account' } }] })
})

test('a dry-run goes to a sandbox, and is only shown for production', async () => {
  const input = { object: 'Account', fields: { Name: 'One' } }
  const previewAt = (domain: string) =>
    new NativeConnector(connector, { domain }).preview('createRecord', input)
  expect(await previewAt('acme.my.salesforce.com')).toMatchObject({
    level: 'synthesized',
    request: {
      method: 'POST',
      url: 'https://acme.my.salesforce.com/services/data/v66.0/sobjects/Account',
      body: { Name: 'One' },
    },
  })
  expect(await previewAt('acme--dev.sandbox.my.salesforce.com')).toMatchObject({ level: 'native' })
})

test('a call whose session has ended is sent again with a new one, also one that creates', async () => {
  await using salesforce = await SalesforceSimulator.start()
  salesforce.oauth.refreshTokens.add('5Aep861first')
  const client = new NativeConnector(connector, {
    access_token: 'ended',
    refresh_token: '5Aep861first',
    token_expiry_date: '2100-01-01T00:00:00Z',
    client_id: '3MVG9planted.client',
    api_url: salesforce.url,
  })
  await client.send('createRecord', { object: 'Account', fields: { Name: 'One' } })
  expect(salesforce.organization.visible('Account')).toHaveLength(1)
})
