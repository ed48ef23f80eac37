import { randomBytes } from 'node:crypto'
import { describe, expect, test, vi } from 'vitest'
import { standardWebhooks } from '../../../../connectors/webhook-signature.ts'
import { openStore } from '../../../../service/store/open-store.ts'
import { silent } from '../../../support/logger.ts'
import { newInstance, newReceiver, openTestStore } from '../../../support/open-test-store.ts'
import { startPostgres } from '../../../support/postgres.ts'
import { longTest } from '../../../support/long.ts'

const soon = { timeout: 10_000, interval: 10 }

describe('stored receivers', () => {
  test('come back as they were made, with the connector of their instance', async () => {
    await using opened = await openTestStore()
    const { store } = opened
    await newInstance(store, 'shop', { type: 'stripe' })
    const tokenHash = randomBytes(32)
    const made = await newReceiver(store, 'a', {
      instance: 'shop',
      webhook: 'events',
      tokenHash,
      dispatch: [{ target: 'job:work', orderBy: '/data/object/id' }, { target: 'topic:t' }],
      hasSecret: true,
    })
    expect(made).toMatchObject({
      instance: 'shop',
      type: 'stripe',
      webhook: 'events',
      rules: null,
      status: 'active',
      dispatch: [{ target: 'job:work', orderBy: '/data/object/id' }, { target: 'topic:t' }],
      hasSecret: true,
      secretVersion: 0,
      version: 1,
    })
    expect(made.tokenHash).toEqual(tokenHash)
    expect(await store.receivers.get('a')).toEqual(made)
    const rules = {
      signature: standardWebhooks,
      eventId: '/id',
      eventType: null,
      replayWindowSeconds: 300,
    }
    const own = await newReceiver(store, 'b', { rules })
    expect(own).toMatchObject({ instance: null, type: null, rules })
    expect(await store.receivers.all()).toEqual([made, own])
  })

  test('have names of their own and instances that exist', async () => {
    await using opened = await openTestStore()
    const { store } = opened
    await newReceiver(store, 'a')
    await expect(newReceiver(store, 'a')).rejects.toMatchObject({
      code: 'name_taken',
      details: { kind: 'receiver', name: 'a' },
    })
    await expect(newReceiver(store, 'b', { instance: 'shop' })).rejects.toMatchObject({
      code: 'instance_not_found',
    })
    await expect(store.receivers.get('b')).rejects.toMatchObject({ code: 'receiver_not_found' })
  })

  test('change only at the expected version, and count their secrets', async () => {
    await using opened = await openTestStore()
    const { receivers } = opened.store
    await newReceiver(opened.store, 'a')
    expect(await receivers.update('a', { status: 'paused' }, 1)).toMatchObject({
      status: 'paused',
      version: 2,
      secretVersion: 0,
    })
    await expect(receivers.update('a', { status: 'active' }, 1)).rejects.toMatchObject({
      code: 'version_conflict',
      details: { kind: 'Receiver', actual: 2, expected: 1 },
    })
    const until = '2030-01-01T00:00:00.000Z'
    expect(
      await receivers.update('a', { isSecretNew: true, previousSecretUntil: until }),
    ).toMatchObject({ secretVersion: 1, previousSecretUntil: until })
    await expect(receivers.delete('a', 1)).rejects.toMatchObject({ code: 'version_conflict' })
    expect(await receivers.delete('a', 3)).toMatchObject({ name: 'a' })
    await expect(receivers.delete('a')).rejects.toMatchObject({ code: 'receiver_not_found' })
  })

  test('are listed by name in pages, all or those of an instance', async () => {
    await using opened = await openTestStore()
    const { store } = opened
    await newInstance(store)
    for (const name of ['d', 'b', 'c']) await newReceiver(store, name, { instance: 'shop' })
    await newReceiver(store, 'a')
    const first = await store.receivers.list({ limit: 2 })
    expect(first.items.map(({ name }) => name)).toEqual(['a', 'b'])
    const rest = await store.receivers.list({ limit: 2, cursor: first.next ?? '' })
    expect(rest.items.map(({ name }) => name)).toEqual(['c', 'd'])
    expect(rest.next).toBeNull()
    const own = await store.receivers.list({ instance: 'shop' })
    expect(own.items.map(({ name }) => name)).toEqual(['b', 'c', 'd'])
  })

  test('hold their instance', async () => {
    await using opened = await openTestStore()
    await newInstance(opened.store)
    await newReceiver(opened.store, 'a', { instance: 'shop' })
    await expect(opened.store.instances.delete('shop')).rejects.toMatchObject({
      code: 'instance_in_use',
      details: { instance: 'shop', used_by: 'webhook receivers' },
    })
    await opened.store.receivers.delete('a')
    await opened.store.instances.delete('shop')
  })
})

describe('who follows receivers', () => {
  test('is called at first and after each change in any process, and no longer when it ends', async () => {
    await using opened = await openTestStore()
    await using other = await openStore({ url: opened.database.url, logger: silent })
    const changed = vi.fn()
    const subscription = opened.store.receivers.onChange(changed)
    let calls = 1
    const isCalled = async (): Promise<void> => {
      await vi.waitFor(() => {
        expect(changed).toHaveBeenCalledTimes(calls)
      }, soon)
      calls += 1
    }
    await isCalled()
    await newReceiver(other, 'a')
    await isCalled()
    await other.receivers.update('a', { status: 'paused' })
    await isCalled()
    await opened.store.receivers.delete('a')
    await isCalled()
    subscription[Symbol.dispose]()
    using subscriptions = new DisposableStack()
    const later = vi.fn()
    subscriptions.use(opened.store.receivers.onChange(later))
    await newReceiver(other, 'b')
    await vi.waitFor(() => {
      expect(later.mock.calls.length).toBeGreaterThan(1)
    }, soon)
    expect(changed).toHaveBeenCalledTimes(calls - 1)
  })

  longTest('is called again when the database was away, also at the beginning', async () => {
    await using postgres = await startPostgres()
    await using store = await openStore({ url: postgres.url, logger: silent })
    await postgres.kill9()
    const changed = vi.fn()
    using subscriptions = new DisposableStack()
    subscriptions.use(store.receivers.onChange(changed))
    await postgres.restart()
    await vi.waitFor(() => {
      expect(changed).toHaveBeenCalled()
    }, soon)
    const before = changed.mock.calls.length
    await newReceiver(store, 'a')
    await vi.waitFor(() => {
      expect(changed.mock.calls.length).toBeGreaterThan(before)
    }, soon)
  })
})
