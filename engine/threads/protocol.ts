import type { MessagePort } from 'node:worker_threads'
import type {
  AirbyteCatalog,
  AirbyteConnectionStatus,
  Column,
  ConfiguredAirbyteStream,
  ErrorBody,
  JsonObject,
  JsonValue,
} from '../../protocol/index.ts'
import type { KeyedRules } from '../../protocol/rules/record-rules.ts'
import type { LaneStats, SliceCheckpoint, StreamSync } from '../../sinks/sink.ts'
import type { LaneAddress, LaneReaderOptions, LogAddress } from '../log/stream-log.ts'
import type { Observed } from '../observed-fields.ts'
import type { DestinationConfig } from '../../sinks/registry.ts'
import type { FunctionsService, RunPlan, SourceConfig } from '../run-types.ts'

/**
 * All that crosses a thread. The main thread posts a job (plain data and ports) to a worker of a pool
 * (pool.ts). While the job goes on, the worker sends events on the job's port, and the main thread may reply
 * or ask it to stop (main-side.ts, worker-side.ts). The job's result comes from the pool; the port closes
 * after the last event.
 */

/** The parts that the jobs of a pool will need, if known: its threads load them while they are idle. */
export interface ExpectedJobs {
  /** The type of the connector. */
  readonly source: string
  readonly destination: DestinationConfig['type']
  readonly log: LogAddress['kind']
}

/** The part that every job posted to a worker has. */
export interface JobBase {
  readonly events: MessagePort
  readonly logLevel: string
  /** Bound to every log line of the job: connection, stream, partition. */
  readonly logFields: Readonly<Record<string, string | number>>
}

/** The result of a job: an Error would lose its class and fields on the way out of the thread. */
export type JobResult<T> =
  | { readonly status: 'ok'; readonly value: T }
  | { readonly status: 'failed'; readonly error: ErrorBody }

/** Reads the slices of one lane, one after the other. Plain data and ports: it crosses a thread. */
export interface ReadLaneJob extends JobBase {
  readonly source: SourceConfig
  /** As the source has it. */
  readonly stream: ConfiguredAirbyteStream
  /** As the destination has it: with the names of the rules. */
  readonly loaded: ConfiguredAirbyteStream
  /** The rules that its records pass. Holds a secret: never to be logged. */
  readonly rules?: KeyedRules
  readonly columns: readonly Column[]
  readonly session: JsonValue
  readonly syncId: number
  readonly attempt: number
  readonly attemptKeys: readonly string[]
  /** The slices that are not complete, as the destination has them. */
  readonly slices: readonly SliceCheckpoint[]
  readonly position?: string
  readonly writer: LaneAddress
  readonly maxRecordBytes: number
  /** Names a record that is rejected. */
  readonly primaryKey: readonly string[]
  /** Set in `record` framing: the primary key becomes the message key. */
  readonly keyFields?: readonly string[]
  /** For a sandbox: the job ends, gracefully, after this number of records. */
  readonly limitRows?: number
  /** Rows of binary COPY go into the log as they are. */
  readonly passesCopyRows: boolean
  /** As in `ReadTask`. */
  readonly backfills?: boolean
  /** The read is a part of a feed. */
  readonly feed?: FeedRead
  readonly transform?: StreamTransform
}

export interface FeedRead {
  /** As in `ReadTask`. */
  readonly isContinuous: boolean
}

/** A function changes the records before they are encoded. Holds a secret: never to be logged. */
export interface StreamTransform {
  readonly service: FunctionsService
  readonly name: string
}

/** Loads one lane. Plain data and ports: it crosses a thread. */
export interface LoadLaneJob extends JobBase {
  readonly destination: RunPlan['destination']
  readonly sync: StreamSync
  readonly partition: number
  readonly reader: LaneAddress
  readonly readerOptions: LaneReaderOptions
  readonly commitBytes: number
  readonly commitMs: number
  /**
   * The states of each commit are reported, and the lane has a session only while it has something to load.
   */
  readonly isFeed: boolean
}

/** One question to a source. Plain data and a port: it crosses a thread. */
export interface SourceJob extends JobBase {
  readonly question: 'check' | 'discover'
  readonly type: string
  readonly config: JsonObject
  readonly allowedNetworks: readonly string[]
}

export type SourceAnswer =
  | { readonly question: 'check'; readonly status: AirbyteConnectionStatus }
  | { readonly question: 'discover'; readonly catalog: AirbyteCatalog }

/** How far a slice had been read when its lane was opened. */
export type ReadBefore = Pick<SliceCheckpoint, 'slice' | 'seq' | 'complete'>

/**
 * An event that a read worker sends to the main thread, on the port of its job. The port closes after the
 * last event.
 */
export type ReadEvent =
  /** The lane's writer is open, older writers are fenced; the sink may start. */
  | {
      readonly type: 'opened'
      /** How far the slices had been read before, in the destination and in the log. */
      readonly slices: readonly ReadBefore[]
      readonly from: 'log' | 'destination'
      readonly position?: string
    }
  /** A slice is in the log to its end; `seq`: how many records it has in this sync. */
  | { readonly type: 'slice_read'; readonly slice: string; readonly seq: number }
  | ({ readonly type: 'read' } & ReadTotals)
  | { readonly type: 'rate_limited'; readonly untilMs: number }
  | StreamWarning
  /** At the end of a limited job. */
  | ({ readonly type: 'observed' } & Observed)
  | SourceEvent

/** Holds secrets: never to be logged. */
export type SourceEvent =
  /** The connector changed its configuration. */
  | { readonly type: 'config_changed'; readonly config: JsonObject }
  /** The connector has a secret that is not in its configuration. */
  | { readonly type: 'secret_found'; readonly text: string }
  | ConfigRequest

/**
 * How a connector changes its configuration while nobody else does (`ChangeConfig`): requested, lent,
 * returned, stored; by number.
 */
export type ConfigRequest =
  | { readonly type: 'config_asked'; readonly id: number }
  /** Null: it stays as it was lent. */
  | { readonly type: 'config_returned'; readonly id: number; readonly config: JsonObject | null }

/**
 * A warning for the user although the read goes on. The worker gives the log no state before the destination
 * has it.
 */
export interface StreamWarning {
  readonly type: 'warning'
  readonly id: number
  readonly text: string
}

/** Durable at the destination, or why not. */
export type WarningReply =
  | { readonly type: 'warning_kept'; readonly id: number }
  | { readonly type: 'warning_failed'; readonly id: number; readonly error: ErrorBody }

/** Lent, then stored; failed in the place of either. */
export type ConfigReply =
  | { readonly type: 'config_lent'; readonly id: number; readonly config: JsonObject }
  | { readonly type: 'config_kept'; readonly id: number; readonly config: JsonObject }
  | { readonly type: 'config_failed'; readonly id: number; readonly error: ErrorBody }

/** Totals of the job so far. Seconds are wall time of the worker's thread. */
export interface ReadTotals {
  readonly records: number
  readonly bytes: number
  readonly rejected: number
  /** In the encoder. */
  readonly encodeSeconds: number
  /** Waiting for room in the log. The rest of the job's time is the source's. */
  readonly logWaitSeconds: number
}

/** An event that a sink worker sends to the main thread. */
export type LoadEvent =
  | {
      readonly type: 'committed'
      readonly stats: LaneStats
      readonly bytes: number
      /** Since the commit before. */
      readonly logWaitSeconds: number
      /** For a feed: the slices that moved, as they are committed. */
      readonly slices?: readonly SliceCheckpoint[]
    }
  /** Twice a second, also while the worker waits for the log or for the destination. */
  | ({ readonly type: 'loading' } & LoadSeconds)

/** Wall seconds of the job so far, by what the worker did. Together they are the job's whole time. */
export interface LoadSeconds {
  readonly logWaitSeconds: number
  readonly copySeconds: number
  readonly mergeSeconds: number
  readonly commitSeconds: number
}

/** One line of a worker's pino: comes on the same port, so that the main thread's logger writes all logs. */
export interface LogLine {
  readonly type: 'log'
  readonly line: string
}

/** The main thread's request to a worker: end at the next checkpoint. */
export interface StopRequest {
  readonly type: 'stop'
}

/** For a read of a feed: the destination has committed this state of its slice, and no newer one. */
export interface StateCommitted {
  readonly type: 'state_committed'
  readonly state: JsonValue
}

/** Every message that the main thread sends to a worker. */
export type WorkerMessage = StopRequest | ConfigReply | WarningReply | StateCommitted
