import { availableParallelism } from 'node:os'
import type { SourceLag, WebhookEvent } from '../connectors/connector.ts'
import type { StorageConfig } from '../storage/storage-config.ts'
import type { Stage } from './run/bottleneck.ts'
import type { ErrorBody, JsonObject, StreamId } from '../protocol/index.ts'
import type { RecordRules } from '../protocol/rules/record-rules.ts'
import type { PostgresConfig } from '../sinks/postgres/postgres-place.ts'
import type { DestinationConfig } from '../sinks/registry.ts'
import type { InstanceConfig } from '../sinks/instance/instance-place.ts'
import type { WritePreviewConfig } from '../sinks/instance/preview/write-preview-kind.ts'
import type { PreviewConfig } from '../sinks/topic/preview/preview-kind.ts'
import type { TopicConfig } from '../sinks/topic/topic-place.ts'
import type {
  CommittedCounts,
  PreviewedMessages,
  RecordWrites,
  SinkStream,
  TableNote,
} from '../sinks/sink.ts'
import type { Observed } from './observed-fields.ts'

/** Everything that a run needs, as data. */
export interface RunPlan {
  /** Name of the connection: the key of its checkpoints and the prefix of its topics. */
  readonly connection: string
  /** Identifies the run if it may be started again: streams that it completed before are not loaded twice. */
  readonly runKey?: string
  readonly source: SourceConfig
  readonly streams: readonly PlannedStream[]
  /** Streams of the connection that cannot be read: they fail, and the others run. */
  readonly refused?: readonly RefusedStream[]
  /** Needed if a stream has a transformation. */
  readonly functions?: FunctionsService
  /** Needed if a column is masked by a hash: the key of the hashes. Holds a secret: never to be logged. */
  readonly maskKey?: string
  /** As in `ReadTask`. */
  readonly backfills?: boolean
  /** The run goes on until it is stopped. Its source must be a feed. */
  readonly isContinuous?: boolean
  /**
   * If the run has a key: the streams that earlier starts of the run completed. They are not loaded again;
   * their results are known.
   */
  readonly completed?: readonly StreamId[]
  /**
   * If the run takes all streams: those that the source shows. A stream that was loaded before and is not
   * among them is reported.
   */
  readonly shown?: readonly StreamId[]
  readonly destination: DestinationConfig | PreviewConfig | WritePreviewConfig
  readonly log: LogConfig
  readonly limits: RunLimits
}

/** A stream that cannot be planned, because of what the source has now. */
export interface RefusedStream {
  readonly stream: StreamId
  readonly error: ErrorBody
}

/** A stream as it is read, changed and loaded. */
export interface PlannedStream extends SinkStream {
  /** Name of the function that changes its records on their way. */
  readonly transform?: string
  /**
   * The stream as the source has it, and what its records pass; absent if the destination gets them as they
   * are.
   */
  readonly source?: {
    readonly stream: SinkStream['stream']
    readonly rules: RecordRules
  }
}

/** Where functions are called. */
export interface FunctionsService {
  readonly url: string
  readonly apiKey?: string
}

export interface SourceConfig {
  readonly type: string
  readonly config: JsonObject
  /** If set, the run does not read the source: it loads the records that these webhook events contain. */
  readonly events?: readonly WebhookEvent[]
  /**
   * Private or reserved networks that an HTTP source may reach: set by the operator, never by the
   * configuration.
   */
  readonly allowedNetworks?: readonly string[]
}

/** A plan whose rows go into topics. */
export type TopicPlan = RunPlan & { readonly destination: TopicConfig }

/** A plan whose records go into an instance. */
export type WritePlan = RunPlan & { readonly destination: InstanceConfig }

/** A plan whose rows go into tables. */
export type TablePlan = RunPlan & { readonly destination: PostgresConfig }

export type LogConfig = LogKind & {
  /** For records that are too large for the log. Absent: they are rejected. */
  readonly storage?: StorageConfig
}

/** The log of a run whose records go into no topic: in this process, with the same bucket. */
export function inProcess({ storage }: LogConfig): LogConfig {
  return { kind: 'embedded', ...(storage !== undefined && { storage }) }
}

type LogKind =
  | { readonly kind: 'embedded' }
  | {
      readonly kind: 'kafka'
      readonly brokers: readonly string[]
      readonly framing: 'block' | 'record'
      readonly ssl: boolean
      /** States and schemas of each connection are in topics of its own. */
      readonly topicsPerConnection?: boolean
      readonly sasl?: {
        readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
        readonly username: string
        readonly password: string
      }
    }

export interface RunLimits {
  /**
   * Lanes (partition of a stream) that are read and loaded at the same time. Default: half of the cores, 2 at
   * least.
   */
  readonly parallelLanes: number
  /**
   * Partitions of a stream's topic, and lanes of the embedded log: how many slices of one stream move at the
   * same time. Default: half of the cores, and 2 at least with the embedded log.
   */
  readonly partitionsPerStream: number
  /** A destination transaction ends at the first state after this many bytes of the wire. Default 16 MiB. */
  readonly commitBytes: number
  /** … or after this time, if there are states. Default 2,000. */
  readonly commitMs: number
  /**
   * For a sandbox: a stream ends, as stopped, if it has more records than this. Needs `partitionsPerStream`
   * 1. Default: no limit.
   */
  readonly limitRows?: number
  /** How often a continuous run looks for new streams of its source. Default 30,000. */
  readonly newStreamsMs?: number
}

/** A lane has two threads: one reads and encodes, one loads; the databases want the other cores. */
const lanesForCores = Math.floor(availableParallelism() / 2)
/** At least two: small streams, and sources that are not databases, spend much of their time waiting. */
export const defaultParallelLanes = Math.max(2, lanesForCores)

/**
 * A continuous run commits soon. Lanes whose commits take long wait longer between them
 * (load/lane-loader.ts).
 */
const continuousCommitMs = 100

/**
 * Two lanes for a large table on 2 cores: with the embedded log 7 to 20 % faster than one (1,000,000 rows of
 * 12 columns, append 3.7 -> 3.5 s, append_dedup 4.9 -> 4.1 s, each row merged 10.4 -> 8.3 s) and 70 MB more;
 * through Kafka, whose broker shares the cores, 6 to 20 % slower (append 5.4 -> 6.6 s) and 90 to 100 MB more.
 * Measured in the rounds of `bench -- shapes`, 2026-11-29.
 */
export function defaultLimits(log: LogConfig['kind'], isContinuous = false): RunLimits {
  return {
    parallelLanes: defaultParallelLanes,
    partitionsPerStream: log === 'embedded' ? defaultParallelLanes : Math.max(1, lanesForCores),
    commitBytes: 16 * 1024 * 1024,
    commitMs: isContinuous ? continuousCommitMs : 2_000,
  }
}

export type StreamRunStatus = 'waiting' | 'running' | 'complete' | 'failed' | 'stopped'

/** Its committed counts are those of this start of the run. */
export interface StreamProgress extends CommittedCounts {
  readonly stream: StreamId
  readonly status: StreamRunStatus
  /** Records read from the source in this run, each once. */
  readonly read: number
  /**
   * Reads of records that had been read before, but were not loaded; known at the end of a complete stream.
   */
  readonly readAgain: number
  /** Bytes of the wire encoding of those records. */
  readonly readBytes: number
  /** The rows that earlier starts committed and that no run has reported yet. Absent until they are known. */
  readonly before?: CommittedCounts
  /** The stage that the others waited for in the last seconds; while the stream runs. */
  readonly bottleneck?: Stage
  /** The number of rows that the source estimated for this run, if it can. */
  readonly estimatedRows?: number
  /** The source waits for a rate limit until then (epoch ms). */
  readonly rateLimitedUntilMs?: number
}

export interface RunProgress {
  readonly startedAtMs: number
  readonly atMs: number
  /** For a continuous run: how far the destination is behind its source. */
  readonly lag?: SourceLag
  readonly streams: readonly StreamProgress[]
}

export interface StreamResult extends StreamProgress {
  readonly syncId: number
  readonly generationId: number
  /** True if this run continued an unfinished sync. */
  readonly resumed: boolean
  /** The changes to the columns of its table. */
  readonly tableNotes: readonly TableNote[]
  /** Wall time from its begin to its end. */
  readonly seconds: number
  /** True if the run moved a checkpoint of the stream: another attempt from there makes progress. */
  readonly progressed: boolean
  readonly error?: ErrorBody
  /**
   * Warnings for the user although the stream continued: rejected records, values that became NULL, a log
   * that had lost some.
   */
  readonly warnings: readonly string[]
  /** Set for a limited run. */
  readonly observed?: Observed
  /** Set for a run that only shows its messages. */
  readonly preview?: PreviewedMessages
  /** Set for a run that writes records of an instance, or only shows them. */
  readonly writes?: RecordWrites
}

/**
 * A run that came to its end, or was stopped. To be disposed: until then its destination stays open, for
 * `confirmReported`.
 */
export interface EndedRun extends AsyncDisposable {
  readonly result: RunResult
  /**
   * Call this once the result survives this process (it is printed, or stored). Only then does the
   * destination forget all that it had to report, and the next start is another run (unless this one
   * was stopped). If the process is killed before that, the next start reports it again. If a run with a
   * key was stopped, nothing happens: the next start under the key reports the whole run. Never throws, and
   * gives up after ten seconds.
   */
  readonly confirmReported: () => Promise<void>
}

/**
 * complete: every stream, with all of its records; partial: some streams failed, or records were rejected;
 * failed: all streams did; stopped: the signal ended it, at a checkpoint.
 */
export interface RunResult {
  readonly status: 'complete' | 'partial' | 'failed' | 'stopped'
  readonly seconds: number
  readonly streams: readonly StreamResult[]
  /** Warnings that do not concern a stream. */
  readonly warnings?: readonly string[]
}
