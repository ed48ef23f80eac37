import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { Database } from '../../../../service/platform/database/database.ts'
import {
  appendDeliveries,
  dispatchChannel,
} from '../../../../service/webhooks/deliveries/append-deliveries.ts'
import { PostgresDeliveryLog } from '../../../../service/webhooks/deliveries/delivery-log.ts'
import { newDelivery } from '../../../support/deliveries.ts'
import { silent } from '../../../support/logger.ts'
import { newReceiver, openTestStore } from '../../../support/open-test-store.ts'
import type { TestDatabase } from '../../../support/postgres.ts'

interface Opened extends AsyncDisposable {
  readonly database: Database
  readonly test: TestDatabase
  readonly receiver: string
  readonly remove: () => Promise<unknown>
}

async function open(): Promise<Opened> {
  await using parts = new AsyncDisposableStack()
  const { store, database: test } = parts.use(await openTestStore())
  const database = parts.use(new Database({ url: test.url, sessions: 4, logger: silent }))
  const { id: receiver } = await newReceiver(store, 'events')
  const remove = (): Promise<unknown> => store.receivers.delete('events')
  const end = parts.move()
  return { database, test, receiver, remove, [Symbol.asyncDispose]: () => end.disposeAsync() }
}

const stored = `SELECT id, event_id, kind, convert_from(body, 'UTF8') AS body
  FROM reactor_connect_service.webhook_deliveries ORDER BY id`
const dispatched = `SELECT delivery_id, target, order_key, status
  FROM reactor_connect_service.webhook_dispatches ORDER BY seq`

describe('a batch of deliveries', () => {
  test('is stored with its dispatches, byte by byte', async () => {
    await using opened = await open()
    const { database, test: db, receiver } = opened
    const body = '{"b":1.0,"a":"\\u0000ü😀"}\n'
    const first = newDelivery(receiver, {
      body,
      dispatches: [
        { target: 'job:a', orderKey: 'k' },
        { target: 'topic:b', orderKey: null },
      ],
    })
    const empty = newDelivery(receiver, {
      eventId: 'evt_2',
      eventType: null,
      body: '',
      dispatches: [],
    })
    const last = newDelivery(receiver, { eventId: 'evt_3', body: 'x' })
    expect(await appendDeliveries(database, [first, empty, last])).toEqual([
      'stored',
      'stored',
      'stored',
    ])
    expect(await db.query(stored)).toEqual([
      { id: first.id, event_id: 'evt_1', kind: 'event', body },
      { id: empty.id, event_id: 'evt_2', kind: 'event', body: '' },
      { id: last.id, event_id: 'evt_3', kind: 'event', body: 'x' },
    ])
    expect(await db.query(dispatched)).toEqual([
      { delivery_id: first.id, target: 'job:a', order_key: 'k', status: 'pending' },
      { delivery_id: first.id, target: 'topic:b', order_key: null, status: 'pending' },
      { delivery_id: last.id, target: 'job:work', order_key: null, status: 'pending' },
    ])
    const [row] = await db.query(
      `SELECT event_type, headers, body_hash, received_at FROM reactor_connect_service.webhook_deliveries
       WHERE id = $1`,
      [first.id],
    )
    expect(row).toEqual({
      event_type: 'order.paid',
      headers: first.headers,
      body_hash: first.bodyHash,
      received_at: new Date(first.receivedAtMs),
    })
  })

  test('tells repetitions and conflicts, also within itself, and keeps conflicts once', async () => {
    await using opened = await open()
    const { database, test: db, receiver } = opened
    const first = newDelivery(receiver)
    const batch = [
      first,
      newDelivery(receiver),
      newDelivery(receiver, { body: '{"a":2}' }),
      newDelivery(receiver, { eventId: 'evt_2' }),
      newDelivery('rcv_gone', { eventId: 'evt_3' }),
    ]
    const results = ['stored', 'repeated', 'conflict', 'stored', 'unknown_receiver']
    expect(await appendDeliveries(database, batch)).toEqual(results)
    const again = batch.map((each, index) => ({ ...each, id: `dlv_again_${String(index)}` }))
    expect(await appendDeliveries(database, again)).toEqual([
      'repeated',
      'repeated',
      'conflict',
      'repeated',
      'unknown_receiver',
    ])
    // The same batch, whose first response was lost on the way.
    expect(await appendDeliveries(database, batch)).toEqual(
      ['stored', 'repeated', 'conflict', 'stored', 'unknown_receiver'].map((result) =>
        result === 'stored' ? 'repeated' : result,
      ),
    )
    const rows = await db.query(stored)
    expect(rows.map(({ event_id: id, kind, body }) => [id, kind, body])).toEqual([
      ['evt_1', 'event', '{"a":1}'],
      ['evt_1', 'suspicious', '{"a":2}'],
      ['evt_2', 'event', '{"a":1}'],
    ])
    expect(await db.query(dispatched)).toHaveLength(2)
  })

  test('stores an event once, whoever sends it at the same time', async () => {
    await using opened = await open()
    const { database, test: db, receiver } = opened
    const rounds = Array.from({ length: 20 }, (_, round) =>
      [1, 2, 3, 4].map((sender) =>
        appendDeliveries(database, [
          newDelivery(receiver, {
            eventId: `evt_${String(round)}`,
            body: sender === 4 ? 'b' : 'a',
          }),
        ]),
      ),
    )
    const results = (await Promise.all(rounds.flat())).flat()
    expect(results.filter((result) => result === 'stored')).toHaveLength(20)
    expect(new Set(results)).toEqual(new Set(['stored', 'repeated', 'conflict']))
    expect(await db.query(dispatched)).toHaveLength(20)
    const [events] = await db.query(
      `SELECT count(*)::integer AS events FROM reactor_connect_service.webhook_deliveries
       WHERE kind = 'event'`,
    )
    expect(events).toEqual({ events: 20 })
  })

  test('with the receiver deleted at this moment stores the others', async () => {
    await using opened = await open()
    const { database, receiver, remove } = opened
    const batches = Array.from({ length: 30 }, (_, index) =>
      appendDeliveries(database, [newDelivery(receiver, { eventId: `evt_${String(index)}` })]),
    )
    await remove()
    const results = (await Promise.all(batches)).flat()
    for (const result of results) expect(['stored', 'unknown_receiver']).toContain(result)
    expect(await appendDeliveries(database, [newDelivery(receiver)])).toEqual(['unknown_receiver'])
  })

  test('keeps ids apart that the database could not tell apart', async () => {
    await using opened = await open()
    const { database, receiver } = opened
    const ids = ['a\0b', 'a\uFFFDb', 'a\uD800b', '😀'.repeat(250), '\0'.repeat(500)]
    const batch = ids.map((eventId) => newDelivery(receiver, { eventId }))
    expect(await appendDeliveries(database, batch)).toEqual(ids.map(() => 'stored'))
  })

  test('notifies when there is something to dispatch, and else not', async () => {
    await using opened = await open()
    const { database, test: db, receiver } = opened
    const client = new pg.Client({ connectionString: db.url })
    await using end = new AsyncDisposableStack()
    end.defer(() => client.end())
    await client.connect()
    let notified = 0
    client.on('notification', () => (notified += 1))
    await client.query(`LISTEN ${dispatchChannel}`)
    const delivery = newDelivery(receiver)
    await appendDeliveries(database, [delivery, newDelivery(receiver, { eventId: 'evt_2' })])
    await client.query('SELECT')
    expect(notified).toBe(1)
    await appendDeliveries(database, [delivery])
    await appendDeliveries(database, [newDelivery(receiver, { eventId: 'evt_3', dispatches: [] })])
    await client.query('SELECT')
    expect(notified).toBe(1)
  })
})

test('the log stores many that come at once in few statements', async () => {
  await using opened = await open()
  const { database, test: db, receiver } = opened
  const log = new PostgresDeliveryLog(database)
  const results = await Promise.all(
    Array.from({ length: 300 }, (_, index) =>
      log.append(newDelivery(receiver, { eventId: `evt_${String(index % 250)}` })),
    ),
  )
  expect(results.filter((result) => result === 'stored')).toHaveLength(250)
  expect(results.filter((result) => result === 'repeated')).toHaveLength(50)
  const [transactions] = await db.query(
    `SELECT count(DISTINCT xmin::text)::integer AS n FROM reactor_connect_service.webhook_deliveries`,
  )
  expect(transactions?.n).toBeLessThan(10)
})
