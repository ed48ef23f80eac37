import { describe, expect, test, vi } from 'vitest'
import type { Store } from '../../../service/store/store.ts'
import { openStore } from '../../../service/store/open-store.ts'
import { startPostgres } from '../../support/postgres.ts'
import { newRun, openTestStore } from '../../support/open-test-store.ts'
import { silent } from '../../support/logger.ts'
import { longTest } from '../../support/long.ts'

const soon = { timeout: 10_000, interval: 10 }

interface Follower extends AsyncDisposable {
  readonly looks: () => number
  readonly stop: AbortController
  readonly ended: Promise<void>
}

function follow(store: Store, run: string): Follower {
  const stop = new AbortController()
  let looks = 0
  const ended = (async () => {
    const changes = store.runs.changes(run, stop.signal)[Symbol.asyncIterator]()
    while ((await changes.next()).done !== true) looks += 1
  })()
  return {
    looks: () => looks,
    stop,
    ended,
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await ended
    },
  }
}

describe('followers of a run', () => {
  test('look once at first and then after each change, wherever it was made', async () => {
    await using opened = await openTestStore()
    await using other = await openStore({ url: opened.database.url, logger: silent })
    const { id } = await newRun(opened.store)
    await using first = follow(opened.store, id)
    await using second = follow(opened.store, id)
    await using unrelated = follow(opened.store, 'run_other')
    let looks = 1
    const bothLook = async (): Promise<void> => {
      await vi.waitFor(() => {
        expect([first.looks(), second.looks()]).toEqual([looks, looks])
      }, soon)
      looks += 1
    }
    await bothLook()
    await other.runs.claim(id, 'a', 0)
    await bothLook()
    await other.runs.appendLog(id, [{ atMs: 0, level: 'info', message: 'm', fields: {} }])
    await bothLook()
    await other.runs.progress(id, 'a', [])
    await other.runs.cancel('shop-to-mart', id)
    await bothLook()
    await other.runs.end(id, 'a', { status: 'cancelled', streams: [], warnings: [], error: null })
    await bothLook()
    expect(unrelated.looks()).toBe(1)
  })

  test('end with their signal and with the store', async () => {
    await using opened = await openTestStore()
    const other = await openStore({ url: opened.database.url, logger: silent })
    const { id } = await newRun(opened.store)
    const first = follow(other, id)
    const second = follow(other, id)
    await vi.waitFor(() => {
      expect([first.looks(), second.looks()]).toEqual([1, 1])
    }, soon)
    first.stop.abort()
    await first.ended
    await other[Symbol.asyncDispose]()
    await second.ended
  })

  test('share one session, and look again when it was lost', async () => {
    await using opened = await openTestStore()
    const { store, database } = opened
    const { id } = await newRun(store)
    await using first = follow(store, id)
    await using second = follow(store, 'run_other')
    await vi.waitFor(() => {
      expect([first.looks(), second.looks()]).toEqual([1, 1])
    }, soon)
    const listening = `query LIKE 'LISTEN%' AND datname = current_database()`
    const killed = await database.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${listening}`,
    )
    expect(killed).toHaveLength(1)
    await vi.waitFor(() => {
      expect([first.looks(), second.looks()]).toEqual([2, 2])
    }, soon)
    await store.runs.claim(id, 'a', 0)
    await vi.waitFor(() => {
      expect(first.looks()).toBe(3)
    }, soon)
  })
})

longTest('a store without its database says so, and goes on when it is back', async () => {
  await using postgres = await startPostgres()
  await using store = await openStore({ url: postgres.url, logger: silent })
  const { id } = await newRun(store)
  await using follower = follow(store, id)
  await vi.waitFor(() => {
    expect(follower.looks()).toBe(1)
  }, soon)
  await postgres.kill9()
  await expect(store.ping()).rejects.toMatchObject({ code: 'store_unavailable' })
  await expect(store.runs.claim(id, 'a', 0)).rejects.toMatchObject({ code: 'store_unavailable' })
  await expect(store.runExclusively('a', () => Promise.resolve())).rejects.toMatchObject({
    code: 'store_unavailable',
  })
  await expect(openStore({ url: postgres.url, logger: silent })).rejects.toMatchObject({
    code: 'store_unavailable',
  })
  await postgres.restart()
  await vi.waitFor(() => {
    expect(follower.looks()).toBeGreaterThan(1)
  }, soon)
  const before = follower.looks()
  expect(await store.runs.claim(id, 'a', 0)).toMatchObject({ attempts: 1 })
  await vi.waitFor(() => {
    expect(follower.looks()).toBeGreaterThan(before)
  }, soon)
})
