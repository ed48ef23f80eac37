import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { expect, test } from 'vitest'
import { planRun, runPlan } from '../support/engine.ts'
import { startPostgres, testDatabase, type PostgresAddress } from '../support/postgres.ts'
import { usually } from '../support/long.ts'

const rows = 200_000
/** Four attempts with their pauses are over before. */
const awayMs = 10_000

async function ask(address: PostgresAddress, sql: string): Promise<unknown> {
  const { host, port, user, password, database } = address
  const client = new pg.Client({ host, port, user, password, database })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows[0]
  } finally {
    await client.end()
  }
}

test.each(usually(1, ['source', 'destination'] as const))(
  'a run goes on when its %s was away for longer than attempts usually take',
  { timeout: 120_000 },
  async (which) => {
    await using other = await testDatabase()
    await using server = await startPostgres()
    const [source, destination] =
      which === 'source' ? [server.address, other.address] : [other.address, server.address]
    await ask(
      source,
      `CREATE TABLE things AS SELECT n AS id, repeat(md5(n::text), 4) AS body FROM generate_series(1, ${String(rows)}) n`,
    )
    await ask(source, 'ALTER TABLE things ADD PRIMARY KEY (id)')
    const plan = await planRun({
      connection: `away-${which}`,
      source: { type: 'postgres', config: { ...source, schemas: ['public'], state_rows: 1_000 } },
      destination,
      schema: 'copied',
      log: { kind: 'embedded' },
      mode: 'append_dedup',
      limits: { commitBytes: 200_000, commitMs: 20 },
    })
    const running = runPlan(plan)
    const loaded = (): Promise<unknown> =>
      ask(destination, 'SELECT count(*) > 0 AS some FROM copied.things').catch(() => undefined)
    await expect.poll(loaded, { timeout: 60_000 }).toEqual({ some: true })
    await server.kill9()
    await delay(awayMs)
    await server.restart()
    const { result } = await running
    expect(result.streams).toMatchObject([{ status: 'complete' }])
    expect(await ask(destination, 'SELECT count(*)::int AS rows FROM copied.things')).toEqual({
      rows,
    })
  },
)
