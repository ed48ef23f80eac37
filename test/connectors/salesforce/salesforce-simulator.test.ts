import jsforce from 'jsforce'
import { expect, test } from 'vitest'
import { fillAcme } from '../../fakes/salesforce/acme.ts'
import { clientId, clientSecret } from '../../fakes/salesforce/oauth.ts'
import { accessToken, SalesforceSimulator } from '../../fakes/salesforce/salesforce-simulator.ts'

// jsforce is Salesforce's client for Node: what it accepts is believed.
function connect(salesforce: SalesforceSimulator) {
  return new jsforce.Connection({
    instanceUrl: salesforce.url,
    accessToken,
    version: '65.0',
  })
}

test('jsforce describes, queries page by page, and writes', async () => {
  await using salesforce = await SalesforceSimulator.start()
  fillAcme(salesforce.organization, { leads: 230 })
  salesforce.pageSize = 100
  const client = connect(salesforce)
  const { sobjects } = await client.describeGlobal()
  expect(sobjects.map(({ name }) => name)).toContain('Invoice__c')
  const { fields } = await client.describe('Account')
  expect(fields.find(({ name }) => name === 'Code__c')).toMatchObject({
    custom: true,
    externalId: true,
  })
  const leads = await client.query('SELECT Id, Name__c FROM Lead').then(
    () => 'found',
    (error: unknown) => error,
  )
  expect(leads).toMatchObject({ errorCode: 'INVALID_FIELD' })
  const all = await client.query(
    "SELECT Id, Email FROM Lead WHERE Status = 'Open - Not Contacted'",
    {
      autoFetch: true,
      maxFetch: 1000,
    },
  )
  expect(all.totalSize).toBe(230)
  const created = await client.sobject('Account').create({ Name: 'New', Code__c: 'N-1' })
  expect(created).toMatchObject({ success: true })
  const again = await client.sobject('Account').upsert({ Name: 'Newer', Code__c: 'N-1' }, 'Code__c')
  expect(again).toMatchObject({ success: true, id: created.id })
  const [found] = (await client.query("SELECT Name FROM Account WHERE Code__c = 'N-1'")).records
  expect(found).toMatchObject({ Name: 'Newer' })
  await client.sobject('Account').destroy(created.id ?? '')
  const gone = await client.query('SELECT Id FROM Account WHERE IsDeleted = true', {
    scanAll: true,
  })
  expect(gone.totalSize).toBe(1)
})

test('jsforce writes 200 records at a time, and gets the refusal of each', async () => {
  await using salesforce = await SalesforceSimulator.start()
  const { organization } = salesforce
  organization.duplicateRules.add('Account.Phone')
  organization.triggers.set('Account', (account) => {
    if (typeof account.Name === 'string') account.Name = account.Name.toUpperCase()
  })
  const client = connect(salesforce)
  const results = await client
    .sobject('Account')
    .create([
      { Name: 'one' },
      { Name: 'two', Tier__c: 'Bronze' },
      { Type: 'Customer' },
      { Name: 'four', Phone: '1' },
      { Name: 'five', Phone: '1' },
    ])
  expect(results).toMatchObject([
    { success: true },
    { errors: [{ statusCode: 'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST' }] },
    { errors: [{ statusCode: 'REQUIRED_FIELD_MISSING' }] },
    { success: true },
    { errors: [{ statusCode: 'DUPLICATES_DETECTED' }] },
  ])
  expect(organization.visible('Account')).toMatchObject([{ Name: 'ONE' }, { Name: 'FOUR' }])
})

test('jsforce renews a token that Salesforce no longer knows', async () => {
  await using salesforce = await SalesforceSimulator.start()
  fillAcme(salesforce.organization)
  salesforce.oauth.refreshTokens.add('5Aep861first')
  const client = new jsforce.Connection({
    instanceUrl: salesforce.url,
    accessToken: 'stale',
    refreshToken: '5Aep861first',
    oauth2: { clientId, clientSecret, loginUrl: salesforce.url },
    version: '65.0',
  })
  expect((await client.query('SELECT Id FROM Account')).totalSize).toBe(3)
  const { DailyApiRequests: daily } = await client.limits()
  expect(daily).toMatchObject({ Max: 15_000 })
})

test('jsforce reads a query of the Bulk API 2.0', async () => {
  await using salesforce = await SalesforceSimulator.start()
  fillAcme(salesforce.organization, { leads: 30 })
  const client = connect(salesforce)
  client.bulk2.pollInterval = 1
  const stream = await client.bulk2.query('SELECT Id, Company FROM Lead ORDER BY Id')
  const rows = (await stream.toArray()) as { Company: string }[]
  expect(rows).toHaveLength(30)
  expect(rows[0]?.Company).toBe('Acme, 1\nLtd')
})
