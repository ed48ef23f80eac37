import { z } from 'zod'
import { ConnectError, type Column, type JsonValue } from '../../../protocol/index.ts'
import type { LogEntry } from '../stream-log.ts'
import {
  beginValue,
  interfaceVersion,
  readHeaders,
  rejectedValue,
  stateValue,
  storedValue,
  type LaneHeaders,
} from './message-schemas.ts'
import type { KafkaMessage } from '../../../kafka/record-batch/message-cursor.ts'
import { foreignMessage, type TopicPartition } from '../../../kafka/foreign-message.ts'
import { fingerprintIn, unframeRecords } from '../../../protocol/avro/frame-block.ts'

type SyncHeaders = Extract<z.infer<typeof readHeaders>, { type: 'PLAN' | 'SYNC_END' }>

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

/**
 * Reads the headers of a message; undefined if Reactor Connect did not write it. Throws `log_version_newer`.
 */
export function headersOf(
  { headers, offset }: KafkaMessage,
  lane: TopicPartition,
): z.infer<typeof readHeaders> | undefined {
  const version = headers.get('v') ?? ''
  if (/^\d{1,9}$/.test(version) && Number(version) > interfaceVersion) {
    const { topic, partition } = lane
    throw new ConnectError('log_version_newer', {
      details: { topic, partition, offset: offset.toString(), version, known: interfaceVersion },
    })
  }
  return readHeaders.safeParse(Object.fromEntries(headers)).data
}

/**
 * Whether a message is about the sync, for other readers of the topic: the entries of a lane go on past it.
 */
export function isAboutSync(headers: z.infer<typeof readHeaders>): headers is SyncHeaders {
  return headers.type === 'PLAN' || headers.type === 'SYNC_END'
}

/**
 * Parses a message, or throws `log_foreign_message` if it is none of ours. Undefined: it is no entry of a
 * lane.
 */
export function parseMessage(
  message: KafkaMessage,
  lane: TopicPartition,
  schema: SchemaInUse,
): ParsedMessage | undefined {
  const headers = headersOf(message, lane)
  if (headers === undefined)
    throw foreignMessage(message.offset, lane, 'its headers are not those of docs/topics.md')
  if (isAboutSync(headers)) return undefined
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
  // Entered after the BEGIN (from a checkpoint): the first value sets the fingerprint, the following ones
  // must have the same.
  schema.fingerprint ??= fingerprintIn(value)
  if (schema.fingerprint === undefined) return undefined
  return unframeRecords(value, headers.count, schema.fingerprint)
}

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
