import { setTimeout as sleep } from 'node:timers/promises'
import { pino, type Logger } from 'pino'
import { describe, expect, test, vi } from 'vitest'
import { HttpJobs } from '../../../service/platform/jobs/http-jobs.ts'
import type { Jobs } from '../../../service/platform/jobs/jobs.ts'
import { pgBossJobs } from '../../../service/platform/jobs/pg-boss-jobs.ts'
import { openPgBossQueue, type PgBossQueue } from '../../../service/platform/jobs/pg-boss-queue.ts'
import {
  Scheduler,
  standardSchedulerTiming,
  type SchedulerTiming,
} from '../../../service/schedules/scheduler.ts'
import type { Connection } from '../../../service/connections/schema.ts'
import type { Schedule } from '../../../service/platform/jobs/schedule.ts'
import { openStore } from '../../../service/store/open-store.ts'
import type { Store } from '../../../service/store/store.ts'
import { standardTiming } from '../../../service/run-worker/run-worker-options.ts'
import { startJobsService, type JobsService } from '../../fakes/jobs-service.ts'
import { metadataDatabase } from '../../support/metadata-database.ts'
import { startPostgres, type Row, type TestPostgres } from '../../support/postgres.ts'
import { newConnection, newInstance } from '../../support/open-test-store.ts'
import { receiving } from '../platform/jobs/receiving.ts'
import { startProcess } from '../../support/start-process.ts'
import { silent } from '../../support/logger.ts'
import { longTest } from '../../support/long.ts'

const quick: Partial<SchedulerTiming> = { lookMs: 20, lostMs: 50, jitterMs: 0 }
const quarterly: Schedule = { cron: '*/15 * * * *' }
const soon = { timeout: 10_000, interval: 20 }

/** A schedule without a time in the last minutes. */
function halfAnHourAgo(): Schedule {
  return { cron: `${String((new Date().getUTCMinutes() + 30) % 60)} * * * *` }
}

function ago(seconds: number): string {
  return new Date(Date.now() - seconds * 1_000).toISOString()
}

interface SchedulerChange {
  readonly jobs?: Jobs
  readonly timing?: Partial<SchedulerTiming>
  readonly staleMs?: number
  readonly now?: () => number
  readonly random?: () => number
  readonly logger?: Logger
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
  const database = given === undefined ? resources.use(await metadataDatabase()) : undefined
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
    const schedule = { ...halfAnHourAgo(), catchUp }
    const time = ago(3_600)
    const made = await newConnection(store, 'c', { schedule, nextRunAt: time })
    place.schedule()
    const { nextRunAt, lastSkippedAt } = await moved(store, made)
    expect(Date.parse(nextRunAt ?? '')).toBeGreaterThan(Date.now())
    expect((await store.runs.list('c', {})).items).toHaveLength(expected)
    expect(lastSkippedAt).toBe(expected === 0 ? time : null)
    expect((await store.status()).skippedTimes).toBe(1 - expected)
  })

  test('skips nothing while schedulers are only behind, however late it is', async () => {
    await using place = await openPlace()
    const { store } = place
    const made = await newConnection(store, 'c', { schedule: quarterly, nextRunAt: ago(3_600) })
    await place.query(
      `INSERT INTO reactor_connect_service.schedule_watch (looked_at, missed_before)
       VALUES (now() - interval '60 s', now() - interval '1 day')`,
    )
    place.schedule()
    expect(await moved(store, made)).toMatchObject({
      lastRun: { trigger: 'schedule' },
      lastSkippedAt: null,
    })
  })

  test('skips the times before the last look too if no scheduler looked for two minutes after it', async () => {
    await using place = await openPlace()
    const { store } = place
    const schedule = halfAnHourAgo()
    const made = await newConnection(store, 'c', { schedule, nextRunAt: ago(130) })
    const late = await newConnection(store, 'late', { schedule, nextRunAt: ago(110) })
    await place.query(
      `INSERT INTO reactor_connect_service.schedule_watch (looked_at, missed_before)
       VALUES (now() - interval '125 s', now() - interval '1 day')`,
    )
    const lines: string[] = []
    const logger = pino({ level: 'warn' }, { write: (line) => lines.push(line) })
    place.schedule({ logger })
    expect((await moved(store, made)).lastRun).toBeNull()
    expect((await moved(store, late)).lastRun).not.toBeNull()
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({ connections: ['c'], count: 1, time: made.nextRunAt }),
    ])
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

  test('is neither late nor skipped where the clock of the process is ahead of that of the database', async () => {
    await using place = await openPlace()
    const { store } = place
    const schedule = { cron: '* * * * *' }
    const made = await newConnection(store, 'c', { schedule, nextRunAt: ago(1) })
    place.schedule({ now: () => Date.now() + 3_600_000 })
    const after = await moved(store, made)
    expect(after.lastRun).toMatchObject({ trigger: 'schedule' })
    expect(Date.parse(after.nextRunAt ?? '') - Date.now()).toBeLessThanOrEqual(60_000)
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
  longTest('start one run for each of 3,000 times, also when two of three are killed', async () => {
    await using place = await openPlace()
    const { query } = place
    await query(
      `INSERT INTO reactor_connect_service.connections
         (id, name, instance_id, destination, schedule, options, status, next_run_at)
       SELECT 'con_' || n, 'c' || n, instance.id, 'data:mart', '{"cron":"*/15 * * * *"}', '{}', 'active',
         now() + interval '1 hour'
       FROM reactor_connect_service.instances AS instance, generate_series(1, 3000) AS n`,
    )
    const runs = async (): Promise<Row> => {
      const [row = {}] = await query(
        `SELECT count(*)::int AS runs, count(DISTINCT connection_id)::int AS connections
         FROM reactor_connect_service.runs`,
      )
      return row
    }
    const untilThereAre = async (count: number): Promise<void> => {
      while (Number((await runs()).runs) < count) await sleep(2)
    }
    const script = new URL('scheduler-process.ts', import.meta.url)
    await using processes = new AsyncDisposableStack()
    const started = await Promise.all(
      [1, 2, 3].map(async () => processes.use(await startProcess(script, [place.url]))),
    )
    await query(`UPDATE reactor_connect_service.connections SET next_run_at = now()`)
    await untilThereAre(300)
    await started[0]?.kill9()
    await untilThereAre(1_000)
    await started[1]?.kill9()
    await vi.waitFor(async () => {
      expect(await runs()).toEqual({ runs: 3_000, connections: 3_000 })
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
    await vi.waitFor(() => {
      expect(worker.runs[0]).toBe(id)
    }, soon)
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
  const external = (service: JobsService): Jobs =>
    new HttpJobs({
      ...service,
      logger: silent,
      timing: { waitMs: 300, hiddenMs: 500, retryMs: 50 },
    })
  const cronAt = (service: JobsService, { id }: Connection): string | undefined =>
    service.schedules.get(id)?.cron
  const scheduled = async (place: Place, name: string): Promise<readonly string[]> =>
    (await place.store.runs.list(name, {})).items.map(({ trigger }) => trigger)

  test('takes over the schedules, and gives them back', async () => {
    await using place = await openPlace()
    await using service = await startJobsService()
    const { store } = place
    const made = await newConnection(store, 'c', { schedule: quarterly, nextRunAt: ago(-600) })
    await newConnection(store, 'none')
    const first = place.schedule({ jobs: external(service) })
    expect((await moved(store, made)).nextRunAt).toBeNull()
    await vi.waitFor(() => {
      expect([...service.schedules.keys()]).toEqual([made.id])
    }, soon)
    await first.stop()
    place.schedule()
    await vi.waitFor(async () => {
      const { nextRunAt } = await store.connections.get('c')
      expect(Date.parse(nextRunAt ?? '')).toBeGreaterThan(Date.now())
    }, soon)
    expect((await store.connections.get('none')).nextRunAt).toBeNull()
  })

  test('has each change of a schedule, also those that were made while it was away', async () => {
    await using place = await openPlace()
    await using service = await startJobsService()
    const { connections } = place.store
    const schedule = quarterly
    const [changed, unset, paused, deleted, late] = await Promise.all(
      ['changed', 'unset', 'paused', 'deleted', 'late'].map((name) =>
        newConnection(place.store, name, { schedule }),
      ),
    )
    await connections.update('late', { status: 'paused' })
    place.schedule({ jobs: external(service) })
    await vi.waitFor(() => {
      expect(service.schedules.size).toBe(4)
    }, soon)
    service.refuse(/./)
    await connections.update('changed', { schedule: { cron: '7 * * * *' } })
    await connections.update('unset', { schedule: null })
    await connections.update('paused', { status: 'paused' })
    await connections.update('late', { status: 'active' })
    await connections.delete('deleted')
    await vi.waitFor(() => {
      expect(
        service.requests.filter((request) => request.includes('/schedules/')).length,
      ).toBeGreaterThan(5)
    }, soon)
    expect(service.schedules.size).toBe(4)
    service.refuse(null)
    await vi.waitFor(() => {
      expect([...service.schedules.keys()].toSorted()).toEqual([changed?.id, late?.id].toSorted())
      expect(service.schedules.get(changed?.id ?? '')).toMatchObject({ cron: '7 * * * *' })
    }, soon)
    // It is noted a moment after it has arrived.
    await vi.waitFor(async () => {
      expect(await place.store.schedulesAtJobs.countUnsent(service.url)).toBe(0)
    }, soon)
    expect([unset, paused, deleted].map((each) => service.schedules.has(each?.id ?? ''))).toEqual([
      false,
      false,
      false,
    ])
  })

  longTest(
    'that has lost its schedules has them again when it is back, and at each start',
    async () => {
      await using place = await openPlace()
      await using service = await startJobsService()
      const made = await newConnection(place.store, 'c', { schedule: quarterly })
      const first = place.schedule({ jobs: external(service) })
      const isThere = async (): Promise<void> => {
        await vi.waitFor(() => {
          expect(cronAt(service, made)).toBe(quarterly.cron)
        }, soon)
      }
      await isThere()
      service.refuse(/./)
      await vi.waitFor(
        () => {
          expect(
            service.requests.filter((request) => request.endsWith('/take')).length,
          ).toBeGreaterThan(1)
        },
        { timeout: 30_000 },
      )
      service.lose()
      service.refuse(null)
      await isThere()
      await first.stop()
      service.lose()
      place.schedule({ jobs: external(service) })
      await isThere()
    },
  )

  longTest(
    'that takes the place of another one has all schedules, and the log names the one before',
    async () => {
      await using place = await openPlace()
      await using before = await startJobsService()
      await using service = await startJobsService()
      const lines: string[] = []
      const logger = pino({ level: 'info' }, { write: (line) => void lines.push(line) })
      const made = await newConnection(place.store, 'c', { schedule: quarterly })
      const first = place.schedule({ jobs: external(before) })
      await vi.waitFor(() => {
        expect(cronAt(before, made)).toBe(quarterly.cron)
      }, soon)
      await first.stop()
      place.schedule({ jobs: external(service), logger })
      await vi.waitFor(() => {
        expect(cronAt(service, made)).toBe(quarterly.cron)
        expect(lines.join('')).toContain(
          'the Jobs service has the schedules of all active connections',
        )
      }, soon)
      expect(lines.join('')).toContain(before.url)
      expect(lines.join('')).toContain('its schedules stay there until you delete them')
    },
  )

  longTest('that refuses one schedule gets all others', async () => {
    await using place = await openPlace()
    await using service = await startJobsService()
    const made = await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        newConnection(place.store, `c${index}`, { schedule: quarterly }),
      ),
    )
    service.refuse(new RegExp(`PUT .*${made[0]?.id ?? ''}`), 400)
    place.schedule({ jobs: external(service) })
    await vi.waitFor(async () => {
      expect(service.schedules.size).toBe(29)
      expect(await place.store.schedulesAtJobs.countUnsent(service.url)).toBe(1)
    }, soon)
    service.refuse(null)
    await vi.waitFor(() => {
      expect(service.schedules.size).toBe(30)
    }, soon)
  })

  test('fires schedules, but not of connections that are paused, have none or are gone', async () => {
    await using place = await openPlace()
    await using service = await startJobsService()
    const { store } = place
    for (const name of ['paused', 'none', 'c', 'gone'])
      await newConnection(store, name, { schedule: quarterly })
    const jobs = external(service)
    for (const { id } of (await store.connections.list({})).items)
      await jobs.setSchedule(id, quarterly)
    const ids = [...service.schedules.keys()]
    await store.connections.update('paused', { status: 'paused' })
    await store.connections.update('none', { schedule: null })
    await store.connections.delete('gone')
    for (const id of ids) service.fire(id)
    // Written by an older version, which referred to a connection by its name.
    service.put('old', { connection: 'none' })
    place.schedule({ jobs })
    await vi.waitFor(async () => {
      expect(service.jobIds()).toEqual([])
      expect(await scheduled(place, 'c')).toEqual(['jobs'])
    }, soon)
    expect(await scheduled(place, 'none')).toEqual([])
    expect(await scheduled(place, 'paused')).toEqual([])
  })

  longTest('that gives out a job twice, since it was not deleted, starts one run', async () => {
    await using place = await openPlace()
    await using service = await startJobsService()
    const { store } = place
    const made = await newConnection(store, 'c', { schedule: quarterly })
    place.schedule({ jobs: external(service) })
    await vi.waitFor(() => {
      expect(cronAt(service, made)).toBe(quarterly.cron)
    }, soon)
    service.refuse(/DELETE .*\/jobs\//)
    const job = service.fire(made.id)
    const deletes = (): number =>
      service.requests.filter(
        (request) => request === `DELETE /v1/queues/connect/jobs/${encodeURIComponent(job)}`,
      ).length
    await vi.waitFor(async () => {
      // The run has ended when the job comes again: it does not hide that another one would start.
      const { lastRun } = await store.connections.get('c')
      if (lastRun?.status === 'queued') await store.runs.cancel('c', lastRun.id)
      expect(deletes()).toBeGreaterThanOrEqual(3)
    }, soon)
    service.refuse(null)
    await vi.waitFor(() => {
      expect(service.jobIds()).toEqual([])
    }, soon)
    expect(await scheduled(place, 'c')).toEqual(['jobs'])
    service.put(job, { connection: made.id })
    await vi.waitFor(() => {
      expect(service.jobIds()).toEqual([])
    }, soon)
    expect(await scheduled(place, 'c')).toEqual(['jobs'])
    service.fire(made.id)
    await vi.waitFor(async () => {
      expect(await scheduled(place, 'c')).toEqual(['jobs', 'jobs'])
    }, soon)
  })

  test('starts no later run for a time that came while a run went on, when its job comes again', async () => {
    await using place = await openPlace()
    const { runs } = place.store
    const { id: connectionId } = await newConnection(place.store, 'c', { schedule: quarterly })
    const { id } = await runs.create({ connection: 'c', trigger: 'manual' })
    const job = { connectionId, job: 'j' }
    expect(await runs.createForJob(job)).toEqual({ state: 'active' })
    await runs.cancel('c', id)
    expect(await runs.createForJob(job)).toEqual({ state: 'known' })
  })

  longTest('that gives a job to several processes at once starts one run', async () => {
    await using place = await openPlace()
    const { runs } = place.store
    const { id: connectionId } = await newConnection(place.store, 'c', { schedule: quarterly })
    const job = { connectionId, job: 'j' }
    const starts = await Promise.all(Array.from({ length: 8 }, () => runs.createForJob(job)))
    expect(starts.map(({ state }) => state).toSorted()).toEqual([
      ...Array.from({ length: 7 }, () => 'known'),
      'queued',
    ])
  })
})

longTest('a scheduler goes on when the database is back', async () => {
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
