import { pino } from 'pino'
import { expect, test, vi } from 'vitest'
import { ConnectError, type JsonObject } from '../../../protocol/index.ts'
import { DataService } from '../../../service/platform/datasets/data-service.ts'
import {
  sweepDestinations,
  sweepSandboxes,
  type SweepOptions,
} from '../../../service/sandboxes/sweep-sandboxes.ts'
import type { Run } from '../../../service/runs/schema.ts'
import { formsOf } from '../../fakes/echo-api.ts'
import { dumpOf } from '../../support/all-texts.ts'
import { openDataPlace, schemaOf, type DataPlace } from '../../support/data-place.ts'
import { silent } from '../../support/logger.ts'
import { runToEnd, testService, type TestService } from '../../support/test-service.ts'
import { longTest } from '../../support/long.ts'

const quick = { maxFruitless: 8, firstDelayMs: 10, maxDelayMs: 10 }
const principal = 'key_1'

interface World extends AsyncDisposable {
  readonly place: DataPlace
  readonly test: TestService
  /** Whatever the service gave back or threw. */
  readonly output: string[]
  readonly tell: <Result>(work: () => Promise<Result>) => Promise<Result>
  readonly connect: (name: string, streams?: readonly JsonObject[]) => Promise<void>
  readonly run: (name: string) => Promise<Run>
}

async function openWorld(): Promise<World> {
  await using parts = new AsyncDisposableStack()
  const place = parts.use(await openDataPlace())
  const environment = { ...place.environment, REACTOR_CONNECT_DATA_DATABASE_URL: '' }
  const test = parts.use(await testService({ environment, logLevel: 'trace' }))
  const output: string[] = []
  const tell: World['tell'] = async (work) => {
    try {
      const result = await work()
      output.push(JSON.stringify(result ?? null))
      return result
    } catch (error) {
      const { stack, cause } = ConnectError.from(error)
      output.push(JSON.stringify(error), String(stack), String(cause))
      throw error
    }
  }
  const { instances, connections, runs } = test.service
  const open = parts.move()
  return {
    place,
    test,
    output,
    tell,
    connect: async (name, streams = [{ name: 'items', columns: 'narrow', rows: 50 }]) => {
      await tell(() => instances.create({ name, type: 'faker', config: { streams } }))
      await tell(() =>
        connections.create({ name, from: name, destination: `data:${name}`, activate: true }),
      )
    },
    run: (name) => tell(async () => runToEnd(runs, await runs.start(name))),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}

async function rowsOf({ place }: World, name: string, table = 'items'): Promise<unknown> {
  const [row] = await place.database.query(
    `SELECT count(*)::int AS rows FROM ${schemaOf(name)}.${table}`,
  )
  return row?.rows
}

async function expectNoSecrets({
  place,
  test,
  output,
}: Pick<World, 'place' | 'test' | 'output'>): Promise<void> {
  const places = {
    told: output.join('\n'),
    logged: test.logged.join('\n'),
    metadata: await dumpOf(test.metadata),
    data: await dumpOf(place.database),
  }
  const forms = formsOf(place.mark)
  for (const [name, text] of Object.entries(places)) {
    expect(text.length, name).toBeGreaterThan(200)
    for (const form of forms) expect(text.includes(form), `${name}: ${form}`).toBe(false)
  }
}

test('a run, a sandbox, its promotion, a reset and a deletion work where the Data service says', async () => {
  await using world = await openWorld()
  const { place, test, tell } = world
  const { connections, sandboxes, runs } = test.service
  test.work()
  await world.connect('shop')
  expect(place.service.requests).toContain('PUT /v1/datasets/shop')
  expect(await world.run('shop')).toMatchObject({ status: 'complete', attempts: 1, loaded: 50 })
  expect(await rowsOf(world, 'shop')).toBe(50)

  const sandbox = await tell(() => sandboxes.run('shop', { limitRows: 10, principal }))
  expect(sandbox).toMatchObject({ status: 'ready', promoteToken: expect.any(String) as string })
  expect(await tell(() => sandboxes.rows('shop', sandbox.id))).toHaveLength(1)
  const token = sandbox.promoteToken ?? ''
  // Another login than that of the sandbox is no change of the destination.
  await place.replaceLogin()
  const promotion = await tell(() => sandboxes.promote('shop', { token, principal }))
  if (promotion.state !== 'promoted') throw new Error(JSON.stringify(promotion))
  expect(await runToEnd(runs, promotion.run)).toMatchObject({ status: 'complete' })
  expect(await sandboxSchemas(world)).toEqual([])

  await tell(() => connections.reset('shop'))
  expect(await world.run('shop')).toMatchObject({ status: 'complete', loaded: 50 })
  await tell(() => connections.delete('shop'))
  // Its checkpoints are gone; the row of a stream stays, without them.
  expect(await place.database.query('SELECT slice FROM reactor_connect.slices')).toEqual([])
  expect(place.service.requests.filter((request) => request.startsWith('PUT'))).toHaveLength(1)
  await expectNoSecrets(world)
})

async function sandboxSchemas({ place }: World): Promise<readonly unknown[]> {
  return place.database.query(
    `SELECT nspname FROM pg_namespace WHERE nspname LIKE 'reactor_sandbox%'`,
  )
}

test('a Data service that is away holds up a run until it is back, and fails it in the end', async () => {
  await using world = await openWorld()
  const { place, test } = world
  const { runs } = test.service
  test.work({ retries: quick })
  await world.connect('shop')
  place.service.refuse(503)
  const { id } = await runs.start('shop')
  await vi.waitFor(
    async () => {
      const { attempts, error } = await runs.get('shop', id)
      expect({ attempts, code: error?.code }).toMatchObject({
        attempts: 2,
        code: 'data_unreachable',
      })
    },
    { timeout: 20_000 },
  )
  place.service.refuse(null)
  expect(await runToEnd(runs, await runs.get('shop', id))).toMatchObject({
    status: 'complete',
    error: null,
  })
  expect(await rowsOf(world, 'shop')).toBe(50)
  expect(test.logged.join('')).toContain('attempt failed, trying again')

  place.service.refuse(429)
  test.work({ retries: { ...quick, maxFruitless: 1 } })
  for (const work of [
    () => test.service.sandboxes.run('shop', { limitRows: 10, principal }),
    () => world.connect('other'),
  ])
    await expect(work()).rejects.toMatchObject({ code: 'data_unreachable' })
  await expectNoSecrets(world)
})

test('a key that is refused fails a run at once', async () => {
  await using world = await openWorld()
  const { place, test } = world
  test.work({ retries: quick })
  await world.connect('shop')
  place.service.refuse(403)
  const run = await world.run('shop')
  expect(run).toMatchObject({ status: 'failed', attempts: 1, error: { code: 'data_refused' } })
  expect(run.error?.message).toContain('it refuses the key')
  await expect(world.connect('other')).rejects.toMatchObject({ code: 'data_refused' })
  await expectNoSecrets(world)
})

longTest('a response that is none fails a run, and no word of it is shown', async () => {
  await using world = await openWorld()
  const { place, test } = world
  test.work({ retries: quick })
  await world.connect('shop')
  for (const schema of ['pg_catalog', `${place.mark}-schema`]) {
    place.service.datasets.set('shop', { url: place.wrongAddress, schema })
    expect(await world.run('shop')).toMatchObject({
      status: 'failed',
      error: { code: 'destination_not_available' },
    })
  }
  place.service.datasets.set('shop', { url: `http://${place.mark}/` })
  expect(await world.run('shop')).toMatchObject({
    status: 'failed',
    error: { code: 'data_refused' },
  })
  await expectNoSecrets(world)
})

longTest(
  'a login that is replaced while a run goes on is asked for again, and one that stays wrong is not',
  async () => {
    await using world = await openWorld()
    const { place, test } = world
    test.work({ retries: quick })
    const names = Array.from({ length: 12 }, (_, index) => `items_${index}`)
    await world.connect(
      'shop',
      names.map((name) => ({
        name,
        columns: 'narrow',
        rows: 200,
        rows_per_second: 200,
        state_every: 20,
      })),
    )
    const running = world.run('shop')
    await vi.waitFor(
      async () => {
        expect(await rowsOf(world, 'shop', 'items_0')).toBeGreaterThan(0)
      },
      {
        timeout: 20_000,
      },
    )
    await place.replaceLogin()
    const run = await running
    expect(run).toMatchObject({ status: 'complete', loaded: 2_400 })
    expect(run.attempts).toBeGreaterThan(1)
    for (const name of names) expect(await rowsOf(world, 'shop', name), name).toBe(200)
    expect(test.logged.join('')).toContain('its login was replaced while the run went on')

    const { datasets } = place.service
    datasets.set('shop', { ...datasets.get('shop'), url: place.wrongAddress })
    expect(await world.run('shop')).toMatchObject({
      status: 'failed',
      attempts: 1,
      error: { code: 'destination_credentials_refused' },
    })
    await expectNoSecrets(world)
  },
  120_000,
)

longTest('a dataset that is gone is created by a run, and not by what only looks', async () => {
  await using world = await openWorld()
  const { place, test } = world
  const { addressOf, service } = test
  test.work({ retries: quick })
  await world.connect('shop')
  const { datasets } = place.service
  datasets.delete('shop')
  await expect(addressOf('data:shop', { ifMissing: 'fail' })).rejects.toMatchObject({
    code: 'destination_not_available',
  })
  await sweepDestinations({ ...sweepOptions(world), logger: silent })
  expect(datasets.size).toBe(0)
  expect(await world.run('shop')).toMatchObject({ status: 'complete' })
  expect([...datasets.keys()]).toEqual(['shop'])
  datasets.delete('shop')
  await service.connections.delete('shop')
  expect(datasets.size).toBe(0)
})

function sweepOptions({ place, test }: World): Omit<SweepOptions, 'logger'> {
  const { store, addressOf } = test
  const { url, apiKey } = place.service
  const service = new DataService({ url, apiKey, now: Date.now })
  return { store, addressOf, checkDataService: () => service.check(), now: Date.now }
}

longTest('a sweep asks a Data service that is away once for all of its datasets', async () => {
  await using world = await openWorld()
  const { place, test } = world
  for (const name of ['one', 'two', 'three']) await world.connect(name)
  await test.metadata.query(
    `INSERT INTO reactor_connect_service.sandboxes
       (id, destination, status, principal, limit_rows, expires_at)
     SELECT 'sbx_' || name, 'data:' || name, 'ready', 'p', 1, now() - interval '1 day'
       FROM unnest(ARRAY['one', 'two', 'three']) AS name`,
  )
  const lines: string[] = []
  const logger = pino({}, { write: (line) => void lines.push(line) })
  const options = { ...sweepOptions(world), logger }
  place.service.refuse(500)
  for (const sweep of [sweepSandboxes, sweepDestinations]) {
    const before = place.service.requests.length
    lines.length = 0
    await sweep(options)
    expect(place.service.requests.length - before).toBe(4) // three attempts, and the check
    expect(lines).toEqual([expect.stringContaining('data_unreachable')])
  }
  place.service.refuse(null)
  await sweepSandboxes(options)
  expect(await test.store.sandboxes.toDrop(10)).toEqual([])
})

test('readiness warns while the Data service cannot be used', async () => {
  await using world = await openWorld()
  const { place, test } = world
  const { health } = test.service
  expect(await health.report()).toMatchObject({ problems: [], warnings: [] })
  place.service.refuse(503)
  await vi.waitFor(
    async () => {
      expect(await health.report()).toMatchObject({
        problems: [],
        warnings: [
          'the Data service cannot be used (data_unreachable): nothing is loaded into its datasets until it can be used',
        ],
        parts: expect.arrayContaining([
          expect.objectContaining({ part: 'data', problem: expect.any(String) as string }),
        ]) as unknown,
      })
    },
    { timeout: 5_000 },
  )
})
