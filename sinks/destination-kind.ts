import type { Logger } from 'pino'
import type { PostgresAddress, PostgresDatabase } from '../postgres/address.ts'
import type { ConnectError, StreamId } from '../protocol/index.ts'
import type { Destination, SinkLane, SinkStream, StreamSync, SyncMode } from './sink.ts'

import type { ConnectionForm } from './connection-form.ts'
import type { RunFileForm } from './run-file-form.ts'

/**
 * A kind of destination: what engine, service and CLI know of it. Each destination has one, in its folder,
 * and a line in registry.ts. It is loaded by every command, so its parts are imported on first use.
 *
 * Methods get the configuration of their own kind: `kindOf` finds the kind by it.
 */
export interface DestinationKind<Config extends TypedConfig = TypedConfig> {
  readonly type: Config['type']
  readonly capabilities: Capabilities
  /** The schemes of its addresses in connections: `data`, `postgres`, `topic`. */
  readonly schemes: readonly string[]
  /** Options of a connection that only this kind has: destination-options.ts has their schemas. */
  readonly options: readonly string[]
  readonly words: DestinationWords
  /** Begins to load what `open` needs: in the time in which a source is asked, 25 ms are free. */
  preload(): void
  /** The destination, on the main thread. */
  open(config: Config, options: OpenOptions): Promise<Destination>
  /** Begins to load what `openLane` needs. */
  preloadLane(): void
  /** A lane, in a sink worker. Throws `fenced` if a newer `begin` took over. */
  openLane(config: Config, lane: LaneOptions): Promise<SinkLane>
  /** The part of the configuration that a lane of the stream needs: it is copied into the lane's thread. */
  laneConfig?(config: Config, stream: StreamId): Promise<Config>
  /**
   * When a lane commits if nobody has set it: after so many bytes of the wire, or after this time, or when it
   * is full (`SinkLane.isFull`). Absent: as the engine does.
   */
  readonly commits?: { readonly commitBytes: number; readonly commitMs: number }
  /** Where all rejected records are; undefined if nobody can look them up. */
  rejections(config: Config): string | undefined
  /** Why a stream of the plan cannot be loaded, as far as it is known before any request. */
  refusal?(config: Config, stream: SinkStream, plan: RefusedPlan): ConnectError | undefined
  /**
   * Throws if streams of a connection cannot all be loaded there, before they are stored. `areChosen`: a
   * person named them, so that a stream that would fail in each run is refused too. Absent: any can.
   */
  requireStreams?(
    config: Config,
    streams: readonly SinkStream[],
    options: { readonly areChosen: boolean },
  ): Promise<void>
  /** The texts of a configuration that no error and no line may show, and those that may be shown. */
  texts(config: Config): DestinationTexts
  /** The login, if it may be replaced while the service runs; others are settings. */
  login?(config: Config): PostgresAddress
  /** The configuration of a run that the token of a sandbox started: a person has seen what it does. */
  promoted?(config: Config): Config
  /** Its rejected records, if they can be looked at and tried again. Absent: they cannot. */
  readonly rejects?: RejectsPort<Config>
  /** Absent: it has no sandbox. */
  readonly sandbox?: SandboxPort<Config>
  /** How connections of the service name it. Absent: only run files have it. */
  readonly connection?: ConnectionForm<Config>
  /** How a run file describes it. Absent: a run file cannot. */
  runFile?(): Promise<RunFileForm<Config>>
}

/** The configuration of a kind. Plain data: it crosses a thread. May hold secrets: never to be logged. */
export interface TypedConfig {
  readonly type: string
}

export interface Capabilities {
  readonly modes: readonly SyncMode[]
  /** Its lanes take rows of binary COPY (`RecordBlock.copy`). */
  readonly copyRows: boolean
  /** A lane may be closed between two commits, and opened again by the same attempt. */
  readonly lanesReopen: boolean
  /** Rows of an overwrite are in a stage until its end. */
  readonly stages: boolean
  /** Its rows are in tables, whose names can be chosen, and whose types may be those of the source. */
  readonly tables: boolean
  /** A row is only replaced if the other version is newer by the cursor, however late it comes. */
  readonly mergesByCursor: boolean
}

export const allModes: readonly SyncMode[] = [
  'append',
  'append_dedup',
  'overwrite',
  'overwrite_dedup',
]

/** Words for people. */
export interface DestinationWords {
  /** In the plural: `tables`. */
  readonly places: string
  /** How its rows are read, as an imperative sentence. */
  readonly readRows: string
  /** The end of a sentence about a connection that was deleted: `its tables stay`. */
  readonly stays: string
}

export interface OpenOptions {
  readonly logger: Logger
  /**
   * From its abort on, calls that are in progress throw an error that is worth a retry, as do all that
   * follow; nothing of them is left open.
   */
  readonly givenUp?: AbortSignal | undefined
  /** From its abort on, nothing waits for other programs that hold up a place. */
  readonly stop?: AbortSignal | undefined
}

export interface LaneOptions {
  readonly sync: StreamSync
  readonly partition: number
  readonly logger: Logger
}

export interface RefusedPlan {
  readonly streams: readonly SinkStream[]
  /** The database that the source reads, if it is one. */
  readonly source: PostgresDatabase | undefined
}

type Texts = readonly (string | undefined)[]

export interface DestinationTexts {
  readonly secrets: Texts
  readonly names: Texts
}

/** Records that a destination has rejected. */
export interface RejectsPort<Config extends TypedConfig = TypedConfig> {
  /** In an order that stays; `after` is the `place` of the last one of the page before. */
  list(config: Config, request: RejectsRequest): Promise<readonly RejectedRecord[]>
  /** Tries them again as they were. `streams`: those of the connection, as they are now. */
  retry(
    config: Config,
    request: RejectsChoice & { readonly streams: readonly SinkStream[]; readonly logger: Logger },
  ): Promise<RetriedRejects>
  /** Forgets them. Returns how many there were. */
  discard(config: Config, request: RejectsChoice): Promise<number>
}

export interface RejectsChoice {
  readonly connection: string
  readonly stream?: StreamId | undefined
  /** Null: all of them. */
  readonly keys: readonly string[] | null
}

export interface RejectsRequest {
  readonly connection: string
  readonly stream?: StreamId | undefined
  readonly limit: number
  readonly after: string
}

export interface RejectedRecord {
  readonly place: string
  readonly stream: StreamId
  readonly key: string
  readonly operation: string
  /** The code of the destination. */
  readonly code: string
  readonly reason: string
  readonly fields: readonly string[]
  readonly mayRetry: boolean
  readonly times: number
  /** ISO 8601. */
  readonly firstAt: string
  readonly lastAt: string
}

export interface RetriedRejects {
  readonly tried: number
  readonly written: number
  readonly rejected: number
}

export interface SandboxPort<Config extends TypedConfig = TypedConfig> {
  /**
   * The sandbox of the engine that previews a run: rows in tables, the messages that would be sent, or the
   * writes of records at a vendor.
   */
  readonly shows: 'tables' | 'messages' | 'writes'
  /**
   * The basis of a sandbox's figures: another text if a run would begin in another way. Rows are not in it.
   */
  fingerprint(config: Config, basis: SandboxBasis): Promise<string>
  /** Removes what the sandbox has left at the destination. Absent: it leaves nothing. */
  drop?(config: Config, id: string): Promise<void>
}

export interface SandboxBasis {
  readonly connection: string
  readonly streams: readonly SinkStream[]
  readonly logger: Logger
}
