import { expect, test } from 'vitest'
import { accessToken, SalesforceSimulator } from '../fakes/salesforce/salesforce-simulator.ts'
import { testDatabase } from '../support/postgres.ts'
import { serviceCommands } from './service-commands.ts'

const commands = serviceCommands()
const { run } = commands

test('the words of the product write a table back into Salesforce', async () => {
  await using salesforce = await SalesforceSimulator.start()
  await using source = await testDatabase()
  await source.query(
    `CREATE TABLE account (code text PRIMARY KEY, name text, version bigserial);
     INSERT INTO account (code, name) SELECT 'A-' || i, 'Account ' || i FROM generate_series(1, 3) i`,
  )
  salesforce.organization.create('Account', { Code__c: 'A-2', Name: 'Old' })
  const { password, ...warehouse } = source.address
  const config = JSON.stringify({ ...warehouse, schemas: ['public'] })
  await run(['instances', 'create', 'warehouse', '--type', 'postgres', '--config', config])
  await run('instances credentials warehouse --input -', { stdin: JSON.stringify({ password }) })
  const domain = JSON.stringify({ api_url: salesforce.url })
  await run(['instances', 'create', 'sf-prod', '--type', 'salesforce', '--config', domain])
  const token = JSON.stringify({ access_token: accessToken })
  await run('instances credentials sf-prod --input -', { stdin: token })

  const writes = JSON.stringify([
    { stream: 'account', object: 'Account', fields: { Code__c: 'code', Name: 'name' } },
  ])
  const create = 'connections create accounts-back --from warehouse --streams public.account'
  const created = await run([
    ...create.split(' '),
    '--dest',
    'instance:sf-prod',
    '--writes',
    writes,
  ])
  expect(created).toMatchObject({ code: 0, err: '' })

  const sandbox = await run('connections sandbox accounts-back --limit-rows 100')
  expect(sandbox.code).toBe(0)
  expect(sandbox.out).toMatch(/^1 of 1 stream changes: 2 rows inserted, 1 updated, 0 deleted\n/)
  expect(sandbox.out).toContain('2 created, 1 updated, 0 unchanged, 0 deleted (instance sf-prod)')
  expect(sandbox.out).toMatch(/~ +A-2 \(001\w+\) +Name: "Old" -> "Account 2"/)
  expect(sandbox.out).toMatch(/\+ +A-1 +Name: "Account 1"/)
  expect(salesforce.organization.visible('Account')).toHaveLength(1)
  const promote = /reactor connect (connections promote accounts-back --token \S+)\n$/.exec(
    sandbox.out,
  )?.[1]
  const promoted = await run(promote ?? 'none')
  expect(promoted.out).toMatch(/^accounts-back is active; its run run_\S+ is queued\n/)

  expect(await run('connections rejects list accounts-back')).toMatchObject({
    code: 0,
    out: 'accounts-back: no record is rejected\n',
  })
  expect((await run('connections rejects discard accounts-back')).out).toBe(
    'accounts-back: 0 rejected records discarded\n',
  )
  expect((await run('instances delete sf-prod -y')).err).toContain('accounts-back')
})

test('rules that are wrong are explained before anything is made', async () => {
  const bad = '[{"stream":"account","feilds":{}}]'
  const words = 'connections create c --from warehouse --dest instance:sf-prod --writes'.split(' ')
  const { code, err } = await run([...words, bad])
  expect(code).toBe(2)
  expect(err).toContain('fields')
})
