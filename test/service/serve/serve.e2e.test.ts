import { once } from 'node:events'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { expect, test } from 'vitest'
import { z } from 'zod'
import {
  metadataTemplate,
  startPostgres,
  testDatabase,
  type Row,
  type TestDatabase,
} from '../../support/postgres.ts'
import { testKafka } from '../../support/kafka.ts'
import { newFolder } from '../../support/new-folder.ts'
import {
  hasEnded,
  runSchema,
  runWhen,
  serviceFolder,
  type ServiceProcess,
} from '../../support/service-process.ts'
import { longTest } from '../../support/long.ts'

const anything = z.unknown()
const rows = 30_000
/** About ten seconds of reading: room to interrupt it. */
const slowly = { rows_per_second: 3_000, state_every: 500 }

async function connect(
  service: ServiceProcess,
  options: {
    readonly stream: object
    readonly destination?: string
    readonly options?: object
    readonly schedule?: object
    readonly append?: boolean
  },
): Promise<void> {
  const config = { streams: [{ name: 'items', columns: 'narrow', rows, ...options.stream }] }
  await service.ask(anything, '/instances', { body: { name: 'fake', type: 'faker', config } })
  await service.ask(anything, '/connections', {
    body: {
      name: 'shop',
      from: 'fake',
      destination: options.destination ?? 'data:shop',
      activate: true,
      streams: [{ name: 'items', destination_sync_mode: 'append', sync_mode: 'incremental' }],
      ...(options.options !== undefined && { options: options.options }),
      ...(options.schedule !== undefined && { schedule: options.schedule }),
    },
  })
}

async function startRun(service: ServiceProcess): Promise<string> {
  return (await service.ask(runSchema, '/connections/shop/runs', { method: 'POST' })).id
}

/** Every record of the faker has its place once: nothing is lost, nothing is there twice. */
async function expectEverythingOnce(query: (sql: string) => Promise<Row[]>): Promise<void> {
  const [found] = await query(
    `SELECT count(*)::int AS count, count(DISTINCT id)::int AS ids,
       min(id)::int AS first, max(id)::int AS last FROM shop.items`,
  )
  expect(found).toMatchObject({ count: rows, ids: rows })
  expect(Number(found?.last) - Number(found?.first)).toBe(rows - 1)
}

/** The embedded database of data, as the service's own user sees it. */
async function embeddedQuery(folder: string, sql: string): Promise<Row[]> {
  const login = z
    .object({ user: z.string(), password: z.string() })
    .parse(JSON.parse(await readFile(join(folder, 'postgres/superuser.json'), 'utf8')))
  const pid = await readFile(join(folder, 'postgres/pgdata/postmaster.pid'), 'utf8')
  const port = Number(pid.split('\n')[3])
  const client = new pg.Client({ ...login, port, host: '127.0.0.1', database: 'data' })
  await client.connect()
  try {
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}

test.concurrent(
  'with nothing configured it serves from an empty folder, and a run survives kill -9',
  async () => {
    await using folder = await serviceFolder()
    const first = await folder.start()
    expect(first.output()).toContain(`The first API key, shown once: ${first.key}`)
    expect((await stat(join(folder.path, 'local-service.json'))).mode & 0o777).toBe(0o600)
    expect((await stat(folder.path)).mode & 0o066).toBe(0)
    await connect(first, { stream: slowly })
    const id = await startRun(first)
    await runWhen(first, id, (run) => run.loaded > 2_000)
    await first.kill9()

    const second = await folder.start()
    expect(second.key).toBe(first.key)
    expect(second.output()).not.toContain(first.key)
    const run = await runWhen(second, id, hasEnded)
    // The counts are those of the table, even if the killed process had not reported all of them.
    const counts = { read: rows, loaded: rows, rejected: 0 }
    expect(run).toMatchObject({ status: 'complete', attempts: 2, ...counts })
    await expectEverythingOnce((sql) => embeddedQuery(folder.path, sql))
    expect(await second.stop()).toBe(0)
  },
  120_000,
)

test.concurrent(
  'SIGTERM drains a run to its last checkpoint; the next start goes on from there',
  async () => {
    await using metadata = await testDatabase(metadataTemplate)
    await using data = await testDatabase()
    await using folder = await serviceFolder()
    const environment = shared(metadata, data, {})
    const first = await folder.start({ environment })
    await connect(first, { stream: slowly })
    const id = await startRun(first)
    await runWhen(first, id, (run) => run.loaded > 2_000)
    expect(await first.stop()).toBe(0)

    const second = await folder.start({ environment })
    const run = await runWhen(second, id, hasEnded)
    expect(run).toMatchObject({ status: 'complete', attempts: 2, loaded: rows })
    await expectEverythingOnce((sql) => data.query(sql))
  },
  120_000,
)

longTest.concurrent(
  'a service whose embedded PostgreSQL is gone says so and ends, to be started anew',
  async ({ expect }) => {
    await using folder = await serviceFolder()
    const first = await folder.start()
    const pidFile = await readFile(join(folder.path, 'postgres/pgdata/postmaster.pid'), 'utf8')
    process.kill(Number(pidFile.split('\n')[0]), 'SIGKILL')
    await once(first.process, 'close')
    expect(first.process.exitCode).toBe(1)
    expect(first.output()).toContain('[embedded_postgres_failed]')

    const second = await folder.start()
    expect(await second.stop()).toBe(0)
  },
  60_000,
)

/** Lines of the log from the stop on that warn of something. */
function warningsOfStop(service: ServiceProcess): readonly unknown[] {
  const lines = service
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => z.looseObject({ level: z.string(), msg: z.string() }).parse(JSON.parse(line)))
  const stop = lines.findIndex(({ msg }) => msg.startsWith('stopping: '))
  expect(stop).toBeGreaterThan(-1)
  return lines.slice(stop).filter(({ level }) => ['warn', 'error', 'fatal'].includes(level))
}

longTest.concurrent(
  'an ordinary stop logs no warning, idle or with a run under way',
  async ({ expect }) => {
    await using folder = await serviceFolder()
    const idle = await folder.start()
    await connect(idle, { stream: slowly })
    // Sessions with the database that are open at the stop.
    await Promise.all(Array.from({ length: 20 }, () => idle.ask(anything, '/instances')))
    expect(await idle.stop()).toBe(0)
    expect(warningsOfStop(idle)).toEqual([])

    const busy = await folder.start()
    const id = await startRun(busy)
    await runWhen(busy, id, (run) => run.loaded > 1_000)
    await Promise.all(Array.from({ length: 20 }, () => busy.ask(anything, '/instances')))
    expect(await busy.stop()).toBe(0)
    expect(warningsOfStop(busy)).toEqual([])
  },
  90_000,
)

longTest.concurrent(
  'a second SIGTERM ends the process at once',
  async ({ expect }) => {
    await using folder = await serviceFolder()
    const service = await folder.start()
    await connect(service, { stream: { fail: { at_row: 1_000, kind: 'hang' } } })
    const id = await startRun(service)
    await runWhen(service, id, ({ streams }) => streams[0]?.status === 'running')
    const ended = service.stop()
    await expect.poll(() => service.output(), { timeout: 10_000 }).toContain('stopping: ')
    // The same signal within half a second is not a second one.
    const again = setInterval(() => service.process.kill('SIGTERM'), 100)
    expect(await ended).toBe(130)
    clearInterval(again)
  },
  90_000,
)

longTest.concurrent(
  'a run is cancelled at a checkpoint, and its retry goes on from there',
  async () => {
    await using folder = await serviceFolder()
    const service = await folder.start()
    await connect(service, { stream: slowly })
    const id = await startRun(service)
    await runWhen(service, id, (run) => run.loaded > 2_000)
    await service.ask(anything, `/runs/${id}/cancel`, { method: 'POST' })
    const cancelled = await runWhen(service, id, hasEnded)
    expect(cancelled.status).toBe('cancelled')
    expect(cancelled.loaded).toBeLessThan(rows)
    const retry = await service.ask(runSchema, `/runs/${id}/retry`, { method: 'POST' })
    const ended = await runWhen(service, retry.id, hasEnded)
    expect(ended).toMatchObject({ status: 'complete', loaded: rows - cancelled.loaded })
    await expectEverythingOnce((sql) => embeddedQuery(folder.path, sql))
  },
  90_000,
)

longTest.concurrent(
  'a source that fails is tried again after a pause, and the schedule fires',
  async ({ expect }) => {
    await using folder = await serviceFolder()
    const service = await folder.start()
    const fail = {
      at_row: 500,
      kind: 'error',
      times: 5,
      counter_file: join(await newFolder('failures'), 'count'),
    }
    await connect(service, {
      stream: { rows, state_every: 1_000, fail },
      schedule: { cron: '* * * * *' },
    })
    const list = z.object({ items: z.array(runSchema.pick({ id: true, trigger: true })) })
    const scheduled = async (): Promise<string | undefined> =>
      (await service.ask(list, '/connections/shop/runs')).items.at(-1)?.id
    await expect.poll(scheduled, { timeout: 70_000, interval: 500 }).toMatch(/^run_/)
    const run = await runWhen(service, (await scheduled()) ?? '', hasEnded)
    expect(run).toMatchObject({ status: 'complete', trigger: 'schedule', attempts: 2 })
    const lines = z.object({ items: z.array(z.object({ message: z.string() })) })
    const { items } = await service.ask(lines, `/runs/${run.id}/logs`)
    expect(items.map(({ message }) => message)).toContain('attempt failed, trying again')
    await expectEverythingOnce((sql) => embeddedQuery(folder.path, sql))
  },
  150_000,
)

/** Two processes with data folders of their own, on one PostgreSQL. */
function shared(
  database: { readonly url: string },
  data: TestDatabase,
  kafka: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return {
    REACTOR_CONNECT_DATABASE_URL: database.url,
    REACTOR_CONNECT_DATA_DATABASE_URL: data.url,
    ...kafka,
  }
}

longTest.concurrent.each(['embedded', 'kafka'] as const)(
  'if one of two services on the same PostgreSQL is killed, the other takes over its run (log: %s)',
  async (log) => {
    await using metadata = await testDatabase(metadataTemplate)
    await using data = await testDatabase()
    await using single = await serviceFolder()
    await using other = await serviceFolder()
    const kafka = log === 'kafka' ? { KAFKA_BROKERS: testKafka().brokers.join(',') } : {}
    const environment = shared(metadata, data, kafka)
    const first = await single.start({ environment })
    await connect(first, { stream: slowly, options: { log } })
    const second = await other.start({ environment, key: first.key })
    const id = await startRun(first)
    await runWhen(first, id, (run) => run.loaded > 2_000)
    const isFirst = first.output().includes('run started')
    const [victim, survivor] = isFirst ? [first, second] : [second, first]
    await victim.kill9()
    const killedAt = Date.now()
    await runWhen(survivor, id, (run) => run.attempts === 2)
    // docs/operations.md promises 30 seconds, so the time is measured; the machine of a test may be busy.
    expect(Date.now() - killedAt).toBeLessThan(2 * 30_000)
    expect(await runWhen(survivor, id, hasEnded)).toMatchObject({ status: 'complete' })
    await expectEverythingOnce((sql) => data.query(sql))
  },
  120_000,
)

longTest.concurrent(
  'a metadata database that crashes under a run stops nothing',
  // Uses the test's own `expect`: a polled assertion must know its test.
  async ({ expect }) => {
    await using metadata = await startPostgres()
    await using data = await testDatabase()
    await using folder = await serviceFolder()
    const service = await folder.start({ environment: shared(metadata, data, {}) })
    await connect(service, { stream: slowly })
    const id = await startRun(service)
    await runWhen(service, id, (run) => run.loaded > 2_000)
    await metadata.kill9()
    expect((await fetch(`${service.url}/healthz`)).status).toBe(200)
    await expect
      .poll(async () => (await fetch(`${service.url}/readyz`)).status, { timeout: 10_000 })
      .toBe(503)
    await metadata.restart()
    expect(await runWhen(service, id, hasEnded)).toMatchObject({ status: 'complete', attempts: 1 })
    await expectEverythingOnce((sql) => data.query(sql))
  },
  120_000,
)

longTest.concurrent(
  'processes share the work by roles: one responds, another runs',
  async () => {
    await using metadata = await testDatabase(metadataTemplate)
    await using data = await testDatabase()
    await using first = await serviceFolder()
    await using other = await serviceFolder()
    const environment = shared(metadata, data, {})
    const api = await first.start({ environment, args: ['--roles', 'api,scheduler'] })
    const worker = await other.start({
      environment,
      args: ['--roles', 'reader,sink'],
      key: api.key,
    })
    await expect(worker.ask(anything, '/catalog')).rejects.toThrow(/answered 404/)
    expect((await fetch(`${worker.url}/readyz`)).status).toBe(200)
    await connect(api, { stream: {} })
    const run = await runWhen(api, await startRun(api), hasEnded)
    expect(run).toMatchObject({ status: 'complete', loaded: rows })
    expect(worker.output()).toContain('run started')
    expect(api.output()).not.toContain('run started')
  },
  120_000,
)

test.concurrent('a wrong policy stops the start, with the place', async () => {
  await using folder = await serviceFolder()
  const file = join(folder.path, 'own.cedar')
  await writeFile(file, 'permit (\n  principal in Kind::"boss", action, resource\n);')
  const environment = { REACTOR_CONNECT_POLICY_FILE: file }
  await expect(folder.start({ environment })).rejects.toThrow(
    /own\.cedar cannot be used, line 2, column 16[\s\S]*policy_invalid/,
  )
})

longTest.concurrent('a process whose roles are only one half of a run is refused', async () => {
  await using folder = await serviceFolder()
  await expect(folder.start({ args: ['--roles', 'api,reader'] })).rejects.toThrow(
    /roles_unavailable/,
  )
})
