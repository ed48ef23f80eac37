import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sanitizeJson } from '../../sinks/postgres/load/sanitize-json.ts'

test.each([
  [String.raw`"a\u0000b"`, '"ab"'],
  [String.raw`"a\\u0000b"`, String.raw`"a\\u0000b"`],
  [String.raw`"\ud83d\ude00"`, String.raw`"\ud83d\ude00"`],
  [String.raw`"\ud83d"`, String.raw`"\ufffd"`],
  [String.raw`"\ud83d\ud83d\ude00"`, String.raw`"\ufffd\ud83d\ude00"`],
  [String.raw`"\\\ude00\n"`, String.raw`"\\\ufffd\n"`],
])('%s becomes %s', (given, clean) => {
  expect(sanitizeJson(given)).toBe(clean)
})

test('JSON without such characters stays as it is', () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: 'grapheme' }), (text) => {
      fc.pre(!text.includes(String.raw`\u0000`))
      expect(sanitizeJson(text)).toBe(text)
    }),
  )
})
