import { describe, expect, test } from 'vitest'
import { PostgresConnectionStore } from '../../../../service/connections/connection-store.ts'
import { Database, type Session } from '../../../../service/platform/database/database.ts'
import { PostgresDueTimesStore } from '../../../../service/schedules/due-times-store.ts'
import { PostgresInstanceStore } from '../../../../service/instances/instance-store.ts'
import { ChangeListener } from '../../../../service/platform/database/change-listener.ts'
import { PostgresRunStore } from '../../../../service/runs/run-store.ts'
import type { TestDatabase } from '../../../support/postgres.ts'
import { openTestStore } from '../../../support/open-test-store.ts'
import { silent } from '../../../support/logger.ts'

/** Explains each statement before it runs. */
class ExplainingDatabase extends Database {
  readonly plans: Plan[] = []

  override async query<Result extends Record<string, unknown>>(
    sql: string,
    values: readonly unknown[] = [],
  ): Promise<Result[]> {
    const [row] = await super.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
      `EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT json) ${sql}`,
      values,
    )
    if (row !== undefined) this.plans.push(row['QUERY PLAN'][0].Plan)
    return super.query<Result>(sql, values)
  }

  override transaction<Result>(work: (session: Session) => Promise<Result>): Promise<Result> {
    return work(this)
  }
}

interface Plan {
  readonly 'Node Type': string
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly 'Shared Hit Blocks': number
  readonly 'Shared Read Blocks': number
  readonly Plans?: readonly Plan[]
}

function nodes(plan: Plan): readonly Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodes)]
}

const schema = 'reactor_connect_service'

async function fill(database: TestDatabase): Promise<void> {
  for (const sql of [
    `INSERT INTO ${schema}.instances (id, name, type, config, secrets, credentials)
     SELECT 'ins_' || n, 'i' || lpad(n::text, 5, '0'), CASE WHEN n % 10 = 0 THEN 'faker' ELSE 'postgres' END,
       '{}', '[]', 'ready' FROM generate_series(1, 10000) AS n`,
    `INSERT INTO ${schema}.connections (id, name, instance_id, destination, options, status, next_run_at)
     SELECT 'con_' || n, 'c' || lpad(n::text, 5, '0'), CASE WHEN n % 2 = 0 THEN 'ins_1' ELSE 'ins_2' END,
       'data:d', '{}', CASE WHEN n % 3 = 0 THEN 'paused' ELSE 'active' END, now()
     FROM generate_series(1, 10000) AS n`,
    `INSERT INTO ${schema}.runs (id, connection_id, status, trigger)
     SELECT 'run_' || c.id || n, c.id, CASE WHEN n = 3 THEN 'failed' ELSE 'complete' END, 'schedule'
     FROM ${schema}.connections AS c, generate_series(1, 3) AS n`,
    `INSERT INTO ${schema}.runs (id, connection_id, status, trigger)
     SELECT 'run_' || lpad(n::text, 5, '0'), 'con_1', CASE WHEN n % 3 = 0 THEN 'failed' ELSE 'complete' END,
       'schedule' FROM generate_series(1, 10000) AS n`,
    `ANALYZE`,
  ])
    await database.query(sql)
}

describe('pages of ten thousand', () => {
  test('cost the same at any depth: an index in its order, nothing sorted, nothing passed over', async () => {
    await using opened = await openTestStore()
    await fill(opened.database)
    const { url } = opened.database
    await using database = new ExplainingDatabase({ url, sessions: 1, logger: silent })
    await using listener = new ChangeListener({ url, logger: silent })
    const connections = new PostgresConnectionStore(database)
    const dueTimes = new PostgresDueTimesStore(database)
    const instances = new PostgresInstanceStore(database)
    const runs = new PostgresRunStore({ database, listener, logLinesPerRun: 1 })
    const cursor = (list: string, key: string): string =>
      Buffer.from(JSON.stringify([list, key])).toString('base64url')
    const deep = {
      connections: { cursor: cursor('connections', 'c09000') },
      instances: { cursor: cursor('instances', 'i09000') },
      runs: { cursor: cursor('runs', 'run_01000') },
    }
    const limit = 20
    const pages: Record<string, (deep: boolean) => Promise<{ items: readonly unknown[] }>> = {
      connections: (isDeep) => connections.list({ limit, ...(isDeep && deep.connections) }),
      'by instance': (isDeep) =>
        connections.list({ limit, instance: 'i00001', ...(isDeep && deep.connections) }),
      'by status': (isDeep) =>
        connections.list({ limit, status: 'paused', ...(isDeep && deep.connections) }),
      'by both': (isDeep) =>
        connections.list({
          limit,
          instance: 'i00001',
          status: 'paused',
          ...(isDeep && deep.connections),
        }),
      instances: (isDeep) => instances.list({ limit, ...(isDeep && deep.instances) }),
      'by type': (isDeep) =>
        instances.list({ limit, type: 'faker', ...(isDeep && deep.instances) }),
      runs: (isDeep) => runs.list('c00001', { limit, ...(isDeep && deep.runs) }),
      'runs by status': (isDeep) =>
        runs.list('c00001', { limit, status: 'failed', ...(isDeep && deep.runs) }),
      due: async () => ({ items: await dueTimes.fire({ limit, decide: () => null }) }),
    }
    for (const [name, page] of Object.entries(pages)) {
      for (const isDeep of [false, true]) {
        database.plans.length = 0
        expect((await page(isDeep)).items, name).toHaveLength(limit)
        // The second one reads which receivers there are.
        expect(database.plans, name).toHaveLength(name === 'due' ? 2 : 1)
        for (const plan of database.plans.slice(0, 1)) {
          const types = nodes(plan).map((node) => node['Node Type'])
          expect(types, name).not.toContain('Seq Scan')
          expect(types, name).not.toContain('Sort')
          const rows = nodes(plan).map((node) => node['Actual Rows'] * node['Actual Loops'])
          expect(Math.max(...rows), name).toBeLessThanOrEqual(limit + 1)
          const blocks = plan['Shared Hit Blocks'] + plan['Shared Read Blocks']
          expect(blocks, name).toBeLessThan(15 * (limit + 1))
        }
      }
    }
  })
})
