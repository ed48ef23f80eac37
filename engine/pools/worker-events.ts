import type { ErrorBody, JsonObject } from '../../protocol/index.ts'
import type { LaneStats, SliceCheckpoint } from '../../sinks/sink.ts'
import type { Observed } from '../reader/observed-fields.ts'

/** How far a slice had been read when its lane was opened. */
export type ReadBefore = Pick<SliceCheckpoint, 'slice' | 'seq' | 'complete'>

/** What a read worker tells the main thread, on the port of its job. The port closes after the last event. */
export type ReadEvent =
  /** The lane's writer is open, older writers are fenced; the sink may start. */
  | {
      readonly type: 'opened'
      /** How far the slices had been read before, in the destination and in the log. */
      readonly slices: readonly ReadBefore[]
      readonly from: 'log' | 'destination'
      readonly position?: string
      readonly warning?: string
    }
  | ({ readonly type: 'read' } & ReadTotals)
  | { readonly type: 'rate_limited'; readonly untilMs: number }
  /** Of the connector: what the user should know although the read goes on. */
  | { readonly type: 'warning'; readonly text: string }
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

/** How a connector changes its configuration while nobody else does (`ChangeConfig`): asked, lent, returned, kept; by number. */
export type ConfigRequest =
  | { readonly type: 'config_asked'; readonly id: number }
  /** Null: it stays as it was lent. */
  | { readonly type: 'config_returned'; readonly id: number; readonly config: JsonObject | null }

/** Lent, then kept; failed in the place of either. */
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

/** What a sink worker tells the main thread. */
export type LoadEvent =
  | {
      readonly type: 'committed'
      readonly stats: LaneStats
      readonly bytes: number
      /** Since the commit before. */
      readonly logWaitSeconds: number
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

/** What the main thread asks of a worker: end at the next checkpoint. */
export interface StopRequest {
  readonly type: 'stop'
}
