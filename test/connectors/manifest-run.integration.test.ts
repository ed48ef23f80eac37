import { describe, expect, test } from 'vitest'
import { manifestType } from '../../connectors/registry.ts'
import { TrackerApi } from '../fakes/tracker-api.ts'
import { logConfig, planRun, runPlan, type LogName } from '../support/engine.ts'
import { testKafka } from '../support/kafka.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { usually } from '../support/long.ts'

const manifest = new URL('../fakes/tracker.yaml', import.meta.url).pathname

interface Sync {
  readonly api: TrackerApi
  readonly db: TestDatabase
  readonly log: LogName
  readonly connection: string
}

function run({ api, db, log, connection }: Sync, signal?: AbortSignal) {
  const plan = planRun({
    connection,
    source: {
      type: manifestType(manifest),
      config: { url: api.url },
      allowedNetworks: ['127.0.0.0/8'],
    },
    destination: db.address,
    schema: 'tracker',
    log: logConfig(log),
    mode: 'append',
    syncMode: 'incremental',
    cursor: 'updated_at',
    streams: ['issues'],
  })
  return plan.then((ready) => runPlan(ready, signal))
}

async function rows(db: TestDatabase): Promise<number[]> {
  const found = await db.query('SELECT id::int FROM tracker.issues ORDER BY id')
  return found.map(({ id }) => Number(id))
}

const ids = (api: TrackerApi): number[] => api.issues.map(({ id }) => id)

// Concurrent: a partition that fails waits between its attempts most of the time.
describe.concurrent.each<LogName>(usually(1, ['embedded', 'kafka block']))(
  'a manifest in a run, through %s',
  { timeout: 120_000 },
  (log) => {
    test('is read into Postgres, and the next run asks only for what is new', async () => {
      await using api = await TrackerApi.start(3)
      await using db = await testDatabase()
      const sync = { api, db, log, connection: testKafka().prefix }
      api.addIssues(5)
      const first = await run(sync)
      expect(first.result.status).toBe('complete')
      expect(await rows(db)).toEqual(ids(api))
      const before = api.requests.length
      api.addIssues(2)
      await run(sync)
      const asked = api.requests.slice(before).filter((path) => path.includes('/issues'))
      expect(asked.every((path) => path.includes('since=2026-01-01'))).toBe(true)
      // The record at the cursor comes again: append keeps it, as the protocol's at-least-once for equal
      // cursors says.
      expect([...new Set(await rows(db))]).toEqual(ids(api))
    })

    test('a partition that fails keeps what was complete before it, and the next run doubles nothing of that', async () => {
      await using api = await TrackerApi.start(4)
      await using db = await testDatabase()
      const sync = { api, db, log, connection: testKafka().prefix }
      api.addIssues(5)
      api.broken.set(3, 1)
      const failed = await run(sync)
      expect(failed.result.status).toBe('failed')
      const kept = [...new Set(await rows(db))]
      const complete = new Set(
        api.issues.filter(({ id }) => kept.includes(id)).map(({ project }) => project),
      )
      // Whole partitions only: a state covers all that was given before it.
      expect(kept).toEqual(
        api.issues.filter(({ project }) => complete.has(project)).map(({ id }) => id),
      )
      api.broken.clear()
      const resumed = await run(sync)
      expect(resumed.result.status).toBe('complete')
      expect([...new Set(await rows(db))]).toEqual(ids(api))
      const doubled = await db.query(
        'SELECT id::int FROM tracker.issues GROUP BY id HAVING count(*) > 1 ORDER BY id',
      )
      // Only the last record of a partition that was complete comes again: its cursor is where the next read
      // begins. Partitions that were complete in the log alone, when the run failed, are complete too.
      const lastOfOthers = [1, 2, 4].map((project) =>
        Math.max(...api.issues.filter((issue) => issue.project === project).map(({ id }) => id)),
      )
      expect(lastOfOthers).toEqual(expect.arrayContaining(doubled.map(({ id }) => id)))
    })

    test('a run that is stopped in the middle of a partition goes on without it', async () => {
      await using api = await TrackerApi.start(4)
      await using db = await testDatabase()
      const sync = { api, db, log, connection: testKafka().prefix }
      api.addIssues(9)
      const stop = new AbortController()
      api.beforeAnswer = (path) => {
        if (path.startsWith('/projects/2/issues') && path.includes('page=2')) stop.abort()
        return Promise.resolve()
      }
      const stopped = await run(sync, stop.signal)
      expect(stopped.result.status).toBe('stopped')
      api.beforeAnswer = () => Promise.resolve()
      const resumed = await run(sync)
      expect(resumed.result.status).toBe('complete')
      expect([...new Set(await rows(db))]).toEqual(ids(api))
    })
  },
)
