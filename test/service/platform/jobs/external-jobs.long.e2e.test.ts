import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import { startJobsService, type JobsService } from '../../../fakes/jobs-service.ts'
import { metadataTemplate, testDatabase, type TestDatabase } from '../../../support/postgres.ts'
import { hasEnded, runSchema, runWhen, serviceFolder } from '../../../support/service-process.ts'
import type { ServiceProcess, ServiceFolder } from '../../../support/service-process.ts'
import { longTest } from '../../../support/long.ts'

const anything = z.unknown()
const soon = { timeout: 60_000, interval: 50 }
const yearly = { cron: '0 3 1 1 *' }
const connectionSchema = z.object({ schedule: z.unknown() })
const readiness = z.object({ problems: z.array(z.string()), warnings: z.array(z.string()) })
const runs = z.object({ items: z.array(runSchema.pick({ id: true, trigger: true, status: true })) })

interface Place extends AsyncDisposable {
  readonly metadata: TestDatabase
  readonly jobs: JobsService
  readonly folder: ServiceFolder
  start(key?: string): Promise<ServiceProcess>
}

async function openPlace(): Promise<Place> {
  await using parts = new AsyncDisposableStack()
  const metadata = parts.use(await testDatabase(metadataTemplate))
  const data = parts.use(await testDatabase())
  const jobs = parts.use(await startJobsService())
  const folder = parts.use(await serviceFolder())
  const environment = {
    REACTOR_CONNECT_DATABASE_URL: metadata.url,
    REACTOR_CONNECT_DATA_DATABASE_URL: data.url,
    REACTOR_CONNECT_JOBS_URL: jobs.url,
    REACTOR_CONNECT_JOBS_API_KEY: jobs.apiKey,
  }
  const open = parts.move()
  return {
    metadata,
    jobs,
    folder,
    start: (key) => folder.start({ environment, ...(key !== undefined && { key }) }),
    [Symbol.asyncDispose]: async () => open.disposeAsync(),
  }
}

async function connect(
  service: ServiceProcess,
  name: string,
  more: { readonly streams?: unknown } = {},
): Promise<void> {
  const body = { name, from: 'fake', destination: 'data:shop', activate: true, schedule: yearly }
  await service.ask(anything, '/connections', { body: { ...body, ...more } })
}

async function newInstance(service: ServiceProcess): Promise<void> {
  const config = { streams: [{ name: 'items', columns: 'narrow', rows: 10 }] }
  await service.ask(anything, '/instances', { body: { name: 'fake', type: 'faker', config } })
}

// Concurrent, as all that follow: each has a service of its own, and waits for it most of the time.
test.concurrent(
  'a kill between the start of a run and the DELETE of its job starts no second run',
  async () => {
    await using place = await openPlace()
    const { jobs } = place
    const first = await place.start()
    await newInstance(first)
    await connect(first, 'shop')
    await vi.waitFor(() => {
      expect(jobs.schedules.size).toBe(1)
    }, soon)
    const [schedule = ''] = jobs.schedules.keys()
    jobs.refuse(/DELETE .*\/jobs\//)
    const job = jobs.fire(schedule)
    const path = `DELETE /v1/queues/connect/jobs/${encodeURIComponent(job)}`
    await vi.waitFor(() => {
      expect(jobs.requests).toContain(path)
    }, soon)
    await first.kill9()
    expect(jobs.jobIds()).toContain(job)
    jobs.refuse(null)
    // It is hidden for a minute: this shows it at once.
    jobs.put(job, { connection: schedule })
    const second = await place.start(first.key)
    await vi.waitFor(() => {
      expect(jobs.jobIds()).not.toContain(job)
    }, soon)
    const { items } = await second.ask(runs, '/connections/shop/runs')
    expect(items).toMatchObject([{ trigger: 'jobs' }])
    expect(await runWhen(second, items[0]?.id ?? '', hasEnded)).toMatchObject({
      status: 'complete',
    })
  },
  120_000,
)

test.concurrent(
  'connections are made, changed and deleted while Jobs is away, and it hears of it later',
  async () => {
    await using place = await openPlace()
    const { jobs } = place
    const service = await place.start()
    await newInstance(service)
    await connect(service, 'changed')
    await connect(service, 'deleted')
    await vi.waitFor(() => {
      expect(jobs.schedules.size).toBe(2)
    }, soon)
    jobs.refuse(/./)
    await connect(service, 'made')
    const schedule = { cron: '0 4 1 1 *' }
    const changed = await service.ask(connectionSchema, '/connections/changed', {
      method: 'PATCH',
      body: { schedule },
    })
    expect(changed).toMatchObject({ schedule })
    await service.ask(anything, '/connections/deleted', { method: 'DELETE' })
    await service.kill9()
    jobs.refuse(null)
    await place.start(service.key)
    await vi.waitFor(() => {
      expect([...jobs.schedules.values()].map(({ cron }) => cron).toSorted()).toEqual([
        yearly.cron,
        schedule.cron,
      ])
    }, soon)
  },
  120_000,
)

async function ready(
  service: ServiceProcess,
): Promise<{ readonly status: number } & z.output<typeof readiness>> {
  const response = await fetch(`${service.url}/readyz`)
  return { status: response.status, ...readiness.parse(await response.json()) }
}

/** The line of a metric with its value; undefined when there is none. */
async function metric(service: ServiceProcess, series: string): Promise<string | undefined> {
  const headers = { authorization: `Bearer ${service.key}` }
  const text = await (await fetch(`${service.url}/metrics`, { headers })).text()
  return text
    .split('\n')
    .find((line) => line.startsWith(`${series} `))
    ?.slice(series.length + 1)
}

test.concurrent(
  '/readyz and /metrics tell that Jobs is away, and that the database takes no writes',
  async () => {
    await using place = await openPlace()
    const { jobs, metadata } = place
    const service = await place.start()
    await newInstance(service)
    await connect(service, 'shop')
    const jobsUp = 'reactor_connect_service_part_up{part="jobs"}'
    await vi.waitFor(async () => {
      expect(await metric(service, 'reactor_connect_service_schedules_unsent')).toBe('0')
    }, soon)
    expect(await ready(service)).toEqual({ status: 200, problems: [], warnings: [] })
    expect(await metric(service, jobsUp)).toBe('1')
    expect(
      await metric(
        service,
        'reactor_connect_connection_last_success_timestamp_seconds{connection="shop"}',
      ),
    ).toBe('0')

    jobs.refuse(/./, 503)
    await connect(service, 'other')
    const warnings = [
      'the Jobs service cannot be used (jobs_unreachable): no schedule fires until it is back',
    ]
    await vi.waitFor(async () => {
      expect(await ready(service)).toEqual({ status: 200, problems: [], warnings })
      expect(await metric(service, jobsUp)).toBe('0')
      expect(await metric(service, 'reactor_connect_service_schedules_unsent')).not.toBe('0')
    }, soon)
    jobs.refuse(null)

    const name = new URL(metadata.url).pathname.slice(1)
    await metadata.query(`ALTER DATABASE "${name}" SET default_transaction_read_only = on`)
    await metadata.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = '${name}' AND pid <> pg_backend_pid()`,
    )
    await vi.waitFor(async () => {
      expect(await ready(service)).toMatchObject({
        status: 503,
        problems: ['the metadata database cannot be written (store_unavailable)'],
      })
    }, soon)
  },
  120_000,
)

longTest.concurrent(
  'a run that fails before its streams begin counts with its connection',
  async () => {
    await using place = await openPlace()
    const service = await place.start()
    await newInstance(service)
    await connect(service, 'shop', { streams: [{ name: 'items' }] })
    const config = { streams: [{ name: 'renamed', columns: 'narrow', rows: 10 }] }
    await service.ask(anything, '/instances/fake', { method: 'PATCH', body: { config } })
    const run = await service.ask(runSchema, '/connections/shop/runs', { method: 'POST' })
    expect(await runWhen(service, run.id, hasEnded)).toMatchObject({
      status: 'failed',
      streams: [],
    })
    const attempts = 'reactor_connect_service_attempts_total'
    expect(await metric(service, `${attempts}{connection="shop",outcome="failed"}`)).toBe('1')
    expect(await metric(service, `${attempts}{connection="shop",outcome="again"}`)).toBe('0')
    expect(await metric(service, 'reactor_connect_connection_failing{connection="shop"}')).toBe('1')
  },
  120_000,
)
