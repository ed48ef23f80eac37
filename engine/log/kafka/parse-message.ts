import { z } from 'zod'
import { type Column, type ColumnKind, type JsonValue } from '../../../protocol/index.ts'
import { largestStoredRecordBytes, type LogEntry } from '../stream-log.ts'
import { DEFAULT_BLOCK_BYTES } from '../../../protocol/avro/block-encoder.ts'
import type { KafkaMessage } from '../../../kafka/record-batch/message-cursor.ts'
import { foreignMessage, type TopicPartition } from '../../../kafka/foreign-message.ts'
import { fingerprintIn, unframeBlock, unframeRecord } from '../../../protocol/avro/frame-block.ts'

/** One message of a lane, as the writer meant it. */
export interface ParsedMessage {
  readonly offset: bigint
  readonly attempt: number
  readonly entry: LogEntry
  /** `begin` only: records that the writer had written in this attempt before it. */
  readonly writtenBefore?: number
  /** `record` framing: the entry carries one record, and those that follow may join it. */
  readonly single?: true
}

/** Fingerprint of the schema of the records that follow; it changes with every `begin`. */
export interface SchemaInUse {
  fingerprint: string | undefined
}

const count = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number)
const base = { sync: count, attempt: count }
const placed = { ...base, slice: z.string(), seq: count }

const headersSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('RECORD'),
    ...placed,
    sync: count.optional(),
    count: count.optional(),
  }),
  z.object({
    type: z.literal('BEGIN'),
    ...placed,
    records: count,
    fingerprint: z.string().length(16),
  }),
  z.object({ type: z.literal('STORED'), ...placed, count }),
  z.object({ type: z.literal('REJECTED'), ...placed }),
  z.object({ type: z.literal('STATE'), ...placed, count }),
  z.object({ type: z.literal('END'), ...placed, outcome: z.enum(['complete', 'stopped']) }),
  z.object({ type: z.literal('CLOSE'), ...base, records: count }),
])

export type LaneHeaders = z.infer<typeof headersSchema>

/** What a message's headers say; undefined if Reactor Connect did not write it. */
export function headersOf(message: KafkaMessage): LaneHeaders | undefined {
  return headersSchema.safeParse(Object.fromEntries(message.headers)).data
}

/** Parses a message, or throws `log_foreign_message` if it is none of ours. */
export function parseMessage(
  message: KafkaMessage,
  lane: TopicPartition,
  schema: SchemaInUse,
): ParsedMessage {
  const headers = headersOf(message)
  if (headers === undefined)
    throw foreignMessage(message.offset, lane, 'its headers are not those of docs/topics.md')
  const { value } = message
  if (value === null) throw foreignMessage(message.offset, lane, 'it has no value')
  const common = { offset: message.offset, attempt: headers.attempt }
  if (headers.type === 'RECORD') {
    const bytes = recordBytes(headers, value, schema)
    if (bytes === undefined)
      throw foreignMessage(message.offset, lane, 'its value is not of the schema of its BEGIN')
    const { slice, seq } = headers
    const entry = { type: 'records', slice, seq, count: headers.count ?? 1, bytes } as const
    return { ...common, entry, ...(headers.count === undefined && { single: true }) }
  }
  try {
    const entry = controlEntry(headers, JSON.parse(value.toString('utf8')))
    if (headers.type !== 'BEGIN') return { ...common, entry }
    schema.fingerprint = headers.fingerprint
    return { ...common, entry, writtenBefore: headers.records }
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof z.ZodError)) throw error
    throw foreignMessage(message.offset, lane, `its value is not that of a ${headers.type}`)
  }
}

function recordBytes(
  headers: Extract<LaneHeaders, { type: 'RECORD' }>,
  value: Buffer,
  schema: SchemaInUse,
): Uint8Array | undefined {
  // Entered after the BEGIN (from a checkpoint): the first value sets the fingerprint, the following ones must have the same.
  schema.fingerprint ??= fingerprintIn(value)
  if (schema.fingerprint === undefined) return undefined
  return headers.count === undefined
    ? unframeRecord(value, schema.fingerprint)
    : unframeBlock(value, headers.count, schema.fingerprint)
}

const kinds = [
  'boolean',
  'integer',
  'number',
  'double',
  'string',
  'date',
  'timestamptz',
  'timestamp',
  'timetz',
  'time',
  'bytes',
  'json',
] as const satisfies readonly ColumnKind[]

const beginValue = z.object({
  columns: z.array(z.object({ name: z.string(), kind: z.enum(kinds) })),
})
const storedValue = z.object({
  bucket: z.string(),
  key: z.string(),
  bytes: z
    .int()
    .min(0)
    .max(largestStoredRecordBytes + DEFAULT_BLOCK_BYTES),
  sha256: z.string(),
})
const rejectedValue = z.object({ reason: z.string(), key: z.string().exactOptional() })
const stateValue = z.object({
  state: z.object({ stream: z.object({ stream_state: z.json() }) }),
})

function controlEntry(headers: Exclude<LaneHeaders, { type: 'RECORD' }>, value: unknown): LogEntry {
  switch (headers.type) {
    case 'BEGIN': {
      const columns: readonly Column[] = beginValue.parse(value).columns
      const { sync: syncId, attempt, slice, seq } = headers
      return { type: 'begin', syncId, attempt, slice, seq, columns }
    }
    case 'STORED': {
      const { slice, seq, count: records } = headers
      return { type: 'stored', slice, seq, count: records, object: storedValue.parse(value) }
    }
    case 'REJECTED':
      return {
        type: 'rejected',
        slice: headers.slice,
        seq: headers.seq,
        ...rejectedValue.parse(value),
      }
    case 'STATE': {
      const state: JsonValue = stateValue.parse(value).state.stream.stream_state
      return { type: 'state', slice: headers.slice, seq: headers.seq, count: headers.count, state }
    }
    case 'END':
      return { type: 'end', slice: headers.slice, seq: headers.seq, outcome: headers.outcome }
    case 'CLOSE':
      return { type: 'close', attempt: headers.attempt, records: headers.records }
  }
}
