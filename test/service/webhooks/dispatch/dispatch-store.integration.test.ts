import { describe, expect, test } from 'vitest'
import type {
  ClaimedDispatch,
  SettledDispatch,
} from '../../../../service/webhooks/deliveries/contract.ts'
import { TestQueue } from './queue.ts'
import { longTest, usually } from '../../../support/long.ts'

const schema = 'reactor_connect_service'
const leaseMs = 60_000
const some = { limit: 10, leaseMs }
const error = { code: 'dispatch_failed' }
const ids = (claimed: readonly ClaimedDispatch[]): readonly string[] =>
  claimed.map(({ delivery }) => delivery.id)
const done = (claimed: readonly ClaimedDispatch[]): readonly SettledDispatch[] =>
  claimed.map(({ seq, target }) => ({ seq, target, outcome: 'done' }))
const retry = (
  claimed: readonly ClaimedDispatch[],
  { delayMs = 5_000, isTargetDown = false } = {},
): readonly SettledDispatch[] =>
  claimed.map(({ seq, target }) => ({
    ...{ seq, target, outcome: 'retry', delayMs, error, isTargetDown },
  }))

describe('claims', () => {
  test('give what is due, once, with all that a target needs', async () => {
    await using queue = await TestQueue.open()
    await queue.receiver('shop')
    const body = Buffer.from('{"amount": 1.0}\n')
    const id = await queue.event({ body, headers: { a: 'b' }, eventType: 'paid' })
    const [claimed, ...more] = await queue.store.claim('a', some)
    expect(more).toEqual([])
    expect(claimed).toMatchObject({
      ...{ target: 'job:work', orderKey: null, attempt: 1 },
      receiver: { name: 'shop', webhook: null, instance: null },
      delivery: { id, eventId: id, eventType: 'paid', kind: 'event', headers: { a: 'b' }, body },
    })
    expect(await queue.store.claim('b', some)).toEqual([])
    await queue.store.settle('a', done(claimed === undefined ? [] : [claimed]))
    expect(await queue.rows()).toMatchObject([{ status: 'done', attempts: 1, error: null }])
    expect(await queue.store.nextDueMs()).toBeNull()
  })

  test('a retry waits for its time, and keeps why it failed', async () => {
    await using queue = await TestQueue.open()
    await queue.receiver('shop')
    await queue.event()
    await queue.store.settle('a', retry(await queue.store.claim('a', some)))
    expect(await queue.store.claim('a', some)).toEqual([])
    const dueMs = await queue.store.nextDueMs()
    expect(dueMs).toBeGreaterThan(3_000)
    expect(dueMs).toBeLessThanOrEqual(5_000)
    expect(await queue.rows()).toMatchObject([{ status: 'pending', attempts: 1, error }])
    await queue.pass(6)
    expect(await queue.store.claim('a', some)).toMatchObject([{ attempt: 2 }])
  })

  test('what a killed process had is taken by another one when its lease ends; it cannot settle it any more', async () => {
    await using queue = await TestQueue.open()
    await queue.receiver('shop')
    await queue.event()
    const lost = await queue.store.claim('killed', some)
    expect(await queue.store.claim('b', some)).toEqual([])
    await queue.pass(61)
    expect(await queue.store.claim('b', some)).toMatchObject([{ attempt: 2 }])
    await queue.store.settle('killed', done(lost))
    expect(await queue.statuses()).toEqual(['running'])
  })

  test('what a killed process had is due at once for one that is alone, and its order keys go on', async () => {
    await using queue = await TestQueue.open()
    await queue.receiver('shop')
    const first = await queue.event({ key: 'k' })
    const second = await queue.event({ key: 'k' })
    const lost = await queue.store.claim('killed', some)
    expect(ids(lost)).toEqual([first])
    expect(await queue.store.claim('b', some)).toEqual([])
    await queue.store.takeOver()
    const claimed = await queue.store.claim('b', some)
    expect(claimed).toMatchObject([{ attempt: 2, delivery: { id: first } }])
    await queue.store.settle('killed', done(lost))
    await queue.store.settle('b', done(claimed))
    expect(ids(await queue.store.claim('b', some))).toEqual([second])
  })

  test('what was not tried is given back, and that is no attempt', async () => {
    await using queue = await TestQueue.open()
    await queue.receiver('shop')
    await queue.event()
    const [claimed] = await queue.store.claim('a', some)
    const { seq = '', target = '' } = claimed ?? {}
    await queue.store.settle('a', [{ seq, target, outcome: 'released' }])
    expect(await queue.store.claim('b', some)).toMatchObject([{ attempt: 1 }])
  })

  test('a paused receiver waits', async () => {
    await using queue = await TestQueue.open()
    await queue.receiver('shop')
    await queue.event()
    await queue.database.query(`UPDATE ${schema}.receivers SET status = 'paused'`)
    expect(await queue.store.claim('a', some)).toEqual([])
    expect(await queue.store.nextDueMs()).toBeNull()
    await queue.database.query(`UPDATE ${schema}.receivers SET status = 'active'`)
    expect(await queue.store.nextDueMs()).toBe(0)
    expect(await queue.store.claim('a', some)).toHaveLength(1)
  })

  test('many processes that claim at once never get the same', async () => {
    await using queue = await TestQueue.open()
    await queue.receiver('shop')
    for (let count = 0; count < 60; count++) await queue.event({ key: String(count % 20) })
    const claims = await Promise.all(
      Array.from({ length: 8 }, (_, owner) => queue.store.claim(String(owner), some)),
    )
    const claimed = claims.flat()
    expect(new Set(claimed.map(({ seq }) => seq)).size).toBe(claimed.length)
    expect(new Set(claimed.map(({ orderKey }) => orderKey)).size).toBe(20)
    expect(claimed).toHaveLength(20)
  })
})

describe('turns', () => {
  test('of targets: a long line for one does not hold up the others, nor one receiver another at the same target', async () => {
    await using queue = await TestQueue.open()
    await queue.receiver('shop')
    await queue.receiver('late')
    for (let count = 0; count < 30; count++) await queue.event()
    const other = await queue.event({ targets: ['job:other'] })
    const late = await queue.event({ receiver: 'late' })
    const claimed = await queue.store.claim('a', { limit: 4, leaseMs })
    expect(ids(claimed)).toEqual(expect.arrayContaining([other, late]))
    expect(claimed).toHaveLength(4)
  })

  test('a target gets no more than its share, and the reserve is for targets without any', async () => {
    await using queue = await TestQueue.open()
    await queue.receiver('shop')
    for (let count = 0; count < 10; count++) await queue.event({ targets: ['job:a', 'job:b'] })
    const first = await queue.store.claim('a', { limit: 8, leaseMs, perTarget: 3 })
    expect(first.map(({ target }) => target).toSorted()).toEqual(
      ['a', 'a', 'a', 'b', 'b', 'b'].map((name) => `job:${name}`),
    )
    const busy = new Map([['job:a', 3]])
    const more = await queue.store.claim('a', { limit: 4, leaseMs, perTarget: 3, busy })
    expect(more.map(({ target }) => target)).toEqual(['job:b', 'job:b', 'job:b'])
    await queue.event({ targets: ['job:c'] })
    const isBusy = new Map(['a', 'b'].map((name) => [`job:${name}`, 1]))
    const options = { limit: 3, leaseMs, perTarget: 9, busy: isBusy, reserved: 2 }
    const reserve = await queue.store.claim('a', options)
    expect(reserve.map(({ target }) => target)).toContain('job:c')
    expect(reserve.length).toBeLessThanOrEqual(2)
  })

  test('targets that failed last do not take the reserve, however many they are', async () => {
    await using queue = await TestQueue.open()
    await queue.receiver('shop')
    const dead = Array.from({ length: 12 }, (_, place) => `job:dead-${String(place)}`)
    await queue.event({ targets: dead })
    const first = await queue.store.claim('a', { limit: 12, leaseMs })
    await queue.store.settle('a', retry(first, { delayMs: 0, isTargetDown: true }))
    const good = await queue.event({ targets: ['job:good'] })
    const options = { leaseMs, perTarget: 9, reserved: 4 }
    const claimed = await queue.store.claim('a', { ...options, limit: 4 })
    expect(ids(claimed)).toEqual([good])
    const free = await queue.store.claim('a', { ...options, limit: 10 })
    expect(free.map(({ target }) => target)).toHaveLength(6)
    const busy = new Map(free.map(({ target }) => [target, 1]))
    expect(await queue.store.claim('a', { ...options, limit: 4, busy })).toEqual([])
    const next = await queue.event({ targets: ['job:next'] })
    expect(ids(await queue.store.claim('a', { ...options, limit: 4, busy }))).toEqual([next])
  })
})

describe('order', () => {
  test('of those with the same key only the first one goes, and the next one when it is settled', async () => {
    await using queue = await TestQueue.open()
    await queue.receiver('shop')
    const events: string[] = []
    for (let count = 0; count < 5; count++) events.push(await queue.event({ key: 'k' }))
    const free = await queue.event()
    const [first, second, third] = events
    const claimed = await queue.store.claim('a', some)
    expect(ids(claimed)).toEqual([first, free])
    await queue.store.settle('a', done(claimed))
    const next = await queue.store.claim('a', some)
    expect(ids(next)).toEqual([second])
    await queue.store.settle('a', retry(next, { delayMs: 1_000 }))
    expect(await queue.store.claim('a', some)).toEqual([])
    await queue.pass(2)
    const again = await queue.store.claim('a', some)
    expect(ids(again)).toEqual([second])
    const [dead] = again
    const { seq = '', target = '' } = dead ?? {}
    await queue.store.settle('a', [{ seq, target, outcome: 'dead', error, isTargetDown: false }])
    expect(ids(await queue.store.claim('a', some))).toEqual([third])
  })

  longTest(
    'thousands behind one that is tried again are not looked at again and again',
    async () => {
      await using queue = await TestQueue.open()
      await queue.receiver('shop')
      const first = await queue.event({ key: 'k' })
      await queue.database.query(
        `WITH delivery AS (
         INSERT INTO ${schema}.webhook_deliveries
         SELECT 'dlv_x' || n, receiver_id, 'x' || n, NULL, 'event', now(), '{}', '', ''
         FROM ${schema}.webhook_deliveries, generate_series(1, 3000) AS n RETURNING id, receiver_id
       ) INSERT INTO ${schema}.webhook_dispatches (delivery_id, receiver_id, target, order_key)
       SELECT id, receiver_id, 'job:work', 'k' FROM delivery`,
      )
      const claimed = await queue.store.claim('a', some)
      expect(ids(claimed)).toEqual([first])
      await queue.store.settle('a', retry(claimed))
      expect(await queue.store.claim('a', some)).toEqual([])
      const due = await queue.database.query(
        `SELECT count(*)::int AS count FROM ${schema}.webhook_dispatches WHERE due_at <= now()`,
      )
      expect(due).toEqual([{ count: 0 }])
      expect(await queue.store.nextDueMs()).toBeGreaterThan(1_000)
    },
  )

  test.for(
    usually(1, [
      ['there are no statistics', 0],
      ['all events were done when the statistics were taken', 12_000],
    ] as const),
  )('a burst is claimed and settled in no time although %s', async ([, before]) => {
    await using queue = await TestQueue.open()
    await queue.receiver('shop')
    await queue.event()
    const burst = (name: string, count: number): Promise<unknown> =>
      queue.database.query(
        `WITH delivery AS (
           INSERT INTO ${schema}.webhook_deliveries
           SELECT $1 || n, receiver_id, $1 || n, NULL, 'event', now(), '{}', '', ''
           FROM ${schema}.webhook_deliveries, generate_series(1, $2::int) AS n
           WHERE event_id LIKE 'dlv_%' RETURNING id, receiver_id
         ) INSERT INTO ${schema}.webhook_dispatches (delivery_id, receiver_id, target, order_key)
         SELECT id, receiver_id, 'job:work', right(id, 2) FROM delivery`,
        [name, count],
      )
    if (before > 0) {
      await burst('before', before)
      await queue.database.query(`UPDATE ${schema}.webhook_dispatches SET status = 'done'`)
      await queue.database.query(`VACUUM ANALYZE ${schema}.webhook_dispatches`)
    }
    await burst('burst', 6_000)
    const startedMs = performance.now()
    for (let round = 0; round < 3; round++) {
      const claimed = await queue.store.claim('a', { limit: 160, leaseMs })
      expect(claimed.length).toBeGreaterThan(50)
      await queue.store.settle('a', done(claimed))
    }
    // If rows are read and sorted again for each row, one claim takes longer.
    expect(performance.now() - startedMs).toBeLessThan(5_000)
  })

  longTest(
    'holds among processes that claim and settle all the time, and nothing is left behind',
    async () => {
      await using queue = await TestQueue.open()
      await queue.receiver('shop')
      const events: string[] = []
      for (let count = 0; count < 120; count++)
        events.push(await queue.event({ key: String(count % 4), targets: ['job:a', 'job:b'] }))
      const seen = new Map<string, string[]>()
      const running = new Set<string>()
      const work = async (owner: string): Promise<void> => {
        const until = Date.now() + 40_000
        while (Date.now() < until) {
          const claimed = await queue.store.claim(owner, { limit: 4, leaseMs })
          for (const { target, orderKey, delivery } of claimed) {
            const key = `${target} ${orderKey ?? ''}`
            expect(running.has(key)).toBe(false)
            running.add(key)
            seen.set(key, [...(seen.get(key) ?? []), delivery.id])
          }
          for (const { target, orderKey } of claimed) running.delete(`${target} ${orderKey ?? ''}`)
          await queue.store.settle(owner, done(claimed))
          if (claimed.length === 0 && (await queue.store.nextDueMs()) === null) return
        }
      }
      await Promise.all(['a', 'b', 'c', 'd'].map(work))
      expect(new Set(await queue.statuses())).toEqual(new Set(['done']))
      for (const [key, got] of seen) {
        const number = Number(key.split(' ')[1])
        expect(got).toEqual(events.filter((_, place) => place % 4 === number))
      }
    },
  )

  test('one that was committed late waits for a later one that is running', async () => {
    await using queue = await TestQueue.open()
    await queue.receiver('shop')
    const early = await queue.event({ key: 'k' })
    const late = await queue.event({ key: 'k' })
    await queue.database.query(
      `UPDATE ${schema}.webhook_dispatches SET status = 'running', owner = 'b',
         due_at = now() + interval '60 s' WHERE delivery_id = $1`,
      [late],
    )
    expect(await queue.store.claim('a', some)).toEqual([])
    await queue.pass(61)
    const taken = await queue.store.claim('a', some)
    expect(ids(taken)).toEqual([late])
    await queue.store.settle('a', done(taken))
    expect(ids(await queue.store.claim('a', some))).toEqual([early])
  })
})

describe('circuit breakers', () => {
  const down = { delayMs: 0, isTargetDown: true }

  test('a target that is down is interrupted for all processes, tried with one event, and works again', async () => {
    await using queue = await TestQueue.open()
    await queue.receiver('shop')
    for (let count = 0; count < 8; count++) await queue.event()
    const other = await queue.event({ targets: ['job:other'] })
    const five = { limit: 5, leaseMs }
    const [free, ...failing] = await queue.store.claim('a', { limit: 6, leaseMs })
    const all = [free, ...failing].filter((each) => each !== undefined)
    await queue.store.settle(
      'a',
      retry(
        all.filter(({ target }) => target === 'job:work'),
        down,
      ),
    )
    await queue.store.settle('a', done(all.filter(({ target }) => target !== 'job:work')))
    expect(ids(all)).toContain(other)
    expect(await queue.store.claim('b', five)).toEqual([])
    const pausedMs = (await queue.store.nextDueMs()) ?? 0
    expect(pausedMs).toBeGreaterThan(25_000)
    expect(await queue.store.interruptions(['job:work'])).toMatchObject(
      new Map([['job:work', { until: expect.any(String) as string }]]),
    )
    await queue.pass(31)
    const found = await queue.store.interruptions(['job:work', 'job:other'])
    expect([...found]).toMatchObject([['job:work', { until: null }]])
    const probe = await queue.store.claim('b', five)
    expect(probe).toHaveLength(1)
    expect(await queue.store.claim('c', five)).toEqual([])
    await queue.store.settle('b', retry(probe, down))
    expect((await queue.store.nextDueMs()) ?? 0).toBeGreaterThan(55_000)
    await queue.pass(61)
    await queue.store.settle('b', done(await queue.store.claim('b', five)))
    expect((await queue.store.claim('b', five)).length).toBeGreaterThan(1)
  })

  test('a probe whose process was killed is followed by another one', async () => {
    await using queue = await TestQueue.open()
    await queue.receiver('shop')
    for (let count = 0; count < 6; count++) await queue.event()
    await queue.store.settle('a', retry(await queue.store.claim('a', { limit: 5, leaseMs }), down))
    await queue.pass(31)
    expect(await queue.store.claim('killed', some)).toHaveLength(1)
    expect(await queue.store.claim('b', some)).toEqual([])
    await queue.pass(61)
    expect(await queue.store.claim('b', some)).toHaveLength(1)
  })

  test('failures of some events do not interrupt a target that takes others', async () => {
    await using queue = await TestQueue.open()
    await queue.receiver('shop')
    for (let count = 0; count < 20; count++) await queue.event()
    for (let round = 0; round < 4; round++) {
      const [good, ...bad] = await queue.store.claim('a', { limit: 4, leaseMs })
      await queue.store.settle('a', [
        ...done(good === undefined ? [] : [good]),
        ...retry(bad, { delayMs: 60_000, isTargetDown: true }),
      ])
    }
    expect(await queue.store.claim('a', { limit: 4, leaseMs })).toHaveLength(4)
  })

  test('events of a target that is not available wait, and that is no attempt', async () => {
    await using queue = await TestQueue.open()
    await queue.receiver('shop')
    for (let count = 0; count < 3; count++) await queue.event()
    const claimed = await queue.store.claim('a', { limit: 1, leaseMs })
    await queue.store.settle(
      'a',
      claimed.map(({ seq, target }) => ({
        ...{ seq, target, outcome: 'unavailable', delayMs: 60_000, error },
      })),
    )
    expect(await queue.store.claim('a', some)).toEqual([])
    expect(await queue.rows()).toMatchObject([
      { status: 'pending', attempts: 0, error },
      { attempts: 0 },
      { attempts: 0 },
    ])
    await queue.pass(61)
    expect(await queue.store.claim('a', some)).toMatchObject([{ attempt: 1 }])
  })
})
