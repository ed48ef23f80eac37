import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NewDelivery } from '../../../../service/webhooks/deliveries/contract.ts'
import {
  changedDeliveriesDocument,
  deliveryDocument,
} from '../../../../service/webhooks/deliveries/schema.ts'
import { pageSchema } from '../../../../service/platform/lists.ts'
import { newDelivery } from '../../../support/deliveries.ts'
import { newReceiver } from '../../../support/open-test-store.ts'
import { TestApi } from '../../../support/test-api.ts'

const schema = 'reactor_connect_service'
let api: TestApi
let [shop, other] = ['', '']
beforeAll(async () => {
  api = await TestApi.start()
  shop = (await newReceiver(api.store, 'shop')).id
  other = (await newReceiver(api.store, 'other')).id
})
beforeEach(async () => {
  await api.database.query(`DELETE FROM ${schema}.webhook_deliveries`)
  await api.database.query(`DELETE FROM ${schema}.webhook_targets`)
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

let count = 0
async function event(
  change: Parameters<typeof newDelivery>[1] = {},
  receiver = shop,
): Promise<NewDelivery> {
  count += 1
  const delivery = newDelivery(receiver, { eventId: `evt_${String(count)}`, ...change })
  await api.store.deliveryLog.append(delivery)
  return delivery
}

/** Claims and settles all that is due. */
async function settle(outcome: 'done' | 'dead'): Promise<void> {
  const { dispatches } = api.store
  const claimed = await dispatches.claim('me', { limit: 100, leaseMs: 60_000 })
  const error = { code: 'dispatch_failed', message: 'no' }
  const how = outcome === 'done' ? { outcome } : { outcome, error, isTargetDown: false }
  await dispatches.settle(
    'me',
    claimed.map(({ seq, target }) => ({ seq, target, ...how })),
  )
}

const page = pageSchema(deliveryDocument)
async function listed(query = '') {
  const { status, body } = await api.call(`GET /deliveries${query}`)
  expect(status, JSON.stringify(body)).toBe(200)
  return page.parse(body)
}
async function idsOf(query = ''): Promise<readonly string[]> {
  return (await listed(query)).items.map(({ id }) => id)
}
async function changed(verb: string, body: object) {
  const answer = await api.call(`POST /deliveries/${verb}`, body)
  expect(answer.status, JSON.stringify(answer.body)).toBe(200)
  return changedDeliveriesDocument.parse(answer.body)
}
async function statuses(): Promise<readonly unknown[]> {
  const { items } = await listed()
  return items.flatMap(({ dispatches }) => dispatches.map(({ status }) => status))
}

describe('the list of deliveries', () => {
  test('has the newest first, page by page, with what became of each', async () => {
    const first = await event()
    await settle('dead')
    const second = await event({ dispatches: [], kind: 'handshake' })
    const third = await event({}, other)
    expect(await idsOf()).toEqual([third.id, second.id, first.id])
    const single = await listed('?limit=2')
    expect(single.items).toHaveLength(2)
    expect(await idsOf(`?limit=2&cursor=${single.next_cursor ?? ''}`)).toEqual([first.id])
    expect((await listed(`?event_id=${first.eventId}`)).items).toMatchObject([
      {
        ...{ receiver: 'shop', event_type: 'order.paid', kind: 'event', bytes: 7 },
        dispatches: [
          {
            ...{ target: 'job:work', status: 'dead', attempts: 1, next_attempt_at: null },
            error: { message: 'no' },
          },
        ],
      },
    ])
  })

  test('is filtered', async () => {
    const { id: dead } = await event({ eventType: 'a' })
    await settle('dead')
    const { id: waiting } = await event({
      dispatches: [{ target: 'job:else', orderKey: null }],
      receivedAtMs: Date.parse('2026-01-02T00:00:00Z'),
    })
    const { id: ofOther } = await event({}, other)
    for (const [query, expected] of [
      ['receiver=shop', [waiting, dead]],
      ['status=dead', [dead]],
      ['status=pending&receiver=shop', [waiting]],
      ['status=dead&target=job:else', []],
      ['target=job:else', [waiting]],
      ['event_type=a', [dead]],
      ['kind=test', []],
      ['until=2026-02-01T00:00:00Z', [waiting]],
      ['since=2026-02-01T00:00:00Z', [ofOther, dead]],
    ] as const)
      expect(await idsOf(`?${query}`), query).toEqual(expected)
    const unknown = await api.call('GET /deliveries?receiver=nobody')
    expect(unknown).toMatchObject({ status: 404, body: { error: { code: 'receiver_not_found' } } })
    expect((await api.call('GET /deliveries?status=gone')).status).toBe(400)
  })

  test('headers and body are shown of one, as they came, to those who may see payloads', async () => {
    const body = '{"b": 1.0, "a": "\u00e9"}\n'
    const { id } = await event({ body, headers: { 'x-topic': 't' } })
    const path = `/receivers/shop/deliveries/${id}`
    expect(await api.call(`GET ${path}`)).toMatchObject({
      status: 200,
      body: { id, body, body_encoding: 'utf8', headers: { 'x-topic': 't' } },
    })
    const wrong = await api.call(`GET /receivers/other/deliveries/${id}`)
    expect(wrong).toMatchObject({ status: 404, body: { error: { code: 'delivery_not_found' } } })
    const viewer = await api.clientOf({ name: 'viewer', kind: 'viewer' })
    expect((await viewer.call(`GET ${path}`)).status).toBe(403)
    expect((await viewer.call('GET /deliveries')).status).toBe(200)
    expect((await viewer.call('POST /deliveries/replay', { ids: [id] })).status).toBe(403)
  })
})

describe('a replay', () => {
  test('of dead letters sends them again, and nothing else', async () => {
    await event()
    await settle('done')
    const { id } = await event()
    await settle('dead')
    expect(await changed('replay', { receiver: 'shop', status: 'dead' })).toEqual({
      ...{ count: 1, next: null },
    })
    const [claimed, ...more] = await api.store.dispatches.claim('me', { limit: 9, leaseMs: 1_000 })
    expect(claimed).toMatchObject({ attempt: 1, delivery: { id } })
    expect(more).toEqual([])
  })

  test('keeps the order of a key, behind what waits already', async () => {
    const dispatches = [{ target: 'job:work', orderKey: 'k' }]
    const ids: string[] = []
    for (let number = 0; number < 3; number++) {
      ids.push((await event({ dispatches })).id)
      await settle('done')
    }
    const { id: waiting } = await event({ dispatches })
    expect(await changed('replay', { ids })).toMatchObject({ count: 3 })
    const order: string[] = []
    for (let number = 0; number < 4; number++) {
      const claimed = await api.store.dispatches.claim('me', { limit: 9, leaseMs: 60_000 })
      order.push(...claimed.map(({ delivery }) => delivery.id))
      await api.store.dispatches.settle(
        'me',
        claimed.map(({ seq, target }) => ({ seq, target, outcome: 'done' })),
      )
    }
    expect(order).toEqual([waiting, ...ids])
  })

  test('of a range goes also to targets that the receiver has got since', async () => {
    const { id } = await event({ body: '{"a":"key"}' })
    await event({ kind: 'handshake', dispatches: [] })
    await settle('done')
    const dispatch = [{ target: 'job:work' }, { target: 'job:new', orderBy: '/a' }]
    await api.store.receivers.update('shop', { dispatch })
    const since = new Date(Date.now() - 60_000).toISOString()
    expect(await changed('replay', { since, target: 'job:new' })).toMatchObject({ count: 1 })
    expect(await changed('replay', { since })).toMatchObject({ count: 1 })
    const claimed = await api.store.dispatches.claim('me', { limit: 9, leaseMs: 60_000 })
    expect(claimed.map(({ target, orderKey }) => [target, orderKey]).toSorted()).toEqual([
      ['job:new', 'key'],
      ['job:work', null],
    ])
    expect(new Set(claimed.map(({ delivery }) => delivery.id))).toEqual(new Set([id]))
    await api.store.receivers.update('shop', { dispatch: [{ target: 'job:work' }] })
  })

  test('of many is done in parts', async () => {
    await event()
    await api.database.query(
      `WITH delivery AS (
         INSERT INTO ${schema}.webhook_deliveries
         SELECT 'dlv_' || lpad(n::text, 26, '0'), $1, 'x' || n, NULL, 'event', now(), '{}', '', ''
         FROM generate_series(1, 700) AS n RETURNING id, receiver_id
       ) INSERT INTO ${schema}.webhook_dispatches (delivery_id, receiver_id, target, status)
       SELECT id, receiver_id, 'job:work', 'dead' FROM delivery`,
      [shop],
    )
    const first = await changed('replay', { receiver: 'shop', status: 'dead' })
    expect(first).toMatchObject({ count: 500, next: expect.stringMatching(/^dlv_/) as unknown })
    const after = first.next ?? ''
    const rest = await changed('replay', { receiver: 'shop', status: 'dead', after })
    expect(rest).toEqual({ count: 200, next: null })
    expect(new Set(await statuses())).toEqual(new Set(['pending']))
  })

  test('needs a condition, and is in the audit log', async () => {
    for (const verb of ['replay', 'discard']) {
      const answer = await api.call(`POST /deliveries/${verb}`, {})
      expect(answer).toMatchObject({ status: 400, body: { error: { code: 'request_invalid' } } })
    }
    await changed('discard', { status: 'dead' })
    const { items } = await api.store.audit.list({ action: 'deliveries:discard' })
    expect(items[0]).toMatchObject({ outcome: 'done', resource: 'deliveries', name: null })
    await changed('replay', { receiver: 'shop', status: 'dead' })
    const { items: replays } = await api.store.audit.list({ action: 'deliveries:replay' })
    expect(replays[0]).toMatchObject({ outcome: 'done', name: 'shop' })
  })
})

test('what is discarded was dead, and is not listed as dead any more', async () => {
  await event()
  await settle('dead')
  await event()
  expect(await changed('discard', { receiver: 'shop' })).toEqual({ count: 1, next: null })
  expect(await changed('discard', { receiver: 'shop', status: 'done' })).toMatchObject({ count: 0 })
  expect((await statuses()).toSorted()).toEqual(['discarded', 'pending'])
})

describe('what waits', () => {
  const due = async (): Promise<readonly string[]> => {
    const claimed = await api.store.dispatches.claim('me', { limit: 9, leaseMs: 60_000 })
    return claimed.map(({ delivery: { id } }) => id)
  }
  const failed = async (): Promise<void> => {
    const claimed = await api.store.dispatches.claim('me', { limit: 9, leaseMs: 60_000 })
    const how = { outcome: 'retry', delayMs: 3_600_000, error: {}, isTargetDown: false } as const
    const settled = claimed.map(({ seq, target }) => ({ seq, target, ...how }))
    await api.store.dispatches.settle('me', settled)
  }

  test('for its next attempt has it at once by a replay of what is pending', async () => {
    const { id } = await event()
    await failed()
    expect(await changed('replay', { receiver: 'shop' })).toMatchObject({ count: 0 })
    expect(await due()).toEqual([])
    expect(await changed('replay', { receiver: 'shop', status: 'pending' })).toMatchObject({
      count: 1,
    })
    expect(await due()).toEqual([id])
  })

  test('and keeps others of its order key from a target can be discarded', async () => {
    const dispatches = [{ target: 'job:work', orderKey: 'k' }]
    const { id: poison } = await event({ dispatches })
    await failed()
    const { id: next } = await event({ dispatches })
    expect(await due()).toEqual([])
    expect(await changed('discard', { ids: [poison], status: 'pending' })).toMatchObject({
      count: 1,
    })
    expect(await due()).toEqual([next])
  })

  test('for a target that the receiver gives up is discarded, and no replay sends it there', async () => {
    const { id } = await event()
    await failed()
    await api.store.receivers.update('shop', { description: 'the target stays' })
    expect(await statuses()).toEqual(['pending'])
    await api.store.receivers.update('shop', { dispatch: [{ target: 'job:new' }] })
    expect(await statuses()).toEqual(['discarded'])
    expect(await changed('replay', { ids: [id], target: 'job:work' })).toMatchObject({ count: 0 })
    expect(await changed('replay', { ids: [id] })).toMatchObject({ count: 1 })
    const claimed = await api.store.dispatches.claim('me', { limit: 9, leaseMs: 60_000 })
    expect(claimed).toMatchObject([{ target: 'job:new', delivery: { id } }])
    await api.store.receivers.update('shop', { dispatch: [{ target: 'job:work' }] })
  })

  test('for it because it was on its way at that moment is discarded later', async () => {
    await event()
    const claimed = await api.store.dispatches.claim('me', { limit: 9, leaseMs: 60_000 })
    await api.store.receivers.update('shop', { dispatch: [{ target: 'job:new' }] })
    const how = { outcome: 'retry', delayMs: 0, error: {}, isTargetDown: false } as const
    const settled = claimed.map(({ seq, target }) => ({ seq, target, ...how }))
    await api.store.dispatches.settle('me', settled)
    expect(await statuses()).toEqual(['pending'])
    await api.store.prune()
    expect(await statuses()).toEqual(['discarded'])
    await api.store.receivers.update('shop', { dispatch: [{ target: 'job:work' }] })
  })
})

test('old deliveries are deleted; those that wait or were given up stay longer', async () => {
  const old = { receivedAtMs: Date.now() - 31 * 86_400_000 }
  const older = { receivedAtMs: Date.now() - 91 * 86_400_000 }
  await event(old)
  await event({ ...old, kind: 'handshake', dispatches: [] })
  await settle('done')
  const { id: dead } = await event(old)
  await event(older)
  await settle('dead')
  const { id: waiting } = await event(old)
  const { id: young } = await event()
  await api.store.prune()
  expect(await idsOf()).toEqual([young, waiting, dead])
})

test('the status counts what waits, what was given up, and targets that do not work', async () => {
  await event()
  await settle('dead')
  await event({ receivedAtMs: Date.now() - 100_000 })
  await api.database.query(
    `INSERT INTO ${schema}.webhook_targets (target, failures, open_until)
     SELECT target, 5, now() FROM ${schema}.webhook_dispatches WHERE status = 'pending' LIMIT 1`,
  )
  await api.database.query(
    `INSERT INTO ${schema}.webhook_targets (target, failures, open_until) VALUES ('job:of-nobody', 5, now())`,
  )
  const { webhooks } = await api.store.status()
  expect(webhooks).toMatchObject({ waiting: 1, dead: 1, interruptedTargets: 1 })
  await api.store.prune()
  const targets = await api.database.query(`SELECT target FROM ${schema}.webhook_targets`)
  expect(targets).toHaveLength(1)
  expect(targets).not.toContainEqual({ target: 'job:of-nobody' })
  expect(webhooks.oldestWaitingSeconds).toBeGreaterThanOrEqual(100)
})

test('a target that was copied from where its values are masked selects nothing in silence', async () => {
  const target = 'url:https://example.com/hook?token=***'
  const query = new URLSearchParams({ target }).toString()
  const listed = await api.call(`GET /deliveries?${query}`)
  expect(listed.status).toBe(400)
  expect(JSON.stringify(listed.body)).toContain('give the whole address')
})
