import { expect, test } from 'vitest'
import { toFloat, toInt } from '../../../manifest-interpreter/value/conversion.ts'

test.each([
  ['abc', 10, '"abc" is no whole number.'],
  ['', 10, '"" is no whole number.'],
  ['12.5', 10, '"12.5" is no whole number.'],
  ['xyz', 16, '"xyz" is no whole number in base 16.'],
  ['010', 0, '"010" is no whole number.'],
])('%j is named as no whole number', (text, base, message) => {
  expect(() => toInt(text, base)).toThrow(message)
})

test('a text that is no number is named, a long one by its length', () => {
  expect(() => toFloat('1,5')).toThrow('"1,5" is no number.')
  expect(() => toInt('x'.repeat(500))).toThrow('A text of 500 characters is no whole number.')
})
