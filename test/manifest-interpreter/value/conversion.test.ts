import { expect, test } from 'vitest'
import { toFloat, toInt } from '../../../manifest-interpreter/value/conversion.ts'

test.each([
  ['abc', 10, '"abc" is not a whole number.'],
  ['', 10, '"" is not a whole number.'],
  ['12.5', 10, '"12.5" is not a whole number.'],
  ['xyz', 16, '"xyz" is not a whole number in base 16.'],
  ['010', 0, '"010" is not a whole number.'],
])('%j is named as no whole number', (text, base, message) => {
  expect(() => toInt(text, base)).toThrow(message)
})

test('a text that is no number is named, a long one by its length', () => {
  expect(() => toFloat('1,5')).toThrow('"1,5" is not a number.')
  expect(() => toInt('x'.repeat(500))).toThrow('A text of 500 characters is not a whole number.')
})
