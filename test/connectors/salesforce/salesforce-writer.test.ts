import { expect, test } from 'vitest'
import { connectorOf } from '../../../connectors/registry.ts'
import type { RecordWriter } from '../../../connectors/record-writer.ts'
import type { JsonObject } from '../../../protocol/index.ts'
import { accessToken, SalesforceSimulator } from '../../fakes/salesforce/salesforce-simulator.ts'
import { contextOf, passingWaits } from '../collected.ts'
import { neverAborted } from '../../support/signal.ts'
import { writerContract, type WriterPlace } from '../writer-contract.ts'

const connector = await connectorOf('salesforce')
const signal = neverAborted()

function openWriter(salesforce: SalesforceSimulator): Promise<RecordWriter> {
  const config = { access_token: accessToken, api_url: salesforce.url }
  const opening = connector.writes?.open(config, {
    ...contextOf(),
    allowedNetworks: ['127.0.0.1/32'],
    now: Date.now,
    instance: 'test',
    waits: passingWaits(() => undefined),
  })
  if (opening === undefined) throw new Error('it writes nothing')
  return opening
}

async function openPlace(): Promise<WriterPlace> {
  const salesforce = await SalesforceSimulator.start()
  const { organization } = salesforce
  const writer = await openWriter(salesforce)
  const own = (): readonly JsonObject[] =>
    organization.visible('Account').filter((row) => row.IsDeleted !== true)
  return {
    writer,
    object: 'Account',
    externalIdField: 'Code__c',
    textField: 'Name',
    fields: (text) => ({ Name: text }),
    refused: { fields: { Tier__c: 'Bronze' }, code: 'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST' },
    records: () => Promise.resolve(new Map(own().map((row) => [row.Code__c as string, row]))),
    cutNextAnswer: () => {
      salesforce.faults = {
        after: () => {
          salesforce.faults = {}
          return 'cut'
        },
      }
    },
    changeElsewhere: (externalId, fields) => {
      organization.pass(10)
      const id = own().find((row) => row.Code__c === externalId)?.Id as string
      organization.update('Account', id, fields as Record<string, string>)
    },
    [Symbol.asyncDispose]: async () => {
      await writer[Symbol.asyncDispose]()
      await salesforce[Symbol.asyncDispose]()
    },
  }
}

writerContract('salesforce', openPlace)

test('a write says what Salesforce has made of the values', async () => {
  await using salesforce = await SalesforceSimulator.start()
  salesforce.organization.triggers.set('Account', (account) => {
    account.Phone = '+48 1'
  })
  await using writer = await openWriter(salesforce)
  const [result] = await writer.write({
    object: 'Account',
    operation: 'upsert',
    externalIdField: 'Code__c',
    records: [{ externalId: 'a', fields: { Name: 'One', Phone: '1', Description: '' } }],
    readsBack: true,
    signal,
  })
  expect(result).toMatchObject({ isWritten: true, changed: { Phone: '+48 1' } })
  expect(result).toHaveProperty('version', expect.stringMatching(/^2026-/))
  expect(result).not.toHaveProperty('changed.Name')
})

test('a row that another transaction has locked is sent again until it is free', async () => {
  await using salesforce = await SalesforceSimulator.start()
  const { organization } = salesforce
  await using writer = await openWriter(salesforce)
  const parent = organization.create('Account', { Name: 'Parent', Code__c: 'p' })
  organization.locked.add(parent)
  let writes = 0
  salesforce.faults = {
    before: () => {
      writes += 1
      if (writes === 3) organization.locked.clear()
      return undefined
    },
  }
  const results = await writer.write({
    object: 'Contact',
    operation: 'create',
    records: [{ fields: { LastName: 'A', AccountId: parent } }, { fields: { LastName: 'B' } }],
    signal,
  })
  expect(results).toMatchObject([{ isWritten: true }, { isWritten: true }])
  expect(writes).toBe(3)
  // The one that was not locked is there once.
  expect(organization.visible('Contact').map(({ LastName }) => LastName)).toEqual(['B', 'A'])
})

test('a collection that Salesforce refuses as a whole is halved until the record is found', async () => {
  await using salesforce = await SalesforceSimulator.start()
  await using writer = await openWriter(salesforce)
  salesforce.faults = {
    before: ({ body }) =>
      body.includes('poison')
        ? {
            status: 400,
            body: [{ errorCode: 'JSON_PARSER_ERROR', message: 'Cannot deserialize instance' }],
          }
        : undefined,
  }
  const names = ['one', 'two', 'poison', 'four']
  const results = await writer.write({
    object: 'Account',
    operation: 'upsert',
    externalIdField: 'Code__c',
    records: names.map((name) => ({ externalId: name, fields: { Name: name } })),
    signal,
  })
  expect(results.map(({ isWritten }) => isWritten)).toEqual([true, true, false, true])
  expect(results[2]).toMatchObject({ error: { code: 'JSON_PARSER_ERROR' } })
})

test('a reference leads to the record that has the external id', async () => {
  await using salesforce = await SalesforceSimulator.start()
  const { organization } = salesforce
  const account = organization.create('Account', { Name: 'Parent', Code__c: 'A-1' })
  await using writer = await openWriter(salesforce)
  const toAccount = (value: string) => ({
    fields: { LastName: value },
    references: { AccountId: { externalIdField: 'Code__c', value } },
  })
  const results = await writer.write({
    object: 'Contact',
    operation: 'create',
    records: [toAccount('A-1'), toAccount('A-2')],
    signal,
  })
  expect(results).toMatchObject([
    { isWritten: true },
    { isWritten: false, error: { code: 'INVALID_FIELD' } },
  ])
  expect(organization.visible('Contact')).toMatchObject([{ LastName: 'A-1', AccountId: account }])
})
