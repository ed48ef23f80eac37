import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { mapLimited } from '../../../lib/async/map-limited.ts'

test('results are in the order of the items, and no more than the limit are under way', async () => {
  let running = 0
  let most = 0
  const results = await mapLimited([5, 1, 4, 2, 3], 2, async (turns) => {
    running += 1
    most = Math.max(most, running)
    for (let turn = 0; turn < turns; turn += 1) await setImmediate()
    running -= 1
    return turns * 10
  })
  expect(results).toEqual([50, 10, 40, 20, 30])
  expect(most).toBe(2)
})

test('a slow item holds nothing up but its own place', async () => {
  const slow = Promise.withResolvers<string>()
  const done: string[] = []
  const mapping = mapLimited(['slow', 'a', 'b', 'c'], 2, async (name) => {
    if (name === 'slow') return slow.promise
    await setImmediate()
    done.push(name)
    if (done.length === 3) slow.resolve('slow')
    return name
  })
  expect(await mapping).toEqual(['slow', 'a', 'b', 'c'])
})

test('after a failure nothing more is begun, and what was begun has ended when it is told', async () => {
  const begun: number[] = []
  const ended: number[] = []
  const mapping = mapLimited([1, 2, 3, 4], 2, async (item) => {
    begun.push(item)
    await setImmediate()
    if (item === 1) throw new Error('the first one fails')
    await setImmediate()
    ended.push(item)
    return item
  })
  await expect(mapping).rejects.toThrow('the first one fails')
  expect([begun, ended]).toEqual([[1, 2], [2]])
})

test('of nothing there are no results', async () => {
  expect(await mapLimited([], 3, () => Promise.reject(new Error('never called')))).toEqual([])
})
