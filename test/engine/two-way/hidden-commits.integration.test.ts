import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { expect, test, vi } from 'vitest'
import { openPostgresSide } from '../../../engine/two-way/postgres/open-pair.ts'
import { silent } from '../../support/logger.ts'
import { startPostgres } from '../../support/postgres.ts'

/**
 * A commit is in the log of the server, and decoded, before other sessions see its rows: for very long if a
 * synchronous standby is away.
 */
test('changes whose commit others do not see yet are found when they do', async () => {
  await using server = await startPostgres()
  await using admin = await connect(server.url)
  await using first = await connect(server.url)
  await using second = await connect(server.url)
  for (const name of ['contact', 'account'])
    await admin.query(`CREATE TABLE ${name} (id int PRIMARY KEY, email text, changed timestamptz)`)
  await admin.query("INSERT INTO contact VALUES (1, 'a'), (2, 'b')")
  const tables = ['contact', 'account'].map((name) => ({
    ...{ stream: name, schema: 'public', table: name },
    columns: new Map([['email', 'email']]),
  }))
  await using open = await openPostgresSide(
    { database: { address: server.address }, changes: 'cdc' },
    { pair: 'hidden', tables },
    silent,
  )
  const { side } = open
  const events = { changed: vi.fn(), missed: vi.fn(), failed: vi.fn() }
  await side.follow(events)
  await awaitStandby(admin, "'nobody'")
  const written = first.query("UPDATE contact SET email = 'new' WHERE id = 1")
  const truncated = second.query('TRUNCATE account')
  await vi.waitFor(() => {
    expect(events.changed.mock.calls.length).toBeGreaterThanOrEqual(2)
  })
  for (let looks = 0; looks < 5; looks++) {
    expect(await side.changedIds('contact')).toEqual([])
    await sleep(30)
  }
  // It asks to be looked at again.
  expect(events.changed.mock.calls.length).toBeGreaterThan(4)
  expect(events.missed).not.toHaveBeenCalled()
  await awaitStandby(admin, "''")
  await Promise.all([written, truncated])
  await vi.waitFor(async () => {
    expect(await side.changedIds('contact')).toEqual(['1'])
  })
  expect(events.missed).toHaveBeenCalledOnce()
})

async function connect(url: string): Promise<pg.Client & AsyncDisposable> {
  const client = new pg.Client(url)
  await client.connect()
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() })
}

async function awaitStandby(admin: pg.Client, names: string): Promise<void> {
  await admin.query(`ALTER SYSTEM SET synchronous_standby_names = ${names}`)
  await admin.query('SELECT pg_reload_conf()')
  await vi.waitFor(async () => {
    const { rows } = await admin.query<{ name: string }>('SHOW synchronous_standby_names')
    expect(rows).toEqual([{ synchronous_standby_names: names.slice(1, -1) }])
  })
}
