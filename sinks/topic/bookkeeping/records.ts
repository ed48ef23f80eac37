import { z } from 'zod'
import { ConnectError, type JsonValue, type StreamId } from '../../../protocol/index.ts'
import { keySchema, syncSettings } from '../../continuation.ts'
import { type RunRecord, runRecord, storedCounts } from '../../bookkeeping/stored-records.ts'
import { columnsSchema, notesSchema } from '../../stored-shapes.ts'

// The messages of a checkpoint topic: the key is a JSON array, the value JSON. The last message of a key
// counts; one without a value deletes it.
//   ["run"]                                   the run of the connection, and the start that has it
//   ["stream", namespace, name]               the last sync of a stream
//   ["slice", namespace, name, slice]         how far a slice was loaded
//   ["position", namespace, name, partition]  where the log goes on

const number = z.number()
const texts = z.array(z.string())

/** The key and the form that the messages of a topic have, if they count by it; null if they do not. */
const merged = z.object({ key: keySchema, form: z.string() }).nullable()
/** The form that all messages of a topic share. Null: an older version wrote them. */
const rowForm = z.object({
  encoding: z.enum(['json', 'avro']),
  envelope: z.enum(['row', 'debezium']),
  /** Where readers of Avro find the schemas; null for JSON. */
  lookup: z.enum(['registry', 'fingerprint']).nullable(),
})
export type RowFormRecord = z.infer<typeof rowForm>
/**
 * A schema of the messages, and its number in the registry. Null: there is no registry, or an older version
 * wrote them.
 */
const registeredSchema = z.object({ subject: z.string(), id: number, text: z.string() })
export type RegisteredSchema = z.infer<typeof registeredSchema>

/** A topic that the stream was loaded into before another one, and that has its rows. */
const leftTopic = z.object({
  topic: z.string(),
  topicId: z.string().nullable(),
  partitions: number,
  merged,
  form: rowForm.nullable(),
  schema: registeredSchema.nullable(),
  /** Somebody reset the stream since. */
  isForgotten: z.boolean(),
})
export type LeftTopic = z.infer<typeof leftTopic>

const streamRecord = z.object({
  topic: z.string(),
  /**
   * The topic's id at the last `begin`. Null: the brokers did not report topic ids, or an older version wrote
   * this.
   */
  topicId: z.string().nullable().default(null),
  settings: syncSettings,
  /** The columns of the last attempt. */
  columns: columnsSchema,
  /** 0: it was forgotten. */
  run: number,
  syncId: number,
  generationId: number,
  /** The fence, with the attempt. */
  epoch: number,
  attempt: z.string(),
  attemptKeys: texts,
  complete: z.boolean(),
  /** The start that began the sync. */
  syncStart: number,
  startedAtMs: number,
  tableNotes: notesSchema,
  /** They speak of a read from the checkpoints: they go when the stream is read from the beginning. */
  readWarnings: texts,
  /** They speak of what was done to the topic, and stay true. */
  beginWarnings: texts,
  /** The counts that syncs before the sync of the slices committed. */
  untoldCounts: storedCounts,
  /** The run that reported the stream's notes, warnings and counts, and ended. */
  toldRun: number.nullable(),
  /** Slices that were saved: if there are fewer, somebody deleted some. */
  planned: number,
  /** Lanes that may have been opened: 0 to `lanes` - 1. A `begin` fences them. */
  lanes: number,
  /**
   * The number of partitions that rows are divided by, since the first sync of the topic. The topic may have
   * more.
   */
  partitions: number,
  maxMessageBytes: number,
  /**
   * The offsets that came next in the topic, by partition: when the generation began, and at the last
   * `begin`.
   */
  generationStart: texts,
  beganAt: texts,
  merged,
  /**
   * Slices before those that are stored have committed messages into the topic. An older version did not
   * store it.
   */
  isFilled: z.boolean().default(true),
  form: rowForm.nullable().default(null),
  schema: registeredSchema.nullable().default(null),
  leftTopics: z.array(leftTopic).default([]),
})
export type StreamRecord = z.infer<typeof streamRecord>

/** JSON.parse returns nothing else. */
const state = z.custom<JsonValue>((value) => value !== undefined)

const sliceRecord = z.object({
  ordinal: number,
  partition: number,
  /** The last sync that had the slice in its plan. */
  plannedSync: number,
  state: state.nullable(),
  /** Records of this sync that the state covers: loaded + rejected. */
  seq: number,
  loaded: number,
  rejected: number,
  complete: z.boolean(),
  /** The counts of all syncs in its run that no run has reported. */
  untold: storedCounts,
})
export type SliceRecord = z.infer<typeof sliceRecord>

const positionRecord = z.object({ next: z.string(), columns: columnsSchema })
export type PositionRecord = z.infer<typeof positionRecord>

/** One message. A null value deletes what the key refers to. */
export type CheckpointRecord =
  | { readonly kind: 'run'; readonly value: RunRecord | null }
  | { readonly kind: 'stream'; readonly stream: StreamId; readonly value: StreamRecord | null }
  | {
      readonly kind: 'slice'
      readonly stream: StreamId
      readonly slice: string
      readonly value: SliceRecord | null
    }
  | {
      readonly kind: 'position'
      readonly stream: StreamId
      readonly partition: number
      readonly value: PositionRecord | null
    }

const name = [z.string().nullable(), z.string()] as const
/** The keys of the messages. */
export const checkpointKey = z.union([
  z.tuple([z.literal('run')]),
  z.tuple([z.literal('stream'), ...name]),
  z.tuple([z.literal('slice'), ...name, z.string()]),
  z.tuple([z.literal('position'), ...name, z.number()]),
])

export function keyOf(record: CheckpointRecord): string {
  if (record.kind === 'run') return '["run"]'
  const { kind, stream } = record
  const names = [kind, stream.namespace ?? null, stream.name]
  if (kind === 'slice') return JSON.stringify([...names, record.slice])
  if (kind === 'position') return JSON.stringify([...names, record.partition])
  return JSON.stringify(names)
}

interface StoredMessage {
  readonly topic: string
  readonly offset: bigint
  readonly key: Buffer | null
  readonly value: Buffer | null
}

/**
 * Throws `destination_checkpoints_damaged` for what this version cannot read: to guess would load rows twice,
 * or lose some.
 */
export function parseRecord(message: StoredMessage): CheckpointRecord {
  const { topic, offset } = message
  try {
    return recordOf(message)
  } catch (error) {
    // zod's own text has many lines; record data is in no checkpoint but in states, which it does not quote.
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : String(error)
    throw new ConnectError('destination_checkpoints_damaged', {
      details: { topic, problem: `the message at offset ${String(offset)}: ${reason}` },
      cause: error,
    })
  }
}

function recordOf({ key, value }: StoredMessage): CheckpointRecord {
  const parts = checkpointKey.parse(JSON.parse(key?.toString('utf8') ?? 'null'))
  const content: unknown = value === null ? null : JSON.parse(value.toString('utf8'))
  if (parts[0] === 'run') return { kind: 'run', value: runRecord.nullable().parse(content) }
  const [, namespace, streamName] = parts
  const stream = { name: streamName, ...(namespace !== null && { namespace }) }
  switch (parts[0]) {
    case 'stream':
      return { kind: 'stream', stream, value: streamRecord.nullable().parse(content) }
    case 'slice':
      return {
        kind: 'slice',
        stream,
        slice: parts[3],
        value: sliceRecord.nullable().parse(content),
      }
    case 'position':
      return {
        kind: 'position',
        stream,
        partition: parts[3],
        value: positionRecord.nullable().parse(content),
      }
  }
}
