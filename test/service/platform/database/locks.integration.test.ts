import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { openStore } from '../../../../service/store/open-store.ts'
import { startProcess } from '../../../support/start-process.ts'
import { openTestStore } from '../../../support/open-test-store.ts'
import { silent } from '../../../support/logger.ts'

describe('a lock', () => {
  test('is held by one at a time, in this process and in others', async () => {
    await using opened = await openTestStore()
    await using other = await openStore({ url: opened.database.url, logger: silent })
    let holders = 0
    let most = 0
    const work = async (): Promise<void> => {
      holders += 1
      most = Math.max(most, holders)
      await sleep(2)
      holders -= 1
    }
    const stores = [opened.store, other]
    await Promise.all(
      Array.from({ length: 40 }, async (_, index) => stores[index % 2]?.runExclusively('a', work)),
    )
    expect(most).toBe(1)
  })

  test('leaves the sessions of the store to the work', async () => {
    await using opened = await openTestStore()
    const { store } = opened
    const results = await Promise.all(
      Array.from({ length: 40 }, async (_, index) =>
        store.runExclusively(`lock ${index % 20}`, async () => {
          await store.ping()
          return index
        }),
      ),
    )
    expect(results).toEqual(Array.from({ length: 40 }, (_, index) => index))
  })

  test('is free again when the work failed', async () => {
    await using opened = await openTestStore()
    const { store } = opened
    const failure = new TypeError('no')
    await expect(store.runExclusively('a', () => Promise.reject(failure))).rejects.toBe(failure)
    expect(await store.runExclusively('a', () => Promise.resolve(1))).toBe(1)
  })

  test('is let go by a process that is killed', async () => {
    await using opened = await openTestStore()
    const script = new URL('hold-lock.ts', import.meta.url)
    await using holder = await startProcess(script, [opened.database.url, 'a'])
    let got = false
    const waiting = opened.store.runExclusively('a', () => {
      got = true
      return Promise.resolve()
    })
    await sleep(200)
    expect(got).toBe(false)
    await holder.kill9()
    await waiting
    expect(got).toBe(true)
  })

  test('whose session is lost does not lose what was done under it', async () => {
    await using opened = await openTestStore()
    const { store, database } = opened
    const result = await store.runExclusively('a', async () => {
      await database.query(
        `SELECT pg_terminate_backend(pid) FROM pg_locks
         WHERE locktype = 'advisory' AND database = (
           SELECT oid FROM pg_database WHERE datname = current_database())`,
      )
      return 'done'
    })
    expect(result).toBe('done')
    await vi.waitFor(async () => {
      expect(await store.runExclusively('a', () => Promise.resolve(2))).toBe(2)
    }, 10_000)
  })
})
