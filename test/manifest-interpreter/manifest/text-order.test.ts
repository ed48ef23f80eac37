import { expect, test } from 'vitest'
import { sortsAsText } from '../../../manifest-interpreter/manifest/text-order.ts'

test.each([
  ['%Y-%m-%d', true],
  ['%Y-%m-%dT%H:%M:%SZ', true],
  ['%Y-%m-%dT%H:%M:%S.%fZ', true],
  ['%Y-%m-%d %H:%M:%S.%_ms', true],
  ['%Y%m%d', true],
  ['%Y-%j', true],
  ['%Y-%m-%d %X', true],
  ['%s', true],
  ['%ms', true],
  ['%epoch_microseconds', true],
  ['%s_as_float', true],
  ['%d/%m/%Y', false],
  ['%m/%d/%Y', false],
  ['%Y-%d-%m', false],
  ['%y-%m-%d', false],
  ['%Y-%b-%d', false],
  ['%Y-%m-%d %I:%M %p', false],
  ['%Y-%m-%dT%H:%M:%S%z', false],
  ['%a, %d %b %Y %H:%M:%S', false],
  ['%c', false],
])('%s sorts as text: %s', (format, sorts) => {
  expect(sortsAsText(format)).toBe(sorts)
})
