import type { Schema, Type } from 'avsc'
import type { AvroRecordSchema } from './avro-types.ts'
import { avsc } from './avsc.ts'
import { fingerprintOf } from './fingerprint.ts'
import { frameRecord } from './frame-block.ts'

/** An event of a webhook, as a message of a topic has it. */
export interface EventMessage {
  /** The id of the delivery: repeated messages have the same. */
  readonly id: string
  /** The vendor's id of the event. */
  readonly event_id: string
  readonly event_type: string | null
  readonly receiver: string
  readonly webhook: string | null
  readonly instance: string | null
  /** Epoch ms. */
  readonly received_at: number
  readonly headers: Readonly<Record<string, string>>
  /** As it came. */
  readonly body: Buffer
}

/** Fields are only added, with a default: readers of an older schema go on. */
export const eventSchema: AvroRecordSchema = {
  type: 'record',
  name: 'WebhookEvent',
  namespace: 'connect',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'event_id', type: 'string' },
    { name: 'event_type', type: ['null', 'string'], default: null },
    { name: 'receiver', type: 'string' },
    { name: 'webhook', type: ['null', 'string'], default: null },
    { name: 'instance', type: ['null', 'string'], default: null },
    { name: 'received_at', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'headers', type: { type: 'map', values: 'string' } },
    { name: 'body', type: 'bytes' },
  ],
}

export const eventFingerprint = fingerprintOf(eventSchema)

/** Avro single-object encoding. */
export function encodeEvent(event: EventMessage): Buffer {
  eventType ??= avsc().Type.forSchema(eventSchema as Schema)
  return frameRecord(eventFingerprint, eventType.toBuffer(event))
}
let eventType: Type | undefined
