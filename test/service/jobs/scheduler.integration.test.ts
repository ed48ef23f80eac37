import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { HttpJobs } from '../../../service/jobs/http-jobs.ts'
import type { Jobs } from '../../../service/jobs/jobs.ts'
import { pgBossJobs } from '../../../service/jobs/pg-boss-jobs.ts'
import { openPgBossQueue, type PgBossQueue } from '../../../service/jobs/pg-boss-queue.ts'
import {
  Scheduler,
  standardSchedulerTiming,
  type SchedulerTiming,
} from '../../../service/jobs/scheduler.ts'
import type { Connection, Schedule } from '../../../service/contract/connections.ts'
import { openStore } from '../../../service/store/open-store.ts'
import type { Store } from '../../../service/store/store.ts'
import { standardTiming } from '../../../service/runs/run-worker-options.ts'
import { startJobsService } from '../../fakes/jobs-service.ts'
import { startPostgres, testDatabase, type Row, type TestPostgres } from '../../support/postgres.ts'
import { newConnection, newInstance, silent } from '../store/open-test-store.ts'
import { receiving } from './receiving.ts'
import { startProcess } from './start-process.ts'

const quick: Partial<SchedulerTiming> = { lookMs: 20, lostMs: 50, jitterMs: 0 }
const quarterly: Schedule = { cron: '*/15 * * * *' }
const soon = { timeout: 10_000, interval: 20 }

function ago(seconds: number): string {
  return new Date(Date.now() - seconds * 1_000).toISOString()
}

interface SchedulerChange {
  readonly jobs?: Jobs
  readonly timing?: Partial<SchedulerTiming>
  readonly staleMs?: number
  readonly now?: () => number
  readonly random?: () => number
}

interface Place extends AsyncDisposable {
  readonly store: Store
  readonly queue: PgBossQueue
  readonly query: (sql: string) => Promise<Row[]>
  readonly url: string
  /** Starts a scheduler, which runs until it is stopped, or until the place is disposed of. */
  schedule(change?: SchedulerChange): { stop(): Promise<void> }
}

/** On the shared server, or on one of the test's own. */
async function openPlace(given?: TestPostgres): Promise<Place> {
  await using resources = new AsyncDisposableStack()
  const database = given === undefined ? resources.use(await testDatabase()) : undefined
  const url = given?.url ?? database?.url ?? ''
  const store = resources.use(await openStore({ url, logger: silent }))
  const queue = resources.use(await openPgBossQueue({ url, logger: silent, pollMs: 50 }))
  await newInstance(store)
  const open = resources.move()
  return {
    store,
    queue,
    url,
    query: async (sql) => (await database?.query(sql)) ?? [],
    schedule: (change = {}) => {
      const stop = stopper({ store, queue }, change)
      open.defer(stop)
      return { stop }
    },
    [Symbol.asyncDispose]: async () => open.disposeAsync(),
  }
}

function stopper(
  { store, queue }: Pick<Place, 'store' | 'queue'>,
  change: SchedulerChange,
): () => Promise<void> {
  const stop = new AbortController()
  const scheduler = new Scheduler({
    store,
    queue,
    jobs: pgBossJobs(queue),
    startRun: (connection) => store.runs.create({ connection, trigger: 'jobs' }),
    logger: silent,
    staleMs: 60_000,
    now: Date.now,
    random: () => 0,
    ...change,
    timing: { ...quick, ...change.timing },
  })
  const ended = scheduler.run(stop.signal)
  return async () => {
    stop.abort()
    await ended
  }
}

async function moved(store: Store, { name, nextRunAt }: Connection): Promise<Connection> {
  return vi.waitFor(async () => {
    const connection = await store.connections.get(name)
    expect(connection.nextRunAt).not.toBe(nextRunAt)
    return connection
  }, soon)
}

describe('a schedule', () => {
  test('starts a run when its time has come, and has a next time', async () => {
    await using place = await openPlace()
    const { store, queue } = place
    await using worker = receiving(queue)
    const made = await newConnection(store, 'c', { schedule: quarterly, nextRunAt: ago(1) })
    place.schedule()
    const { nextRunAt, lastRun } = await moved(store, made)
    expect(lastRun).toMatchObject({ status: 'queued', trigger: 'schedule' })
    expect(Date.parse(nextRunAt ?? '')).toBeGreaterThan(Date.now())
    expect(new Date(nextRunAt ?? '').getUTCMinutes() % 15).toBe(0)
    await vi.waitFor(() => {
      expect(worker.runs).toEqual([lastRun?.id])
    }, soon)
  })

  test('starts none while the run before goes on', async () => {
    await using place = await openPlace()
    const { store } = place
    const made = await newConnection(store, 'c', { schedule: quarterly, nextRunAt: ago(1) })
    const { id } = await store.runs.create({ connection: 'c', trigger: 'manual' })
    place.schedule()
    expect((await moved(store, made)).lastRun?.id).toBe(id)
  })

  test.each([
    ['skip', 0],
    ['once', 1],
  ] as const)('makes up for missed times as %s says', async (catchUp, expected) => {
    await using place = await openPlace()
    const { store } = place
    const schedule = { ...quarterly, catchUp }
    const made = await newConnection(store, 'c', { schedule, nextRunAt: ago(3_600) })
    place.schedule()
    const { nextRunAt } = await moved(store, made)
    expect(Date.parse(nextRunAt ?? '')).toBeGreaterThan(Date.now())
    expect((await store.runs.list('c', {})).items).toHaveLength(expected)
  })

  test('of a paused connection starts none', async () => {
    await using place = await openPlace()
    const { store } = place
    await newConnection(store, 'paused', { schedule: quarterly, nextRunAt: ago(1) })
    await store.connections.update('paused', { status: 'paused' })
    const made = await newConnection(store, 'c', { schedule: quarterly, nextRunAt: ago(1) })
    place.schedule()
    await moved(store, made)
    expect((await store.connections.get('paused')).lastRun).toBeNull()
  })

  test('delays its runs at random, so that not all begin at once', async () => {
    await using place = await openPlace()
    const { store, query } = place
    const made = await newConnection(store, 'c', { schedule: quarterly, nextRunAt: ago(1) })
    place.schedule({ random: () => 0.5, timing: { jitterMs: 60_000 } })
    await moved(store, made)
    const [job] = await vi.waitFor(async () => {
      const jobs = await query(
        `SELECT extract(epoch FROM start_after - now())::float8 AS seconds
         FROM reactor_connect_jobs.job`,
      )
      expect(jobs).toHaveLength(1)
      return jobs
    }, soon)
    expect(job?.seconds).toBeGreaterThan(20)
    expect(job?.seconds).toBeLessThanOrEqual(30)
  })

  test('fires once where the clock of the process is behind that of the database', async () => {
    await using place = await openPlace()
    const { store } = place
    const schedule = { cron: '* * * * *' }
    const nextRunAt = new Date(Math.floor(Date.now() / 60_000) * 60_000).toISOString()
    const made = await newConnection(store, 'c', { schedule, nextRunAt })
    const now = (): number => Date.now() - 3_600_000
    place.schedule({ now })
    const after = await moved(store, made)
    expect(Date.parse(after.nextRunAt ?? '') - Date.parse(nextRunAt)).toBe(60_000)
  })

  test('that means nothing here is left alone, and the others go on', async () => {
    await using place = await openPlace()
    const { store } = place
    const lost = { cron: '* * * * *', timezone: 'Atlantis/City' }
    await newConnection(store, 'a', { schedule: lost, nextRunAt: ago(5) })
    await newConnection(store, 'b', { schedule: lost })
    const made = await newConnection(store, 'c', { schedule: quarterly, nextRunAt: ago(1) })
    place.schedule()
    await moved(store, made)
    expect((await store.connections.get('a')).nextRunAt).toBeNull()
  })
})

test('a connection that cannot be acted on keeps no other one from its time', async () => {
  await using place = await openPlace()
  const { store, query } = place
  const { id } = await newConnection(store, 'a', { schedule: quarterly, nextRunAt: ago(60) })
  await query(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'not this one'; END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON reactor_connect_service.runs
    FOR EACH ROW WHEN (NEW.connection_id = '${id}') EXECUTE FUNCTION refuse()`)
  const made = await newConnection(store, 'b', { schedule: quarterly, nextRunAt: ago(1) })
  place.schedule()
  expect((await moved(store, made)).lastRun).not.toBeNull()
})

describe('several schedulers', () => {
  test('start one run for each time, also when they are killed', async () => {
    await using place = await openPlace()
    const { store, query } = place
    const names = Array.from({ length: 150 }, (_, index) => `c${index}`)
    for (const name of names)
      await newConnection(store, name, {
        schedule: quarterly,
        nextRunAt: new Date(Date.now() + 3_600_000).toISOString(),
      })
    const script = new URL('scheduler-process.ts', import.meta.url)
    await using processes = new AsyncDisposableStack()
    const started = await Promise.all(
      [1, 2, 3].map(async () => processes.use(await startProcess(script, [place.url]))),
    )
    // The times come in the course of two seconds; two of three schedulers die in the midst of them.
    await query(
      `UPDATE reactor_connect_service.connections
       SET next_run_at = now() + random() * interval '2 s'`,
    )
    await sleep(700)
    await started[0]?.kill9()
    await sleep(600)
    await started[1]?.kill9()
    await vi.waitFor(async () => {
      expect(await store.connections.due(1)).toEqual([])
      const [row] = await query(
        `SELECT count(*)::int AS runs, count(DISTINCT connection_id)::int AS connections
         FROM reactor_connect_service.runs`,
      )
      expect(row).toEqual({ runs: 150, connections: 150 })
    }, soon)
  })
})

describe('a lost run', () => {
  test('is found within 30 seconds with the standard times', () => {
    expect(standardTiming.staleMs + standardSchedulerTiming.lostMs).toBeLessThan(25_000)
  })

  test('is delivered anew when its process is killed', async () => {
    await using place = await openPlace()
    const { store, queue, url } = place
    await newConnection(store, 'c')
    const { id } = await store.runs.create({ connection: 'c', trigger: 'manual' })
    const script = new URL('claim-and-beat.ts', import.meta.url)
    await using owner = await startProcess(script, [url, id])
    place.schedule({ staleMs: 1_000 })
    await using worker = receiving(queue)
    await sleep(1_500)
    expect(worker.runs).toEqual([])
    await owner.kill9()
    const killedAtMs = Date.now()
    await vi.waitFor(() => {
      expect(worker.runs[0]).toBe(id)
    }, soon)
    expect(Date.now() - killedAtMs).toBeLessThan(5_000)
    expect(await store.runs.claim(id, 'me', 1_000)).toMatchObject({ attempts: 2 })
  })

  test('whose job never came is delivered', async () => {
    await using place = await openPlace()
    const { store, queue } = place
    await newConnection(store, 'c')
    const { id } = await store.runs.create({ connection: 'c', trigger: 'manual' })
    await using worker = receiving(queue)
    place.schedule({ staleMs: 300 })
    await vi.waitFor(() => {
      expect(worker.runs[0]).toBe(id)
    }, soon)
  })
})

describe('an external Jobs service', () => {
  test('takes over the schedules, and gives them back', async () => {
    await using place = await openPlace()
    await using service = await startJobsService()
    const { store } = place
    const made = await newConnection(store, 'c', { schedule: quarterly, nextRunAt: ago(-600) })
    await newConnection(store, 'none')
    const jobs = new HttpJobs({ ...service, logger: silent })
    const external = place.schedule({ jobs })
    expect((await moved(store, made)).nextRunAt).toBeNull()
    expect([...service.schedules.keys()]).toEqual([made.id])
    await external.stop()
    place.schedule()
    await vi.waitFor(async () => {
      const { nextRunAt } = await store.connections.get('c')
      expect(Date.parse(nextRunAt ?? '')).toBeGreaterThan(Date.now())
    }, soon)
    expect((await store.connections.get('none')).nextRunAt).toBeNull()
  })

  test('fires schedules, but not of connections that are paused or have none', async () => {
    await using place = await openPlace()
    await using service = await startJobsService()
    const { store } = place
    const jobs = new HttpJobs({ ...service, logger: silent })
    for (const name of ['paused', 'none', 'c']) {
      const connection = await newConnection(store, name, { schedule: quarterly })
      await jobs.setSchedule(connection, quarterly)
    }
    await store.connections.update('paused', { status: 'paused' })
    await store.connections.update('none', { schedule: null })
    place.schedule({ jobs })
    for (const id of service.schedules.keys()) service.fire(id)
    await vi.waitFor(() => {
      expect(service.jobIds()).toEqual([])
    }, soon)
    const { items } = await store.connections.list({})
    expect(items.map(({ name, lastRun }) => [name, lastRun?.trigger])).toEqual([
      ['c', 'jobs'],
      ['none', undefined],
      ['paused', undefined],
    ])
  })
})

test('a scheduler goes on when the database is back', async () => {
  await using postgres = await startPostgres()
  await using place = await openPlace(postgres)
  const { store } = place
  const made = await newConnection(store, 'c', { schedule: quarterly, nextRunAt: ago(-3) })
  place.schedule()
  await postgres.kill9()
  await sleep(500)
  await postgres.restart()
  expect((await moved(store, made)).lastRun).toMatchObject({ trigger: 'schedule' })
})
