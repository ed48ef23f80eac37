import { describe, expect, test } from 'vitest'
import { closedPort, eventsOf, startRun } from '../../../cli/reactor-command.ts'
import { topicsOf } from '../../../support/all-texts.ts'
import { testKafka } from '../../../support/kafka.ts'
import { runFile } from '../../../support/run-file.ts'
import { errorOf, expectNoSecret, openAvroShop, type AvroShop } from './avro-shop.ts'
import { startFakeRegistry, type FakeRegistry } from './fake-registry.ts'
import { longTest } from '../../../support/long.ts'

/**
 * Whole runs of `format: avro` with a registry that has its moods, and with columns that come, go and change.
 */
interface FakeShop extends AvroShop {
  readonly registry: FakeRegistry
}

async function openFakeShop(): Promise<FakeShop> {
  const registry = await startFakeRegistry()
  const schemaOf = (id: number): Promise<string> => Promise.resolve(registry.schemas[id - 1] ?? '')
  const shop = await openAvroShop({ url: registry.url, schemaOf })
  return {
    ...shop,
    registry,
    [Symbol.asyncDispose]: async () => {
      await shop[Symbol.asyncDispose]()
      await registry[Symbol.asyncDispose]()
    },
  }
}

const page = { status: 200, body: '<html>Welcome to nginx</html>' }
const broken = { status: 500, body: '<html>Internal Server Error</html>' }
const isLong = process.env.REAL_REGISTRY !== undefined
const options = { timeout: 120_000 }

describe.concurrent('a registry', options, () => {
  test.each([
    ['that refuses the credentials', [{ status: 401, body: { error_code: 40101, message: 'User not found' } }], 'schema_registry_refused', 'status 401 (User not found)'],
    ['that is a web page', [page], 'schema_registry_refused', 'not that of a schema registry'],
    ['that responds with errors', [broken, broken, broken, broken, broken], 'schema_registry_unreachable', 'status 500'],
  ] as const)('%s is named, and nothing is loaded', async (_, replies, code, reason) => {
    await using shop = await openFakeShop()
    shop.registry.scripted.push(...replies)
    const end = await shop.load()
    expect(end.code).not.toBe(0)
    expect(errorOf(end)).toMatchObject({ code, message: expect.stringContaining(reason) as string })
    // It ended before it began a stream.
    expect(eventsOf(end).at(-1)?.streams).toEqual([])
  }) // prettier-ignore

  longTest('that is down at the start is named within 20 seconds', async () => {
    await using shop = await openFakeShop()
    const host = `127.0.0.1:${String(await closedPort())}`
    const started = performance.now()
    const end = await shop.load({ url: `http://${host}` })
    expect(performance.now() - started).toBeLessThan(20_000)
    expect(errorOf(end)).toMatchObject({
      code: 'schema_registry_unreachable',
      message: expect.stringContaining(host) as string,
    })
  })

  longTest('that refuses to write is named, and the stream goes on when it may', async () => {
    await using shop = await openFakeShop()
    // Its check and the search for the key's schema are reads.
    const denied = {
      status: 403,
      body: { error_code: 40301, message: 'User is denied operation Write' },
    }
    const missing = { status: 404, body: { error_code: 40401, message: 'Subject not found' } }
    shop.registry.scripted.push({ status: 200, body: [] }, missing, denied)
    expect(errorOf(await shop.load())).toMatchObject({
      code: 'schema_registry_refused',
      message: expect.stringContaining('registering') as string,
    })
    expect((await shop.load()).code).toBe(0)
    expect(await shop.rows()).toHaveLength(2)
    expectNoSecret(await topicsOf(testKafka().brokers, shop.connection))
  })

  longTest('that is away for a moment under way, and slow, holds nothing up for good', async () => {
    await using shop = await openFakeShop()
    shop.registry.delayMs = 700
    shop.registry.scripted.push({ status: 200, body: [] }, 'cut', broken, 'cut')
    const end = await shop.load()
    expect(end.code, end.stderr).toBe(0)
    expect(await shop.rows()).toHaveLength(2)
  })

  /**
   * Half a minute, which a stop gives to what is in progress: in the long form (`npm run test:long --
   * registry`).
   */
  test.runIf(isLong)('that does not respond holds up no stop', async () => {
    await using shop = await openFakeShop()
    shop.registry.delayMs = 120_000
    await using file = await runFile(shop.document())
    const started = startRun(file.path, { args: ['--json'] })
    while (shop.registry.requests.length === 0)
      await new Promise((resolve) => setTimeout(resolve, 50))
    const stoppedAtMs = performance.now()
    started.process.kill('SIGINT')
    await started.end
    expect(performance.now() - stoppedAtMs).toBeLessThan(40_000)
  })
})

describe.concurrent('columns', options, () => {
  test('that are added and dropped are new versions of the schema; older messages are as they were', async () => {
    await using shop = await openFakeShop()
    const { db, registry } = shop
    expect((await shop.load()).code).toBe(0)
    await db.query(`ALTER TABLE things ADD COLUMN colour text, DROP COLUMN body;
      INSERT INTO things (id, price, colour) VALUES (3, 9, 'red')`)
    expect((await shop.load()).code).toBe(0)
    // The row with the last cursor is read again, since it is another one without its column.
    expect(await shop.rows()).toEqual([
      { id: 1, body: 'a', price: 7 },
      { id: 2, price: 8, colour: null },
      { id: 3, price: 9, colour: 'red' },
    ])
    // The key's schema, and two of the values.
    expect(registry.schemas).toHaveLength(3)
  })

  longTest(
    'of another type are refused under a rule, with nothing lost, and loaded when the rule allows it',
    async () => {
      await using shop = await openFakeShop()
      const { db, registry, connection } = shop
      expect((await shop.load()).code).toBe(0)
      registry.strict.add(`${connection}.things-value`)
      await db.query(`ALTER TABLE things ALTER COLUMN price TYPE text;
      INSERT INTO things (id, body, price) VALUES (3, 'c', 'dear')`)
      for (let tries = 0; tries < 2; tries++)
        expect(errorOf(await shop.load())).toMatchObject({
          code: 'schema_incompatible',
          message: expect.stringContaining(`${connection}.things-value`) as string,
          suggested_fix: expect.any(String) as string,
        })
      expect(await shop.rows()).toHaveLength(2)
      // As docs/errors/schema_incompatible.md says: the rule is NONE for one run.
      registry.strict.clear()
      const end = await shop.load()
      expect(end.code, end.stderr).toBe(0)
      expect(await shop.rows()).toEqual([
        { id: 1, body: 'a', price: 7 },
        { id: 2, body: 'b', price: 8 },
        { id: 3, body: 'c', price: 'dear' },
      ])
    },
  )

  longTest('of another type are loaded into another topic, from the beginning', async () => {
    await using shop = await openFakeShop()
    const { db, registry, connection } = shop
    expect((await shop.load()).code).toBe(0)
    registry.strict.add(`${connection}.things-value`)
    await db.query(`ALTER TABLE things ALTER COLUMN price TYPE text`)
    expect(errorOf(await shop.load())).toMatchObject({ code: 'schema_incompatible' })
    const end = await shop.load({ topic: 'things-2' })
    expect(end.code, end.stderr).toBe(0)
    expect(await shop.rows('things-2')).toEqual([
      { id: 1, body: 'a', price: '7' },
      { id: 2, body: 'b', price: '8' },
    ])
  })
})
