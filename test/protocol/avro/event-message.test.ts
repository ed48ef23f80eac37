import avro, { type Schema } from 'avsc'
import { expect, test } from 'vitest'
import { encodeEvent, eventFingerprint, eventSchema } from '../../../protocol/index.ts'

test('a reader with the schema of the fingerprint has the event as it came', () => {
  const event = {
    id: 'dlv_01',
    event_id: 'evt_1',
    event_type: null,
    receiver: 'shop-events',
    webhook: 'events',
    instance: null,
    received_at: 1_770_000_000_123,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from('{"b":1.0,"a":"\\u00e9"}\n'),
  }
  const message = encodeEvent(event)
  expect(message.subarray(0, 10)).toEqual(Buffer.from([0xc3, 1, ...eventFingerprint.bytes]))
  // avsc reads unions of null and one other type as plain values, and maps without a prototype.
  const read: unknown = avro.Type.forSchema(eventSchema as Schema).fromBuffer(message.subarray(10))
  expect(JSON.parse(JSON.stringify(read))).toEqual(JSON.parse(JSON.stringify(event)))
})
