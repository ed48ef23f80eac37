import type { Message } from 'kafkajs'
import type { WireSchema } from '../../../protocol/avro/avro-schema.ts'
import type { StreamId } from '../../../protocol/index.ts'
import type { LogEntry, LogRecords } from '../stream-log.ts'
import { frameBlock, frameRecord } from '../../../protocol/avro/frame-block.ts'

/** A message to send, and what it counts for in the bounds. */
export interface LaneMessage {
  readonly message: Message
  readonly bytes: number
}

export interface LaneMessageMaker {
  readonly stream: StreamId
  readonly partition: number
  readonly framing: 'block' | 'record'
  readonly syncId: number
  readonly attempt: number
}

/** Bytes of headers, key and batch overhead that a message is counted with. */
export const messageOverhead = 256

/**
 * Entries as messages (docs/topics.md is the reference for readers of the topic). Header values are text.
 * `writtenBefore`: records that the lane's writer wrote in this attempt before the entry.
 */
export function messagesOf(
  entry: LogEntry,
  maker: LaneMessageMaker,
  context: { readonly schema: WireSchema; readonly writtenBefore: number },
): LaneMessage[] {
  if (entry.type === 'records') {
    return maker.framing === 'record'
      ? recordMessages(entry, maker, context.schema)
      : [blockMessage(entry, maker, context.schema)]
  }
  return [controlMessage(entry, maker, context)]
}

function blockMessage(entry: LogRecords, maker: LaneMessageMaker, schema: WireSchema): LaneMessage {
  const headers = {
    ...commonHeaders('RECORD', maker),
    slice: entry.slice,
    seq: String(entry.seq),
    count: String(entry.count),
  }
  return laneMessage(maker, headers, frameBlock(schema.fingerprint, entry.count, entry.bytes))
}

function recordMessages(
  entry: LogRecords,
  maker: LaneMessageMaker,
  schema: WireSchema,
): LaneMessage[] {
  if (entry.ends?.length !== entry.count) {
    throw new TypeError('record framing needs to know where each record ends')
  }
  // kafkajs spends about 2 us on a header: only what a reader cannot do without.
  const common = { type: 'RECORD', attempt: String(maker.attempt), slice: entry.slice }
  const messages: LaneMessage[] = []
  let start = 0
  let seq = entry.seq
  for (const end of entry.ends) {
    const key = entry.keys?.[seq - entry.seq] ?? null
    const value = frameRecord(schema.recordFingerprint, entry.bytes.subarray(start, end))
    messages.push({
      message: {
        key: key === null ? null : Buffer.from(key.buffer, key.byteOffset, key.byteLength),
        value,
        partition: maker.partition,
        headers: { ...common, seq: String(seq) },
      },
      bytes: value.length + (key?.byteLength ?? 0) + messageOverhead / 4,
    })
    start = end
    seq += 1
  }
  return messages
}

type Control = Exclude<LogEntry, LogRecords>

function controlMessage(
  entry: Control,
  maker: LaneMessageMaker,
  context: { readonly schema: WireSchema; readonly writtenBefore: number },
): LaneMessage {
  const json = (headers: Record<string, string>, value: unknown): LaneMessage =>
    laneMessage(
      maker,
      { ...commonHeaders(typeNames[entry.type], maker), ...headers },
      Buffer.from(JSON.stringify(value)),
    )
  switch (entry.type) {
    case 'begin': {
      const { schema, writtenBefore } = context
      const framed =
        maker.framing === 'block'
          ? { fingerprint: schema.fingerprint.hex, schema: schema.blockSchema }
          : { fingerprint: schema.recordFingerprint.hex, schema: schema.recordSchema }
      const headers = {
        slice: entry.slice,
        seq: String(entry.seq),
        records: String(writtenBefore),
        fingerprint: framed.fingerprint,
      }
      return json(headers, { columns: entry.columns, schema: framed.schema })
    }
    case 'rejected':
      return json({ slice: entry.slice, seq: String(entry.seq) }, { reason: entry.reason })
    case 'state':
      return json(
        { slice: entry.slice, seq: String(entry.seq), count: String(entry.count) },
        {
          type: 'STATE',
          state: {
            type: 'STREAM',
            stream: { stream_descriptor: maker.stream, stream_state: entry.state },
            sourceStats: { recordCount: entry.count },
          },
        },
      )
    case 'end':
      return json(
        { slice: entry.slice, seq: String(entry.seq), outcome: entry.outcome },
        statusTrace(maker.stream, entry.outcome),
      )
    case 'close':
      return json({ records: String(entry.records) }, { records: entry.records })
  }
}

const typeNames = {
  begin: 'BEGIN',
  rejected: 'REJECTED',
  state: 'STATE',
  end: 'END',
  close: 'CLOSE',
} as const satisfies Record<Control['type'], string>

/** Airbyte's stream status, for one slice of the stream. */
function statusTrace(stream: StreamId, outcome: 'complete' | 'stopped'): unknown {
  return {
    type: 'TRACE',
    trace: {
      type: 'STREAM_STATUS',
      emitted_at: Date.now(),
      stream_status: {
        stream_descriptor: stream,
        status: outcome === 'complete' ? 'COMPLETE' : 'INCOMPLETE',
      },
    },
  }
}

function commonHeaders(type: string, maker: LaneMessageMaker): Record<string, string> {
  return { type, sync: String(maker.syncId), attempt: String(maker.attempt) }
}

function laneMessage(
  maker: LaneMessageMaker,
  headers: Record<string, string>,
  value: Buffer,
): LaneMessage {
  return {
    message: { key: null, value, partition: maker.partition, headers },
    bytes: value.length + messageOverhead,
  }
}
