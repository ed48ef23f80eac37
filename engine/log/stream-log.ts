import type { MessagePort, Transferable } from 'node:worker_threads'
import type { KafkaServers } from '../../kafka/kafka-servers.ts'
import type { CopyRows } from '../../protocol/avro/copy-rows.ts'
import type { Column, JsonValue, StreamId } from '../../protocol/index.ts'
import type { SliceCheckpoint, StreamSync } from '../../sinks/sink.ts'
import type { StorageConfig, StoredObject } from '../../storage/storage-config.ts'

/**
 * The same for a record that goes through Storage. The threads that read and load it hold it several times,
 * and the database has limits of its own: 1 GB for a row, 256 MiB for a string of jsonb.
 */
export const largestStoredRecordBytes = 256 * 1024 * 1024

/**
 * The transport between read workers and sink workers: read this first. Two implementations pass one contract
 * suite: `embedded` (a bounded channel between the threads of one process; nothing survives the process) and
 * `kafka`.
 *
 * A *lane* is one partition of one stream: one writer, one reader, strict order. A lane carries slices one
 * after the other: `begin`, then units (records and rejections, closed by the state that covers them), then
 * `end`; after the last slice, `close`. A unit becomes visible as a whole or not at all in `kafka` (a
 * transaction); in `embedded` a reader may see its first part, and must not commit before its state has come.
 *
 * Orphans. Records whose state never came (the writer died; or the unit was open for longer than a Kafka
 * transaction may be, and its first part had to be committed) reach the reader like any others. A `begin` of
 * the same slice follows them, and its `seq` says where the writer continues: the reader must roll back the
 * records of the slice from that seq on. A unit continues across such a commit: only a `begin` makes orphans.
 */
export interface StreamLog extends AsyncDisposable {
  /**
   * Makes the lanes of a stream (creates or extends the topic). On the main thread, before the workers start.
   * Never shrinks.
   */
  openStream(stream: LogStream): Promise<OpenedStream>
}

export interface LogStream {
  readonly connection: string
  readonly stream: StreamId
  readonly partitions: number
}

export interface OpenedStream {
  readonly lanes: readonly LaneEndpoint[]
  /**
   * The largest record, in bytes of the wire encoding, that these lanes accept; another stream's may accept
   * more or less. The writer's caller must reject a larger one.
   */
  readonly maxRecordBytes: number
  /** How long an entry is stored; absent: without a limit. */
  readonly keptMs?: number
  /** Absent: the log has no readers but the sink. */
  readonly announce?: (attempt: AnnouncedAttempt) => Promise<SyncAnnouncement>
}

/** The work that an attempt of a sync is about to do. */
export interface AnnouncedAttempt {
  readonly sync: StreamSync
  /** All of the plan. */
  readonly slices: readonly SliceCheckpoint[]
  /**
   * Called when older attempts can announce nothing any more; throws if a newer one has the stream, and then
   * nothing is announced.
   */
  readonly confirm: () => Promise<void>
}

/**
 * Announces one attempt of a sync to the log's other readers: its plan, from `announce` on, before its lanes
 * are opened; and that the sync is complete.
 */
export interface SyncAnnouncement extends AsyncDisposable {
  /**
   * All lanes have ended, and their entries are in the log. Called before the destination finishes the sync,
   * so that no reader misses the end of a sync that the table shows. Durable and visible when it resolves.
   * `slices`: all of the plan, with their last `seq`.
   */
  complete(slices: readonly EndedSlice[]): Promise<void>
}

export type EndedSlice = Pick<SliceCheckpoint, 'slice' | 'partition' | 'seq'>

/**
 * The two ends of a lane as things that can be posted to a worker thread (`transfer` must be in the transfer
 * list).
 */
export interface LaneEndpoint {
  readonly partition: number
  readonly writer: LaneEnd
  readonly reader: LaneEnd
}

export interface LaneEnd {
  readonly address: LaneAddress
  readonly transfer: readonly Transferable[]
}

/** The data that `openLaneWriter` and `openLaneReader` (engine/log/lane.ts) need inside the worker. */
export type LaneAddress = LogAddress & {
  /** Absent: no record is too large for the lane. */
  readonly storage?: LaneStorage
}

export type LogAddress =
  | {
      readonly kind: 'embedded'
      readonly port: MessagePort
      readonly lane: LaneName
      readonly maxQueueBytes: number
    }
  | { readonly kind: 'kafka'; readonly kafka: KafkaAddress }

/** Where records go that are too large for the lane. */
export interface LaneStorage {
  readonly config: StorageConfig
  readonly connection: string
  readonly stream: StreamId
  /** The largest record that the lane itself accepts. */
  readonly largestBytes: number
  /** How long the lane stores its entries; undefined: without a limit. */
  readonly keptMs: number | undefined
}

/** Which lane: for errors and logs. */
export interface LaneName {
  readonly connection: string
  readonly stream: StreamId
  readonly partition: number
}

export interface KafkaAddress extends KafkaServers {
  readonly topic: string
  readonly partition: number
  readonly connection: string
  readonly stream: StreamId
  readonly framing: 'block' | 'record'
  readonly maxMessageBytes: number
  readonly statesTopic: string
  readonly schemasTopic: string
}

/** An entry of a lane. `seq` counts the records of the slice in this sync. */
export type LogEntry =
  | {
      readonly type: 'begin'
      readonly syncId: number
      readonly attempt: number
      readonly slice: string
      readonly seq: number
      readonly columns: readonly Column[]
    }
  | LogRecords
  | StoredRecords
  | {
      readonly type: 'rejected'
      readonly slice: string
      readonly seq: number
      readonly reason: string
      /** Canonical JSON of the record's primary key; absent without one. */
      readonly key?: string
    }
  /**
   * Closes a unit. `seq`: all records of the slice before it are covered. `count`: records (and rejections)
   * since the state before.
   */
  | {
      readonly type: 'state'
      readonly slice: string
      readonly seq: number
      readonly count: number
      readonly state: JsonValue
    }
  | {
      readonly type: 'end'
      readonly slice: string
      readonly seq: number
      readonly outcome: 'complete' | 'stopped'
    }
  /**
   * The writer is done. `records`: sum of `count` of the records entries that it wrote in this attempt
   * (without rejections); the reader checks it.
   */
  | { readonly type: 'close'; readonly attempt: number; readonly records: number }

export interface LogRecords {
  readonly type: 'records'
  readonly slice: string
  readonly seq: number
  readonly count: number
  /** Avro records one after the other, without array framing. */
  readonly bytes: Uint8Array
  /** The bytes are rows of binary COPY instead, without header and trailer: in an embedded log only. */
  readonly copy?: CopyRows
  /**
   * For a log in `record` framing, from its writer: where each record ends in `bytes`, and its key (canonical
   * JSON of the primary key; null without one).
   */
  readonly ends?: Uint32Array
  readonly keys?: readonly (Uint8Array | null)[]
}

/**
 * Records that are too large for the log: their bytes, as those of `LogRecords`, are an object in Storage.
 */
export interface StoredRecords {
  readonly type: 'stored'
  readonly slice: string
  readonly seq: number
  readonly count: number
  readonly object: StoredObject
  /** In `record` framing: the key of the only record, if it has one. */
  readonly key?: Uint8Array
}

/** The writing end. One call at a time. */
export interface LaneWriter extends AsyncDisposable {
  /**
   * Where to read from: the destination's checkpoints, or newer ones that the log still has for the sink. An
   * older writer of the lane is fenced before this is known.
   */
  readonly resume: LaneResume
  /**
   * Resolves when there is room for more, in order; nothing is durable yet. `bytes` and their buffer belong
   * to the log from here on.
   */
  append(entry: LogEntry): Promise<void>
  /**
   * A buffer of records that the log no longer needs, to be filled again: saves work for the garbage
   * collector.
   */
  reuse(): ArrayBuffer | undefined
  /**
   * All complete units are durable in the log and visible to readers (embedded: handed over). Throws `fenced`
   * for a zombie.
   */
  flush(): Promise<void>
}

export interface LaneResume {
  /**
   * `log`: the log has everything from the destination's position on, and `slices` are its newest states.
   * `destination`: skip the log up to this attempt.
   */
  readonly from: 'log' | 'destination'
  readonly slices: readonly SliceCheckpoint[]
  /**
   * The reader starts here (kafka): where the entries that `slices` count begin in the log, which may be
   * after the destination's position.
   */
  readonly position?: string
  /**
   * Why the log could not be used although it should have been (retention, a deleted topic): shown as a
   * warning of the run.
   */
  readonly warning?: string
}

export interface LaneWriterOptions {
  readonly syncId: number
  readonly attempt: number
  /** See StreamSync; the last one is this attempt's. */
  readonly attemptKeys: readonly string[]
  readonly columns: readonly Column[]
  /** The destination's checkpoints of the lane's slices, and its position in the partition. */
  readonly slices: readonly SliceCheckpoint[]
  readonly position?: string
}

/** The reading end. One call at a time. */
export interface LaneReader extends AsyncDisposable {
  /**
   * The next entry, in order, with the position after it; undefined after `close`. Waits; if `signal` is
   * aborted, the wait ends with undefined.
   */
  next(
    signal: AbortSignal,
  ): Promise<{ readonly entry: LogEntry; readonly next?: string } | undefined>
  /**
   * The bytes of the records entries returned so far are no longer used (they may be gone): the log has room
   * for more. A reader that holds as much as the writer may have in flight (embedded: `maxQueueBytes`) and
   * waits for more without releasing waits for ever.
   */
  release(): void
  /**
   * Everything before `next` is committed at the destination (kafka: commits the group's offset, for lag
   * monitors).
   */
  noteCommitted(next: string | undefined): Promise<void>
}

export interface LaneReaderOptions {
  /** Start here; absent: from the beginning of what the log has (embedded: always). */
  readonly position?: string
  /** Skip everything before the first `begin` of this attempt. */
  readonly skipToAttempt?: number
  /**
   * The attempt of the writer. A lane that resumes from the log contains the `close` of older attempts too:
   * the reader checks their counts and skips them. Absent: the first `close` ends the lane.
   */
  readonly attempt?: number
}
