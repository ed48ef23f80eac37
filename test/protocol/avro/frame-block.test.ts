import avro from 'avsc'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  frameBlock,
  frameRecord,
  fingerprintIn,
  unframeBlock,
  unframeRecord,
} from '../../../protocol/avro/frame-block.ts'
import { fingerprintOf } from '../../../protocol/avro/fingerprint.ts'

const schema = { type: 'array', items: 'string' } as const
const type = avro.Type.forSchema({ type: 'array', items: 'string' })
const item = avro.Type.forSchema('string')
const fingerprint = fingerprintOf(schema)

test('frames a block that any Avro reader decodes, and takes it apart again without a copy', () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 300 }), (values) => {
      const records = Buffer.concat(values.map((value) => item.toBuffer(value)))
      const framed = Buffer.concat(frameBlock(fingerprint, values.length, records))
      expect(type.fromBuffer(framed.subarray(10))).toEqual(values)
      const bytes = unframeBlock(framed, values.length, fingerprint.hex)
      expect(bytes?.buffer).toBe(framed.buffer)
      expect(Buffer.from(bytes ?? []).equals(records)).toBe(true)
    }),
  )
})

test('refuses a block of another schema, another count or no end', () => {
  const framed = Buffer.concat(frameBlock(fingerprint, 2, Buffer.from([2, 65, 2, 66])))
  expect(unframeBlock(framed, 2, '0'.repeat(16))).toBeUndefined()
  expect(unframeBlock(framed, 3, fingerprint.hex)).toBeUndefined()
  expect(unframeBlock(framed.subarray(0, -1), 2, fingerprint.hex)).toBeUndefined()
  expect(unframeBlock(Buffer.from('{"json": true}'), 2, fingerprint.hex)).toBeUndefined()
})

test('frames a single record', () => {
  const framed = frameRecord(fingerprint, Buffer.from([1, 2, 3]))
  expect(fingerprintIn(framed)).toBe(fingerprint.hex)
  expect([...(unframeRecord(framed, fingerprint.hex) ?? [])]).toEqual([1, 2, 3])
})

test.each([
  [[]],
  [[0xc3, 0x01]],
  [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0]],
  [[0xc3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2]],
])('takes no other bytes for a block: %j', (value) => {
  expect(unframeBlock(Uint8Array.from(value), 1, fingerprint.hex)).toBeUndefined()
})
