import { expect, test } from 'vitest'
import { mistypedName, nameList, nearestName } from '../../../lib/text/near-names.ts'

test.each([
  ['incremantal', ['full_refresh', 'incremental'], 'incremental'],
  ['custmoers', ['customers', 'orders'], 'customers'],
  ['Customers', ['customers', 'orders'], 'customers'],
  ['destinaton_sync_mode', ['sync_mode', 'destination_sync_mode'], 'destination_sync_mode'],
  ['full', ['full_refresh', 'incremental'], 'full_refresh'],
  ['xyz', ['customers', 'orders'], undefined],
  ['a', ['b', 'cd'], undefined],
])('for %s among %j it suggests %s', (name, known, expected) => {
  expect(nearestName(name, known)).toBe(expected)
})

test.each([
  ['http_methd', ['http_method', 'path'], 'http_method'],
  ['paht', ['http_method', 'path'], 'path'],
  ['url', ['url_base'], undefined],
  ['title', ['file', 'type'], undefined],
  ['destination_modes', ['destination_sync_mode'], undefined],
])('%s among %j is a slip of the finger for %s', (name, known, expected) => {
  expect(mistypedName(name, known)).toBe(expected)
})

test('a list reads as a sentence and is cut when it is long', () => {
  expect(nameList(['a'])).toBe('a')
  expect(nameList(['a', 'b', 'c'])).toBe('a, b or c')
  expect(nameList(['a', 'b', 'c'], 2)).toBe('a, b … (3 in all)')
})
