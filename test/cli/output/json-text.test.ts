import { expect, test } from 'vitest'
import { jsonLine, jsonText } from '../../../cli/output/json-text.ts'

test('what changes the direction of a text, or the terminal, is an escape', () => {
  const value = { 'na\u202eme': ['\u009b31m', 'a\u007fb', '\ufeff', 'line\nbreak', '日本語'] }
  const text = jsonText(value)
  expect(text).toBe(
    '{\n  "na\\u202eme": [\n    "\\u009b31m",\n    "a\\u007fb",\n    "\\ufeff",\n    "line\\nbreak",\n    "日本語"\n  ]\n}\n',
  )
  expect(JSON.parse(text)).toEqual(value)
})

test('a line of JSON has them too', () => {
  const value = { 'na\u202eme': ['\u009b31m', '\u2066', 'line\nbreak', '日本語'] }
  const line = jsonLine(JSON.stringify(value))
  expect(line).toBe('{"na\\u202eme":["\\u009b31m","\\u2066","line\\nbreak","日本語"]}\n')
  expect(JSON.parse(line)).toEqual(value)
})
