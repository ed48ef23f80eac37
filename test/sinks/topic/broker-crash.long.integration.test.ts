import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { KafkaBroker } from '../../kafka/kafka-broker.ts'
import { createCrashShop, crashModes } from '../../support/crash-shop.ts'
import { startKafka } from '../../support/kafka.ts'
import { testDatabase } from '../../support/postgres.ts'
import { seededRandom } from '../../support/random.ts'
import { runFile } from '../../support/run-file.ts'
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts'
import { closedPort, eventsOf, startRun, type CommandEnd } from '../../cli/reactor-command.ts'
import { runHere } from '../../cli/run-here.ts'
import {
  expectEqual,
  expectNoSetback,
  topicsRunFile,
  type CrashMode,
  type CrashTopics,
} from './crash-topics.ts'
import { usually } from '../../support/long.ts'

/**
 * Rounds for each log; the long form (`npm run test:long -- crash`) sets more. The seed is printed with a
 * failure: play it again with CRASH_SEED.
 */
const rounds = Number(process.env.CRASH_ROUNDS ?? 1)
const seed = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000)
/** The codes that a run may report if the broker is away. */
const codes = ['kafka_unreachable', 'kafka_failed', 'destination_transaction_lost']

let folder: TemporaryFolder
let broker: KafkaBroker
beforeAll(async () => {
  folder = await temporaryFolder('broker-crash')
  // The folder stays, so a stop is a clean one.
  broker = await startKafka({ dataDir: folder.path })
}, 120_000)
afterAll(async () => {
  await broker[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

/** Those of the run's modes whose streams it did not complete; it says why. */
function unfinishedModes(
  end: CommandEnd,
  ofRun: readonly CrashMode[] = crashModes,
): readonly CrashMode[] {
  const result = eventsOf(end).at(-1)
  if (result?.error !== undefined) {
    expect(codes, end.stderr).toContain(result.error.code)
    return ofRun
  }
  return ofRun.filter((mode) => {
    const stream = result?.streams.find(({ name }) => name.endsWith(`orders_${mode}`))
    if (stream?.error !== undefined) expect(codes, end.stderr).toContain(stream.error.code)
    return stream?.status !== 'complete'
  })
}

async function playRound(
  topics: CrashTopics,
  { afterMs, how }: { readonly afterMs: number; readonly how: 'killed' | 'stopped' },
): Promise<void> {
  await using file = await runFile(topicsRunFile(topics))
  const started = startRun(file.path, { args: ['--json'] })
  await started.output('stdout', /"loaded":[1-9]/)
  await delay(afterMs)
  if (how === 'killed') await broker.kill9()
  await broker.restart()
  let unfinished = unfinishedModes(await started.end)
  // As a scheduler would: a stream that is complete would be appended once more.
  for (let tries = 0; unfinished.length > 0 && tries < 3; tries++) {
    await using rest = await runFile(topicsRunFile(topics, unfinished))
    unfinished = unfinishedModes(await runHere(rest.path, { args: ['--json'] }), unfinished)
  }
  for (const mode of crashModes) await expectEqual(topics, mode)
  await expectNoSetback(topics)
}

describe.each(usually(1, ['kafka', 'embedded'] as const))('over the %s log', (log) => {
  test(
    `brokers that are killed or stopped while a run loads into them, and start again, have every row once (seed ${String(seed)})`,
    { timeout: 120_000 + rounds * 60_000 },
    async () => {
      const random = seededRandom(seed + (log === 'kafka' ? 1 : 0))
      const { brokers } = broker
      for (let round = 0; round < rounds; round++) {
        await using shop = await testDatabase()
        await createCrashShop(shop)
        const connection = `broker-${randomUUID().slice(0, 8)}`
        const ofRun = log === 'kafka' ? { kafka: { brokers } } : 'embedded'
        const how = (round + (log === 'kafka' ? 1 : 0)) % 2 === 0 ? 'killed' : 'stopped'
        const topics = { shop, connection, log: ofRun, brokers }
        await playRound(topics, { afterMs: random() * 1_500, how })
      }
    },
  )
})

async function nowhere(brokers: readonly string[]): Promise<CommandEnd> {
  await using file = await runFile({
    connection: 'nowhere',
    source: { type: 'faker', config: { streams: [{ name: 'users', rows: 10 }] } },
    destination: { type: 'topic', url: 'topic:nowhere.users', config: { brokers } },
  })
  return await runHere(file.path, { args: ['--json'] })
}

test('brokers that are not there are named within 15 seconds', async () => {
  const address = `127.0.0.1:${String(await closedPort())}`
  const started = performance.now()
  const end = await nowhere([address])
  expect(performance.now() - started).toBeLessThan(15_000)
  expect(eventsOf(end).at(-1)?.error).toMatchObject({
    code: 'kafka_unreachable',
    message: expect.stringContaining(address) as string,
    suggested_fix: expect.stringContaining('correct `brokers`') as string,
  })
})

/** As a frozen broker: its kernel still takes connections. Waits for the 30 seconds that a request has. */
test('brokers that take connections and do not respond are unreachable', async () => {
  const silentServer = createServer(() => undefined)
  silentServer.listen(0, '127.0.0.1')
  await once(silentServer, 'listening')
  const { port } = silentServer.address() as AddressInfo
  const address = `127.0.0.1:${String(port)}`
  try {
    expect(eventsOf(await nowhere([address])).at(-1)?.error).toMatchObject({
      code: 'kafka_unreachable',
      message: expect.stringContaining(address) as string,
    })
  } finally {
    silentServer.close()
  }
})

/** Each of four attempts waits for the brokers: 5.4 minutes on two busy cores (2026-11-29). */
test.runIf(rounds > 1)(
  'brokers that do not come back end the run, and the next one goes on',
  { timeout: 900_000 },
  async () => {
    const { brokers } = broker
    await using shop = await testDatabase()
    await createCrashShop(shop)
    const topics = { shop, connection: 'gone', log: 'embedded', brokers }
    await using file = await runFile(topicsRunFile(topics))
    const started = startRun(file.path, { args: ['--json'] })
    await started.output('stdout', /"loaded":[1-9]/)
    await broker.kill9()
    const killedAtMs = performance.now()
    const end = await started.end
    expect(performance.now() - killedAtMs).toBeLessThan(480_000)
    await broker.restart()
    const unfinished = unfinishedModes(end)
    expect(unfinished.length).toBeGreaterThan(0)
    await using rest = await runFile(topicsRunFile(topics, unfinished))
    const second = await runHere(rest.path, { args: ['--json'] })
    expect(unfinishedModes(second, unfinished)).toEqual([])
    for (const mode of crashModes) await expectEqual(topics, mode)
  },
)
