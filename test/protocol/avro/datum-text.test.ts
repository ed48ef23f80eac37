import { expect, test } from 'vitest'
import avro from 'avsc'
import { datumTexts } from '../../../protocol/avro/datum-text.ts'

const fields = [
  { name: 'text', type: ['null', 'string'] },
  { name: 'bytes', type: ['null', 'bytes'] },
  { name: 'small', type: 'int' },
  { name: 'rest', type: ['null', { type: 'map', values: ['null', 'string'] }] },
] satisfies readonly { readonly name: string; readonly type: unknown }[]

test('a datum is shown as JSON', () => {
  const schema = { type: 'record', name: 'Row', fields } as avro.Schema
  const datum = { text: 'a "b"', bytes: Buffer.from('hi'), small: 7, rest: { x: '1', y: null } }
  const bytes = avro.Type.forSchema(schema).toBuffer(datum)
  expect(datumTexts(JSON.stringify(schema))(bytes)).toBe(
    '{"text":"a \\"b\\"","bytes":"aGk=","small":7,"rest":{"x":"1","y":null}}',
  )
})

test('a long keeps all its digits', () => {
  const schema = JSON.stringify({
    type: 'record',
    name: 'Row',
    fields: [{ name: 'id', type: 'long' }],
  })
  // 2^53 + 1, as a zigzag varint.
  const bytes = Buffer.from('8280808080808020', 'hex')
  expect(datumTexts(schema)(bytes)).toBe('{"id":9007199254740993}')
})
