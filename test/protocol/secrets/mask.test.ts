import { expect, test } from 'vitest'
import { parseExactJson } from '../../../protocol/index.ts'
import { Mask } from '../../../protocol/secrets/mask.ts'

test('a document without its secrets has all digits of its numbers', () => {
  const mask = new Mask()
  mask.add(['planted4711secret'])
  const document = parseExactJson('{"k":"planted4711secret","n":[9007199254740993,1e400]}')
  const masked = '{"k":"***","n":[9007199254740993,1e400]}'
  expect(JSON.stringify(mask.whole(document))).toBe(masked)
  expect(JSON.stringify(mask.json(document))).toBe(masked)
})
