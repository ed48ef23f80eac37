import { expect, test } from 'vitest'
import { expiredKeys, newKey } from '../../../../engine/log/stored/stored-keys.ts'

const stream = { name: 'große Tabelle', namespace: 'public' }
const nowMs = Date.parse('2026-03-04T05:06:07.890Z')
const dayMs = 86_400_000
const keyOf = (keptMs: number | undefined): string =>
  newKey({ connection: 'shop', stream }, { nowMs, keptMs })

test('a key says when its message is gone, in characters that need no escape', () => {
  expect(keyOf(dayMs)).toMatch(
    /^records\/shop\/20260305T050607Z\/public\.gro-e-Tabelle-[0-9a-f-]{36}$/,
  )
  expect(keyOf(undefined)).toMatch(/^records\/shop\/kept\/public/)
  expect(keyOf(dayMs)).not.toBe(keyOf(dayMs))
})

test('only those whose time has passed are expired', () => {
  const [old, young, kept] = [keyOf(dayMs), keyOf(3 * dayMs), keyOf(undefined)]
  const keys = [old, young, kept, 'records/shop/x']
  expect(expiredKeys(keys, nowMs)).toEqual([])
  expect(expiredKeys(keys, nowMs + 2 * dayMs)).toEqual([old])
})
