import { pino } from 'pino'
import { describe, expect, test, vi } from 'vitest'
import { KeyedProducer, type KeyedTopic } from '../../../../engine/log/kafka/keyed-producer.ts'
import { ConnectError } from '../../../../protocol/index.ts'
import type { StoredDeliveryLog } from '../../../../service/webhooks/deliveries/contract.ts'
import {
  bringDeliveries,
  KafkaDeliveryLog,
} from '../../../../service/webhooks/ingress/kafka-delivery-log.ts'
import { newDelivery } from '../../../support/deliveries.ts'
import { startKafka, testKafka } from '../../../support/kafka.ts'
import { silent } from '../../../support/logger.ts'
import { newReceiver, openTestStore } from '../../../support/open-test-store.ts'
import type { TestDatabase } from '../../../support/postgres.ts'
import { longTest } from '../../../support/long.ts'

const soon = { timeout: 30_000, interval: 50 }

interface Opened extends AsyncDisposable {
  readonly log: KafkaDeliveryLog
  readonly stored: StoredDeliveryLog
  readonly database: TestDatabase
  readonly receiver: string
  readonly topic: KeyedTopic
  /** Brings deliveries to PostgreSQL from here on; until it is called. */
  readonly consume: (stored?: StoredDeliveryLog) => () => Promise<void>
  /** The log lines of the consumer that brings deliveries. */
  readonly logged: readonly string[]
}

/** @param name of the topic: services may share it */
async function open(brokers = testKafka().brokers, name = testKafka().prefix): Promise<Opened> {
  await using parts = new AsyncDisposableStack()
  const { store, database } = parts.use(await openTestStore())
  const { id: receiver } = await newReceiver(store, 'events')
  // The databases of tests are copies of one.
  const serviceId = `${store.serviceId}-${receiver}`
  const topic: KeyedTopic = {
    servers: { brokers, clientId: 'test', ssl: false },
    topic: `${name}.ingress`,
    partitions: 3,
    logger: silent,
  }
  const stored = store.deliveryLog
  const logged: string[] = []
  const logger = pino({ level: 'warn' }, { write: (line: string) => void logged.push(line) })
  const log = parts.use(new KafkaDeliveryLog({ topic, stored, logger: silent, now: Date.now }))
  const consume: Opened['consume'] = (into = stored) => {
    const stop = new AbortController()
    const running = bringDeliveries(
      { topic: { ...topic, logger }, stored: into, serviceId, logger },
      stop.signal,
    )
    const end = async (): Promise<void> => {
      stop.abort()
      await running
    }
    parts2.defer(end)
    return end
  }
  const parts2 = new AsyncDisposableStack()
  const end = parts.move()
  return {
    log,
    stored,
    database,
    receiver,
    topic,
    consume,
    logged,
    [Symbol.asyncDispose]: async () => {
      await parts2.disposeAsync()
      await end.disposeAsync()
    },
  }
}

async function rows({ database }: Opened): Promise<readonly Record<string, unknown>[]> {
  return database.query(
    `SELECT event_id, kind, headers, convert_from(body, 'UTF8') AS body,
       (SELECT count(*)::integer FROM reactor_connect_service.webhook_dispatches
        WHERE delivery_id = delivery.id) AS dispatches
     FROM reactor_connect_service.webhook_deliveries AS delivery ORDER BY id`,
  )
}

describe('deliveries through Kafka', () => {
  test('come to PostgreSQL once, as they were', async () => {
    await using opened = await open()
    const { log, receiver, consume } = opened
    const body = '{"n":1.0,"u":"\\u00e4"}\r\n'
    expect(await log.append(newDelivery(receiver, { body, headers: { a: 'ü' } }))).toBe('stored')
    expect(await log.append(newDelivery(receiver, { body }))).toBe('repeated')
    expect(await log.append(newDelivery(receiver, { body: '{}' }))).toBe('conflict')
    expect(await rows(opened)).toEqual([])
    consume()
    await vi.waitFor(async () => {
      expect(await rows(opened)).toEqual([
        { event_id: 'evt_1', kind: 'event', headers: { a: 'ü' }, body, dispatches: 1 },
        expect.objectContaining({
          event_id: 'evt_1',
          kind: 'suspicious',
          body: '{}',
          dispatches: 0,
        }),
      ])
    }, soon)
  })

  test('are known again when PostgreSQL has them, also if a vendor counts its deliveries in the body', async () => {
    await using opened = await open()
    const { stored, topic, receiver, consume } = opened
    const bodyHash = Buffer.alloc(32, 7)
    const again = async (body: string) => {
      // Another process, which has taken in nothing yet.
      await using log = new KafkaDeliveryLog({ topic, stored, logger: silent, now: Date.now })
      return await log.append(newDelivery(receiver, { body, bodyHash }))
    }
    expect(await again('{"id":1,"pending":2}')).toBe('stored')
    consume()
    await vi.waitFor(async () => {
      expect(await rows(opened)).toHaveLength(1)
    }, soon)
    expect(await again('{"id":1,"pending":1}')).toBe('repeated')
    expect(await rows(opened)).toHaveLength(1)
  })

  longTest(
    'come to the service that they are for, where another one has the same brokers',
    async () => {
      const name = testKafka().prefix
      await using first = await open(undefined, name)
      await using other = await open(undefined, name)
      first.consume()
      other.consume()
      for (let n = 0; n < 20; n++)
        for (const { log, receiver } of [first, other])
          await log.append(newDelivery(receiver, { eventId: `evt_${String(n)}` }))
      for (const opened of [first, other])
        await vi.waitFor(async () => {
          expect(await rows(opened)).toHaveLength(20)
        }, soon)
    },
  )

  test('that another process has taken in are known when PostgreSQL has them', async () => {
    await using opened = await open()
    const { log, stored, receiver } = opened
    await stored.append(newDelivery(receiver))
    expect(await log.append(newDelivery(receiver))).toBe('repeated')
    expect(await log.append(newDelivery(receiver, { body: 'x' }))).toBe('conflict')
  })

  test('that two processes took in at the same time are stored once', async () => {
    await using opened = await open()
    const { log, stored, topic, receiver, consume } = opened
    await using other = new KafkaDeliveryLog({ topic, stored, logger: silent, now: Date.now })
    const events = Array.from({ length: 50 }, (_, index) => ({ eventId: `evt_${String(index)}` }))
    await Promise.all(
      [log, other].flatMap((some) =>
        events.map((event) => some.append(newDelivery(receiver, event))),
      ),
    )
    consume()
    await vi.waitFor(async () => {
      expect(await rows(opened)).toHaveLength(50)
    }, soon)
    await log.append(newDelivery(receiver, { eventId: 'last' }))
    await vi.waitFor(async () => {
      expect((await rows(opened)).at(-1)?.event_id).toBe('last')
    }, soon)
    expect(
      (await rows(opened)).every(({ kind, dispatches }) => kind === 'event' && dispatches === 1),
    ).toBe(true)
  })

  test('are accepted and brought later while PostgreSQL is away', async () => {
    await using opened = await open()
    const { stored, topic, receiver, consume } = opened
    let isAway = true
    const away = <Result>(work: () => Promise<Result>): Promise<Result> =>
      isAway ? Promise.reject(new ConnectError('store_unavailable')) : work()
    const flaky: StoredDeliveryLog = {
      append: (delivery) => away(() => stored.append(delivery)),
      appendAll: (batch) => away(() => stored.appendAll(batch)),
      storedHashes: (batch) => away(() => stored.storedHashes(batch)),
      late: (afterMs) => stored.late(afterMs),
    }
    await using log = new KafkaDeliveryLog({ topic, stored: flaky, logger: silent, now: Date.now })
    expect(await log.append(newDelivery(receiver))).toBe('stored')
    consume(flaky)
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    expect(await rows(opened)).toEqual([])
    isAway = false
    await vi.waitFor(async () => {
      expect(await rows(opened)).toHaveLength(1)
    }, soon)
  })

  test('messages of others are skipped', async () => {
    await using opened = await open()
    const { log, topic, receiver, consume } = opened
    await using producer = await KeyedProducer.open(topic)
    const headers = [{}, { delivery: '{' }, { delivery: '{"id":1}' }] as const
    await producer.send(
      headers.map((some) => ({ key: receiver, value: Buffer.from('x'), headers: some })),
    )
    await log.append(newDelivery(receiver))
    consume()
    await vi.waitFor(async () => {
      expect(await rows(opened)).toHaveLength(1)
    }, soon)
  })
})

longTest(
  'nothing that was acknowledged is lost when broker and worker die, and the rest is refused',
  { timeout: 120_000 },
  async () => {
    await using broker = await startKafka()
    await using opened = await open(broker.brokers)
    const { log, receiver, consume, logged } = opened
    const acknowledged = new Set<string>()
    const refusals = new Set<unknown>()
    let isOver = false
    let next = 0
    const sender = async (): Promise<void> => {
      while (!isOver) {
        const eventId = `evt_${String(next++)}`
        try {
          await log.append(newDelivery(receiver, { eventId }))
          acknowledged.add(eventId)
        } catch (error) {
          refusals.add(ConnectError.from(error).code)
          await new Promise((resolve) => setTimeout(resolve, 20))
        }
      }
    }
    const senders = [sender(), sender(), sender(), sender()]
    const stopFirst = consume()
    await vi.waitFor(() => {
      expect(acknowledged.size).toBeGreaterThan(200)
    }, soon)
    await vi.waitFor(async () => {
      expect(await rows(opened)).not.toEqual([])
    }, soon)
    // Before the worker read, a broker that has just started may have said that the coordinator of its group
    // is loading.
    const loggedBefore = logged.length
    await broker.kill9()
    await vi.waitFor(() => {
      expect(refusals.size).toBeGreaterThan(0)
      expect(logged.slice(loggedBefore).join('')).toContain('a topic is not read')
    }, soon)
    for (const line of logged.slice(loggedBefore))
      expect(JSON.parse(line)).toMatchObject({
        code: 'kafka_unreachable',
        reason: expect.stringContaining(
          `Kafka cannot be reached at ${broker.brokers.join(', ')}`,
        ) as unknown,
      })
    await broker.restart()
    const before = acknowledged.size
    await vi.waitFor(() => {
      expect(acknowledged.size).toBeGreaterThan(before + 200)
    }, soon)
    isOver = true
    await Promise.all(senders)
    expect([...refusals]).toEqual(['kafka_unreachable'])
    await stopFirst()
    consume()
    await vi.waitFor(async () => {
      const stored = new Set((await rows(opened)).map(({ event_id: id }) => id))
      expect([...acknowledged].filter((id) => !stored.has(id))).toEqual([])
    }, soon)
    expect((await rows(opened)).every(({ dispatches }) => dispatches === 1)).toBe(true)
  },
)
