import { z } from 'zod'
import { DEFAULT_BLOCK_BYTES } from '../../../protocol/avro/block-encoder.ts'
import { columnKinds, storedPostgresType, type JsonValue } from '../../../protocol/index.ts'
import type { SyncMode } from '../../../sinks/sink.ts'
import { largestStoredRecordBytes } from '../stream-log.ts'

/**
 * The messages of the topics, once: the writers' types, what the reader accepts, and docs/asyncapi.json are
 * made from these. docs/topics.md (Promises) says what may change in them.
 */

/** The version of the interface that this program writes, and the newest that it reads: the header `v`. */
export const interfaceVersion = 1
/** As a header. */
export const writtenVersion = `${interfaceVersion}` as const

const v = z.literal(writtenVersion).meta({ description: 'Version of the interface' })
/** Header values are text. */
const count = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number)
const sync = count.meta({ description: 'Grows with every sync of the stream' })
const attempt = count.meta({
  description: 'Grows with every attempt, over all syncs of the stream',
})
const slice = z.string().meta({ description: "The part of the stream; '' if it has only one" })
const seq = count.meta({ description: 'Number of the record in its slice and sync, from 0' })
const records = count.meta({ description: 'How many records' })
const outcome = z.enum(['complete', 'stopped'])
const base = { v, sync, attempt }
const placed = { ...base, slice, seq }

/**
 * The headers of a lane's messages, and of those that a stream's one writer puts into all of its partitions.
 */
export const messageHeaders = {
  PLAN: z.object({ ...base, type: z.literal('PLAN') }),
  BEGIN: z.object({
    ...placed,
    type: z.literal('BEGIN'),
    records,
    fingerprint: z
      .string()
      .regex(/^[0-9a-f]{16}$/)
      .meta({ description: 'CRC-64-AVRO of the schema of the records that follow' }),
  }),
  RECORD: z.object({ ...placed, type: z.literal('RECORD'), count: count.optional() }),
  STORED: z.object({ ...placed, type: z.literal('STORED'), count }),
  REJECTED: z.object({ ...placed, type: z.literal('REJECTED') }),
  STATE: z.object({ ...placed, type: z.literal('STATE'), count }),
  END: z.object({ ...placed, type: z.literal('END'), outcome }),
  CLOSE: z.object({ ...base, type: z.literal('CLOSE'), records }),
  SYNC_END: z.object({
    ...base,
    type: z.literal('SYNC_END'),
    outcome: z.literal('complete'),
    records,
  }),
} as const

export type MessageType = keyof typeof messageHeaders
/** The headers of a message as its writer gives them. */
export type WrittenHeaders<Type extends MessageType> = z.input<(typeof messageHeaders)[Type]>

/**
 * Messages of a version before `v`, which a topic may still hold: their other headers are the same, but a
 * record alone had no `sync`.
 */
const unversioned = { v: true } as const
const laneHeaders = z.discriminatedUnion('type', [
  messageHeaders.BEGIN.partial(unversioned),
  messageHeaders.RECORD.partial({ v: true, sync: true }),
  messageHeaders.STORED.partial(unversioned),
  messageHeaders.REJECTED.partial(unversioned),
  messageHeaders.STATE.partial(unversioned),
  messageHeaders.END.partial(unversioned),
  messageHeaders.CLOSE.partial(unversioned),
])
/** The headers that the reader accepts. */
export const readHeaders = z.discriminatedUnion('type', [
  laneHeaders,
  messageHeaders.PLAN,
  messageHeaders.SYNC_END,
])
/** The headers of a message that a lane's writer wrote. */
export type LaneHeaders = z.infer<typeof laneHeaders>

const streamDescriptor = z.object({ namespace: z.string().exactOptional(), name: z.string() })
const path = z.array(z.string()).min(1)
const whole = z.int().min(0)
const anyJson: z.ZodType<JsonValue, JsonValue> = z.json()

export const beginValue = z.object({
  columns: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(columnKinds),
      postgres_type: storedPostgresType.meta({
        description: 'The type of a column of a PostgreSQL source',
      }),
    }),
  ),
  schema: z.unknown().meta({ description: 'The Avro schema of the values that follow' }),
})
export const storedValue = z.object({
  bucket: z.string(),
  key: z.string(),
  bytes: z
    .int()
    .min(0)
    .max(largestStoredRecordBytes + DEFAULT_BLOCK_BYTES),
  sha256: z.string(),
})
export const rejectedValue = z.object({
  reason: z.string(),
  key: z.string().exactOptional().meta({ description: 'The primary key as canonical JSON' }),
})
export const stateValue = z.object({
  type: z.literal('STATE'),
  state: z.object({
    type: z.literal('STREAM'),
    stream: z.object({
      stream_descriptor: streamDescriptor,
      stream_state: anyJson.meta({ description: "The connector's own: opaque" }),
    }),
    sourceStats: z.object({ recordCount: whole }),
  }),
})
const endValue = z.object({
  type: z.literal('TRACE'),
  trace: z.object({
    type: z.literal('STREAM_STATUS'),
    emitted_at: z.number(),
    stream_status: z.object({
      stream_descriptor: streamDescriptor,
      status: z.enum(['COMPLETE', 'INCOMPLETE']),
    }),
  }),
})
const closeValue = z.object({ records: whole })

const syncModes = [
  'append',
  'append_dedup',
  'overwrite',
  'overwrite_dedup',
] as const satisfies readonly SyncMode[]

export const planValue = z.object({
  connection: z.string(),
  stream: streamDescriptor,
  sync: whole,
  attempt: whole,
  resumed: z.boolean().meta({ description: 'An attempt before this one began the sync' }),
  sync_mode: z
    .enum(['full_refresh', 'incremental'])
    .meta({ description: 'full_refresh: the sync has all records of the stream' }),
  destination_sync_mode: z.enum(syncModes),
  generation: whole.meta({ description: 'Grows when all rows of the table are replaced' }),
  primary_key: z.array(path).meta({ description: 'Fields, as paths; empty without a key' }),
  cursor: path.nullable().meta({ description: 'The field that says which record is newer' }),
  deletes: z.object({
    mode: z.enum(['hard', 'soft']),
    column: z
      .string()
      .nullable()
      .meta({ description: 'Not null in a record of a deletion; null: the stream shows none' }),
  }),
  framing: z.enum(['block', 'record']),
  partitions: whole.meta({ description: 'In how many partitions this message is' }),
  slices: z.array(
    z.object({
      slice: z.string(),
      partition: whole,
      records: whole.meta({ description: 'Loaded at the destination before this attempt' }),
      complete: z.boolean().meta({ description: 'An attempt before this one loaded all of it' }),
    }),
  ),
})
export type PlanValue = z.infer<typeof planValue>

export const syncEndValue = z.object({
  connection: z.string(),
  stream: streamDescriptor,
  sync: whole,
  attempt: whole,
  outcome: z.literal('complete'),
  generation: whole,
  partitions: whole,
  records: whole.meta({ description: 'Of all slices, rejected ones included' }),
  slices: z.array(z.object({ slice: z.string(), partition: whole, records: whole })),
})
export type SyncEndValue = z.infer<typeof syncEndValue>

/** The values that are JSON. */
export const messageValues = {
  PLAN: planValue,
  BEGIN: beginValue,
  STORED: storedValue,
  REJECTED: rejectedValue,
  STATE: stateValue,
  END: endValue,
  CLOSE: closeValue,
  SYNC_END: syncEndValue,
} as const satisfies Record<Exclude<MessageType, 'RECORD'>, z.ZodType>
export type WrittenValue<Type extends keyof typeof messageValues> = z.input<
  (typeof messageValues)[Type]
>

/** `connect.states`: the last state of a slice. */
export const sliceStateKey = z.tuple([z.string(), z.string().nullable(), z.string(), z.string()])
export const sliceStateValue = z.object({
  syncId: z.int(),
  attempt: z.int(),
  attemptKey: z.string().optional(),
  since: z.int(),
  from: z.string().regex(/^\d+$/).optional(),
  partition: z.int(),
  seq: z.int(),
  complete: z.boolean(),
  state: anyJson,
})
/** `connect.states`: the last PLAN of a stream and, when that sync is complete, its SYNC_END. */
export const streamStateKey = z.tuple([z.string(), z.string().nullable(), z.string()])
export const streamStateValue = z.object({
  v: z.literal(interfaceVersion),
  plan: planValue,
  end: syncEndValue.exactOptional(),
})
