import { expect, test } from 'vitest'
import { sweepEvery } from '../../../../service/webhooks/dispatch/event-flow.ts'
import { TestQueue } from './queue.ts'

const schema = 'reactor_connect_service'
const target = 'stream:shop-to-pg/*'
const connection = 'shop-to-pg'

/** Has one receiver whose events replace nine of ten runs of the connection. */
class EventFlow implements AsyncDisposable {
  readonly queue: TestQueue

  private constructor(queue: TestQueue) {
    this.queue = queue
  }

  static async open(): Promise<EventFlow> {
    const queue = await TestQueue.open()
    await queue.receiver('shop')
    await queue.database.query(`UPDATE ${schema}.receivers SET dispatch = $1`, [
      JSON.stringify([{ target: 'job:work' }, { target, sweepEvery: 10 }]),
    ])
    return new EventFlow(queue)
  }

  async event(outcome?: 'done' | 'dead', receiver = 'shop'): Promise<void> {
    await this.queue.event({ receiver, targets: [target] })
    if (outcome === undefined) return
    const { store } = this.queue
    const claimed = await store.claim('a', { limit: 10, leaseMs: 60_000 })
    const dead = { error: { code: 'dispatch_failed' }, isTargetDown: false }
    await store.settle(
      'a',
      claimed.map(({ seq, target: name }) => ({ seq, target: name, outcome, ...dead })),
    )
  }

  every({ lastRunAt = new Date(0).toISOString() } = {}): Promise<number | null> {
    return sweepEvery(this.queue.sessions, { connection, lastRunAt })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.queue[Symbol.asyncDispose]()
  }
}

test('events replace runs once one has been loaded', async () => {
  await using flow = await EventFlow.open()
  expect(await flow.every()).toBeNull()
  await flow.event()
  expect(await flow.every()).toBeNull()
  await flow.event('done')
  expect(await flow.every()).toBe(10)
  expect(
    await sweepEvery(flow.queue.sessions, { connection: 'other', lastRunAt: '2026-01-01' }),
  ).toBeNull()
})

test('of two receivers that load a connection both have to bring events', async () => {
  await using flow = await EventFlow.open()
  await flow.event('done')
  await flow.queue.receiver('second')
  await flow.queue.database.query(
    `UPDATE ${schema}.receivers SET dispatch = $1 WHERE name = 'second'`,
    [JSON.stringify([{ target, sweepEvery: 5 }])],
  )
  expect(await flow.every()).toBeNull()
  await flow.event('done', 'second')
  expect(await flow.every()).toBe(5)
  await flow.queue.database.query(
    `UPDATE ${schema}.receivers SET status = 'paused' WHERE name = 'second'`,
  )
  expect(await flow.every()).toBeNull()
})

test('one that was given up needs a run, which comes after it', async () => {
  await using flow = await EventFlow.open()
  await flow.event('done')
  await flow.event('dead')
  expect(await flow.every()).toBeNull()
  const lastRunAt = new Date(Date.now() + 1_000).toISOString()
  expect(await flow.every({ lastRunAt })).toBe(10)
})

test.each([
  ['of yesterday', `UPDATE ${schema}.webhook_dispatches SET ended_at = now() - interval '25 h'`],
  ['of a paused receiver', `UPDATE ${schema}.receivers SET status = 'paused'`],
])('events %s replace no run', async (_, change) => {
  await using flow = await EventFlow.open()
  await flow.event('done')
  await flow.queue.database.query(change)
  expect(await flow.every()).toBeNull()
})

test('nor do those of which one waits for long', async () => {
  await using flow = await EventFlow.open()
  await flow.event('done')
  await flow.event()
  expect(await flow.every()).toBe(10)
  await flow.queue.database.query(
    `UPDATE ${schema}.webhook_deliveries SET received_at = now() - interval '11 min'`,
  )
  expect(await flow.every()).toBeNull()
})
