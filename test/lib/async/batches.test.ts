import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Batches } from '../../../lib/async/batches.ts'

describe('batches', () => {
  it('do at once what comes while a batch is on its way, and give each item its own result', async () => {
    const sizes: number[] = []
    const batches = new Batches(
      async (items: readonly number[]) => {
        sizes.push(items.length)
        await setImmediate()
        return items.map((item) => item * 2)
      },
      { most: 4 },
    )
    const results = await Promise.all(Array.from({ length: 10 }, (_, item) => batches.add(item)))
    expect(results).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18])
    expect(sizes).toEqual([1, 4, 4, 1])
    expect(await batches.add(21)).toBe(42)
  })

  it('try each item alone if a batch fails, so that none fails because of another', async () => {
    const batches = new Batches(async (items: readonly string[]) => {
      await setImmediate()
      if (items.includes('bad')) throw new Error(`bad among ${String(items.length)}`)
      return items
    })
    const results = await Promise.allSettled(['a', 'b', 'bad', 'c'].map((it) => batches.add(it)))
    expect(results).toEqual([
      { status: 'fulfilled', value: 'a' },
      { status: 'fulfilled', value: 'b' },
      { status: 'rejected', reason: new Error('bad among 1') },
      { status: 'fulfilled', value: 'c' },
    ])
    expect(await batches.add('d')).toBe('d')
  })

  it('end before they have too many bytes, and one large item goes alone', async () => {
    const seen: (readonly number[])[] = []
    const batches = new Batches(
      async (items: readonly number[]) => {
        seen.push(items)
        await setImmediate()
        return items
      },
      { bytes: { most: 10, of: (item) => item } },
    )
    await Promise.all([1, 4, 5, 1, 20, 3, 7].map((item) => batches.add(item)))
    expect(seen).toEqual([[1], [4, 5, 1], [20], [3, 7]])
  })

  it('go several at a time, and take what comes in a turn together', async () => {
    const sizes: number[] = []
    const ends: (() => void)[] = []
    const batches = new Batches(
      async (items: readonly number[]) => {
        sizes.push(items.length)
        const { promise, resolve } = Promise.withResolvers<undefined>()
        ends.push(() => {
          resolve(undefined)
        })
        await promise
        return items
      },
      { most: 5, fill: 4, parallel: 2 },
    )
    const results = Array.from({ length: 11 }, (_, item) => batches.add(item))
    // The rest waits: two are on their way.
    expect(sizes).toEqual([4, 4])
    await setImmediate()
    expect(sizes).toEqual([4, 4])
    ends[0]?.()
    await setImmediate()
    expect(sizes).toEqual([4, 4, 3])
    for (const end of ends) end()
    expect(await Promise.all(results)).toEqual(Array.from({ length: 11 }, (_, item) => item))
    const alone = batches.add(11)
    expect(sizes).toHaveLength(3)
    await setImmediate()
    expect(sizes).toEqual([4, 4, 3, 1])
    ends[3]?.()
    expect(await alone).toBe(11)
  })

  it('fail together if the items alone would fail too', async () => {
    let calls = 0
    const batches = new Batches(
      async (items: readonly number[]) => {
        calls += 1
        await setImmediate()
        if (items.length > 1) throw new Error('away')
        return items
      },
      { failsTogether: () => true },
    )
    const results = await Promise.allSettled([1, 2, 3].map((item) => batches.add(item)))
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected'])
    expect(calls).toBe(2)
  })

  it('refuse work that gives another number of results', async () => {
    const batches = new Batches(() => Promise.resolve([]))
    await expect(batches.add(1)).rejects.toThrow('0 results of 1 items')
  })
})
