import fc from 'fast-check'
import { expect, test } from 'vitest'
import { plainJson } from '../../../../service/platform/database/statement.ts'

test('JSON loses NULs and halves of surrogate pairs, and nothing else', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', '\\', '\0', '\ud800', '\udfff', 'u0000', '"', '😀'),
  })
  fc.assert(
    fc.property(fc.dictionary(text, fc.array(text)), (value) => {
      const plain = (part: string): string => part.toWellFormed().replaceAll('\0', '\uFFFD')
      const expected = Object.fromEntries(
        Object.entries(value).map(([key, items]) => [plain(key), items.map(plain)]),
      )
      expect(JSON.parse(plainJson(value))).toEqual(expected)
    }),
  )
})
