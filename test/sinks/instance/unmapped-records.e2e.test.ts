import { expect, test } from 'vitest'
import { eventsOf, startRun } from '../../cli/reactor-command.ts'
import { accessToken, SalesforceSimulator } from '../../fakes/salesforce/salesforce-simulator.ts'
import { testDatabase, type TestDatabase } from '../../support/postgres.ts'
import { runFile } from '../../support/run-file.ts'

function documentOf(database: TestDatabase, url: string): object {
  const { host, port, user, password, database: name } = database.address
  return {
    connection: 'accounts-back',
    source: {
      type: 'postgres',
      config: { host, port, user, password, database: name, ssl: 'disable', schemas: ['public'] },
    },
    destination: {
      type: 'instance',
      config: {
        connector: 'salesforce',
        config: { access_token: accessToken, api_url: url },
        store: database.url,
        allowed_networks: ['127.0.0.1/32'],
        write_deletes: 'delete',
        writes: [
          {
            stream: 'accounts',
            object: 'Account',
            fields: {
              Code__c: 'code',
              Name: 'name',
              Tier__c: { column: 'tier', map: { gold: 'Gold' } },
            },
          },
        ],
      },
    },
    streams: [{ name: 'accounts', sync_mode: 'full_refresh', destination_sync_mode: 'overwrite' }],
  }
}

test('a record whose value has no translation is rejected, and not deleted at the vendor', async () => {
  await using salesforce = await SalesforceSimulator.start()
  await using database = await testDatabase()
  await database.query(`CREATE TABLE accounts (code text PRIMARY KEY, name text, tier text)`)
  await database.query(
    `INSERT INTO accounts VALUES ('a', 'one', 'gold'), ('b', 'two', 'gold'), ('c', 'four', 'gold')`,
  )
  await using file = await runFile(documentOf(database, salesforce.url))
  const run = async (): Promise<string | undefined> => {
    const end = await startRun(file.path, { args: ['--json'] }).end
    return eventsOf(end).at(-1)?.streams[0]?.status
  }
  const names = (): readonly string[] =>
    salesforce.organization
      .visible('Account')
      .filter(({ IsDeleted: isDeleted }) => isDeleted !== true)
      .map(({ Name: name }) => String(name))
      .toSorted()
  await run()
  await database.query(`UPDATE accounts SET name = 'three', tier = 'lead' WHERE code = 'a'`)
  await run()
  expect(names()).toEqual(['four', 'one', 'two'])
  await database.query(`DELETE FROM accounts WHERE code = 'b'`)
  await run()
  expect(names()).toEqual(['four', 'one'])
})

test('nothing is deleted while a record without a key may be the one that seems to be gone', async () => {
  await using salesforce = await SalesforceSimulator.start()
  await using database = await testDatabase()
  await database.query(`CREATE TABLE accounts (code text, name text, tier text)`)
  await database.query(`INSERT INTO accounts VALUES ('a', 'one', 'gold'), ('b', 'two', 'gold')`)
  await using file = await runFile(documentOf(database, salesforce.url))
  const run = async () => {
    const end = await startRun(file.path, { args: ['--json'] }).end
    return eventsOf(end).at(-1)?.streams[0]
  }
  const count = (): number =>
    salesforce.organization
      .visible('Account')
      .filter(({ IsDeleted: isDeleted }) => isDeleted !== true).length
  await run()
  await database.query(`UPDATE accounts SET code = NULL WHERE code = 'b'`)
  expect(await run()).toMatchObject({
    warnings: expect.arrayContaining([
      expect.stringContaining('were not deleted') as unknown,
    ]) as unknown,
  })
  expect(count()).toBe(2)
  await database.query(`DELETE FROM accounts WHERE code IS NULL`)
  // Clocks may differ by a minute, and so this read still counts what was rejected in the last one.
  await database.query(
    `UPDATE reactor_connect_writes.rejects SET last_at = last_at - interval '1 hour'`,
  )
  await run()
  expect(count()).toBe(1)
})
