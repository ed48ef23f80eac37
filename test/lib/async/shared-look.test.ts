import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { SharedLook } from '../../../lib/async/shared-look.ts'

test('callers at the same time share a look, and a later one gets one that began after it asked', async () => {
  let value = 'old'
  let looks = 0
  const shared = new SharedLook(async () => {
    looks += 1
    const seen = value
    await sleep(50)
    return seen
  })
  const first = [shared.fresh(), shared.fresh()]
  await sleep(40)
  value = 'new'
  const late = [shared.fresh(), shared.fresh(), shared.fresh()]
  expect(await Promise.all(first)).toEqual(['old', 'old'])
  expect(await Promise.all(late)).toEqual(['new', 'new', 'new'])
  expect(looks).toBe(2)
})

test('a look that fails fails for those who shared it alone', async () => {
  let looks = 0
  const shared = new SharedLook(() =>
    ++looks === 1 ? Promise.reject(new Error('away')) : Promise.resolve(looks),
  )
  const first = [shared.fresh(), shared.fresh()]
  await expect(Promise.all(first)).rejects.toThrow('away')
  expect(await shared.fresh()).toBe(2)
})
