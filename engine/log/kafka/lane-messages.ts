import type { Fingerprint } from '../../../protocol/avro/fingerprint.ts'
import type { WireSchema } from '../../../protocol/avro/avro-schema.ts'
import { frameBlock, frameRecord } from '../../../protocol/avro/frame-block.ts'
import type { StreamId } from '../../../protocol/index.ts'
import type { LogEntry, LogRecords, StoredRecords } from '../stream-log.ts'
import {
  writtenVersion,
  type MessageType,
  type WrittenHeaders,
  type WrittenValue,
} from './message-schemas.ts'
import {
  type BatchEncoder,
  encodeHeaders,
  encodeHeadersBefore,
  type MessageRun,
} from '../../../kafka/record-batch/batch-encoder.ts'

/** One message, or a run of them, that goes into one batch. */
export interface LaneMessages {
  /** Their size in the bounds: about their size in the batch, before compression. */
  readonly bytes: number
  encode(batch: BatchEncoder): void
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
/** A run ends after the message that fills it, so that a batch of runs can be cut by size. */
const maxRunBytes = 512 * 1024

/**
 * Entries as messages (docs/topics.md is the reference for readers of the topic). Header values are text.
 * `writtenBefore`: records that the lane's writer wrote in this attempt before the entry.
 */
export function messagesOf(
  entry: LogEntry,
  maker: LaneMessageMaker,
  context: { readonly schema: WireSchema; readonly writtenBefore: number },
): LaneMessages[] {
  if (entry.type === 'records') {
    return maker.framing === 'record'
      ? recordMessages(entry, maker, context.schema.recordFingerprint)
      : [blockMessage(entry, maker, context.schema.fingerprint)]
  }
  if (entry.type === 'stored') return [storedMessage(entry, maker)]
  return [controlMessage(entry, maker, context)]
}

function blockMessage(
  entry: LogRecords,
  maker: LaneMessageMaker,
  fingerprint: Fingerprint,
): LaneMessages {
  const headers = {
    ...commonHeaders(maker),
    type: 'RECORD',
    slice: entry.slice,
    seq: String(entry.seq),
    count: String(entry.count),
  } satisfies WrittenHeaders<'RECORD'>
  const { count, bytes } = entry
  return {
    bytes: bytes.length + messageOverhead,
    encode: (batch) => {
      const value = frameBlock(fingerprint, count, bytes)
      batch.message({ key: null, value, headers: encodeHeaders(headers) })
    },
  }
}

function recordMessages(
  entry: LogRecords,
  maker: LaneMessageMaker,
  fingerprint: Fingerprint,
): LaneMessages[] {
  const { bytes, ends, keys, slice, seq } = entry
  if (ends?.length !== entry.count) {
    throw new TypeError('record framing needs to know where each record ends')
  }
  const headers = { ...commonHeaders(maker), type: 'RECORD', slice } satisfies Omit<
    WrittenHeaders<'RECORD'>,
    'seq'
  >
  const run: MessageRun = {
    bytes,
    ends,
    keys,
    valuePrefix: frameRecord(fingerprint, new Uint8Array(0)),
    // Every message has them: only those that a reader needs. `seq` is the last one (gather-records.ts relies
    // on it).
    headers: encodeHeadersBefore(headers, 'seq'),
    firstNumber: seq,
  }
  const overhead = run.valuePrefix.length + run.headers.length + 24
  const runs: LaneMessages[] = []
  let from = 0
  let runBytes = 0
  let start = 0
  for (const [index, end] of ends.entries()) {
    runBytes += end - start + (keys?.[index]?.length ?? 0) + overhead
    start = end
    if (runBytes < maxRunBytes && index < ends.length - 1) continue
    runs.push(runOf(run, { from, to: index + 1, bytes: runBytes }))
    from = index + 1
    runBytes = 0
  }
  return runs
}

function runOf(
  run: MessageRun,
  { from, to, bytes }: { readonly from: number; readonly to: number; readonly bytes: number },
): LaneMessages {
  return {
    bytes,
    encode: (batch) => {
      batch.run(run, from, to)
    },
  }
}

function storedMessage(entry: StoredRecords, maker: LaneMessageMaker): LaneMessages {
  const { slice, seq, count, object, key = null } = entry
  const numbers = { seq: String(seq), count: String(count) }
  const headers = encodeHeaders({
    ...commonHeaders(maker),
    type: 'STORED',
    slice,
    ...numbers,
  } satisfies WrittenHeaders<'STORED'>)
  const value = Buffer.from(JSON.stringify(object satisfies WrittenValue<'STORED'>))
  return {
    bytes: value.length + (key?.length ?? 0) + messageOverhead,
    encode: (batch) => {
      batch.message({ key, value: [value], headers })
    },
  }
}

type Control = Exclude<LogEntry, LogRecords | StoredRecords>

function controlMessage(
  entry: Control,
  maker: LaneMessageMaker,
  context: { readonly schema: WireSchema; readonly writtenBefore: number },
): LaneMessages {
  const common = commonHeaders(maker)
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
      const value = { columns: [...entry.columns], schema: framed.schema }
      return single<'BEGIN'>({ ...common, type: 'BEGIN', ...headers }, value)
    }
    case 'rejected':
      return single<'REJECTED'>(
        { ...common, type: 'REJECTED', slice: entry.slice, seq: String(entry.seq) },
        { reason: entry.reason, ...(entry.key !== undefined && { key: entry.key }) },
      )
    case 'state': {
      const { slice, seq, count } = entry
      const headers = { slice, seq: String(seq), count: String(count) }
      return single<'STATE'>(
        { ...common, type: 'STATE', ...headers },
        {
          type: 'STATE',
          state: {
            type: 'STREAM',
            stream: { stream_descriptor: maker.stream, stream_state: entry.state },
            sourceStats: { recordCount: count },
          },
        },
      )
    }
    case 'end': {
      const { slice, seq, outcome } = entry
      return single<'END'>(
        { ...common, type: 'END', slice, seq: String(seq), outcome },
        statusTrace(maker.stream, outcome),
      )
    }
    case 'close': {
      const { records } = entry
      return single<'CLOSE'>({ ...common, type: 'CLOSE', records: String(records) }, { records })
    }
  }
}

/** Airbyte's stream status, for one slice of the stream. */
function statusTrace(stream: StreamId, outcome: 'complete' | 'stopped'): WrittenValue<'END'> {
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

function commonHeaders({
  syncId,
  attempt,
}: Pick<LaneMessageMaker, 'syncId' | 'attempt'>): Pick<
  WrittenHeaders<'CLOSE'>,
  'v' | 'sync' | 'attempt'
> {
  return { v: writtenVersion, sync: String(syncId), attempt: String(attempt) }
}

function single<Type extends Exclude<MessageType, 'RECORD'>>(
  headers: WrittenHeaders<Type>,
  json: WrittenValue<Type>,
): LaneMessages {
  const value = Buffer.from(JSON.stringify(json))
  return {
    bytes: value.length + messageOverhead,
    encode: (batch) => {
      batch.message({ key: null, value: [value], headers: encodeHeaders(headers) })
    },
  }
}
