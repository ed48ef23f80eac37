import { expect, test } from 'vitest'
import { plainText } from '../../../cli/output/plain-text.ts'

test.each([
  ['a line break', 'shop\r\n\tfirst', 'shop first'],
  ['a line separator', 'shop\u2028first', 'shop first'],
  ['a paragraph separator', 'shop\u2029first', 'shop first'],
  ['an escape sequence', 'shop\u001b[31m', 'shop�[31m'],
  ['a next line of C1', 'shop\u0085first', 'shop�first'],
  ['a change of direction', 'shop\u202etxt', 'shop�txt'],
  ['a mark of direction', 'shop\u200ftxt', 'shop�txt'],
  ['a space without width', 'sh\u200bop', 'sh�op'],
  ['a byte order mark', '\ufeffshop', '�shop'],
  ['a word joiner', 'sh\u2060op', 'sh�op'],
])('a name with %s does not reach the terminal as it is', (_, name, shown) => {
  expect(plainText(name)).toBe(shown)
})

test('letters of all languages stay, and what joins them', () => {
  const text = 'Müller 日本語 می\u200cخواهم 👩\u200d🚀 a\u00a0b'
  expect(plainText(text)).toBe(text)
})
