import type { CopyRows } from '../protocol/avro/copy-rows.ts'
import type { Column, ConfiguredAirbyteStream, JsonValue, StreamId } from '../protocol/index.ts'

/**
 * The contract of a destination: read this first.
 *
 * `Destination` lives on the engine's main thread and does what happens once per stream and sync (tables, epochs, plans,
 * the swap of a generation). A `SinkLane` lives in a sink worker, owns one database session, and loads the records of one
 * partition of one stream. The destination's own tables hold the truth about checkpoints. There are two destinations, and the words are those
 * of the first: `postgres`, and `topic` (docs/topic-destination.md), where a table is a topic, and a session is a producer.
 *
 * Exactly once: rows, states, log position, counts and the check of the epoch are one transaction (`SinkLane.commit`).
 */
export interface Destination extends AsyncDisposable {
  /** Throws a ConnectError that says what is wrong: unreachable, credentials, no right to create. */
  check(): Promise<void>
  /**
   * Starts a run of the connection; a run that was killed or stopped is continued and keeps its number, so that a stream which it had
   * completed is known (`StreamSync.doneInRun`). If runs have keys, the key identifies the run: a run that is started again under its `key`
   * keeps its number, also after it has ended (the caller may not have learned of the end), and another key is another run. From now on no
   * older start of the connection begins a stream. Durable when it resolves.
   */
  startRun(connection: string, key?: string): Promise<RunStart>
  /**
   * The result of the run survives the process. If it came to its own end (complete, or with failed streams), the next start is a new run. A run without a key that was
   * stopped is continued by the next start, which does not tell again what this one told. Nothing happens if a newer start has the connection. May be called after the disposal.
   */
  endRun(connection: string, end: RunEnd): Promise<void>
  /** Who took the connection over from this start, as text for people; undefined if nobody did. */
  newerStart(connection: string, start: RunStart): Promise<string | undefined>
  /**
   * Throws `destination_table_shared` if a table of the streams belongs to another connection, as their first `begin` would. Absent: they are
   * not looked for.
   */
  requireFreeTables?(streams: readonly SinkStream[]): Promise<void>
  /** The streams that the connection has loaded, by name, except those whose table is gone. */
  loadedStreams(connection: string): Promise<readonly LoadedStream[]>
  /**
   * Starts the stream's sync, or resumes the unfinished one if the stream's configuration is the same. One that another start began is
   * resumed if that was an attempt of the same run, if reading it again would append rows twice, or if it is incremental; a stream that
   * is read as a whole starts over otherwise, so that its rows are not older than the run, and also if the start `beginsAgain`. Creates the table or alters it in place (never
   * dropped), takes the next epoch (older lanes are fenced from now on), and increases the generation if a new overwrite sync starts. Throws `fenced`
   * if a newer start has the connection, and `destination_key_changed` if rows that are there were merged by another key. Durable when it
   * resolves.
   */
  begin(stream: SinkStream, start: BeginStart, options?: BeginOptions): Promise<StreamSync>
  /**
   * Alters the columns of a table that `begin` left as they were (`StreamSync.leavesTable`). Called before the first lane opens, when rows of
   * the stream were read: a stream that fails before its first row changes no table. Durable when it resolves; throws if a newer `begin`
   * took over. Absent: `begin` leaves nothing.
   */
  changeTable?(sync: StreamSync): Promise<Pick<StreamSync, 'tableNotes' | 'warnings'>>
  /**
   * What starts of the connection did for the stream, and no run that ended has told: for a run that ends without a `begin` of it. Undefined
   * if the stream is not known.
   */
  untold(stream: SinkStream, start: RunStart): Promise<Untold | undefined>
  /** Writes the slices of the plan with their initial states, so that a resumed sync reads the same slices. Durable when it resolves. */
  savePlan(sync: StreamSync, slices: readonly SliceStart[]): Promise<void>
  /**
   * All slices are complete: swaps a staged generation in (one transaction, rows are exchanged, the table is not), and marks the sync
   * complete. Throws `accounting_mismatch` if a slice of the plan is not complete, and `records_all_rejected` instead of replacing all rows
   * by none; the next sync then reads from the beginning. Resolves with what the user should know of it.
   */
  finish(sync: StreamSync): Promise<readonly string[]>
  /**
   * The reader of the stream warns of something that a read from the next checkpoint need not find again. The warning is reported by each
   * `begin` of the stream that goes on from its checkpoints, until a run that reported it has ended. Durable when it resolves; throws if a
   * newer `begin` took over.
   */
  noteWarning(sync: StreamSync, warning: string): Promise<void>
  /**
   * The entries that attempts of the sync have left in a log do not continue from its checkpoints: no later attempt continues from there
   * (`StreamSync.attemptKeys`). Durable when it resolves; nothing happens if a newer `begin` took over.
   */
  leaveLog(sync: StreamSync): Promise<void>
  /**
   * Forgets how far the streams of the connection were read: the next sync of each starts from the beginning. Tables and rows stay; lanes
   * that still load are fenced. Durable when it resolves; it is not an error if there is nothing to forget.
   */
  forget(connection: string, streams: readonly StreamId[] | 'all'): Promise<void>
}

export interface BeginOptions {
  /** The start called `finish` for this sync, and got no response: if it is complete, there is nothing to do (`doneInRun`). */
  readonly unconfirmed?: StreamSync | undefined
  /** `changeTable` will be called. */
  readonly defersChanges?: boolean
}

/** The end of a run. */
export interface RunEnd {
  readonly start: RunStart
  readonly how: 'ended' | 'stopped'
  /** The streams whose notes, warnings and counts this start has in its result, from a `begin` or from `untold`. */
  readonly told: readonly StreamId[]
  /** With a key: the streams that earlier starts of the run completed, as its starter knows. Their results are with it. */
  readonly completed?: readonly StreamId[]
}

export interface LoadedStream {
  readonly stream: StreamId
  /** The table as SQL names it. */
  readonly table: string
  readonly hasTable: boolean
}

/** One start of a run, by one process. */
export interface RunStart {
  /** The number of the run. */
  readonly run: number
  /** Grows with each start of the connection. */
  readonly start: number
  /** The run has a key: all of its starts are attempts of one run. Without a key, each start is a run of its own. */
  readonly hasKey: boolean
}

/** For one `begin`. */
export interface BeginStart extends RunStart {
  /** The source has lost the snapshot that the rows of the unfinished sync are of: to continue it would mix the rows of two moments. */
  readonly beginsAgain?: boolean
}

/** How the records of a stream are loaded. Plain data. */
export interface SinkStream {
  readonly connection: string
  readonly stream: ConfiguredAirbyteStream
  /** The stream's json_schema reduced to columns, in the order of the wire. */
  readonly columns: readonly Column[]
  readonly mode: SyncMode
  /** Nobody chose the mode: it follows from the columns and keys of the stream. */
  readonly isDefaultMode?: boolean
  readonly metadata: Metadata
  readonly deletes: 'hard' | 'soft'
}

/** The columns of our own beside the data. `none` is for rows that are only added or replaced: dedup modes tell versions of a row apart by them. */
export type Metadata = 'full' | 'minimal' | 'none'

export type SyncMode = 'append' | 'append_dedup' | 'overwrite' | 'overwrite_dedup'

/** One sync of one stream, as `begin` left it. Plain data: it crosses a thread. */
export interface StreamSync {
  readonly sink: SinkStream
  readonly streamId: StreamId
  /** Increases with every sync of the stream; a resumed sync keeps it. */
  readonly syncId: number
  readonly generationId: number
  /** Increases with every `begin`: the fence, with the attempt's key, and the number of the attempt in the log. */
  readonly epoch: number
  /**
   * Random keys of the attempts of this sync whose entries in the log continue from its checkpoints; the last one is this attempt's.
   * Numbers alone are not enough: a destination that was created again, or restored from a backup, uses some of them a second time.
   */
  readonly attemptKeys: readonly string[]
  /** The start of the run that this sync is loaded by. */
  readonly start: number
  /** True if an unfinished sync continues. */
  readonly resumed: boolean
  /** When the sync began, by the destination's clock (epoch ms): none of its rows were read before. */
  readonly startedAtMs: number
  /** Another start began the sync: some of its rows may have been read before this start. */
  readonly isOlder: boolean
  /** What was committed of the stream in this run, by this start and those before it, and, if runs have no keys, in earlier ones that did not tell it. */
  readonly untoldCounts: UntoldCounts
  /**
   * What `begin` changed in the columns of an existing table, or left although the stream changed; including earlier starts of the run, and
   * killed ones: until a run that has the stream ends by itself, nobody may have seen these notes.
   */
  readonly tableNotes: readonly TableNote[]
  /**
   * What the user should know about the difference between the stream as it is configured and as it was loaded before, and the warnings of
   * runs that were killed before they reported them.
   */
  readonly warnings: readonly string[]
  /**
   * True if this run completed the stream before it was interrupted, and reading it again would append the same rows again, or if the sync
   * that nobody confirmed is complete: there is nothing to do.
   */
  readonly doneInRun: boolean
  /** The columns of the table have to be altered before rows are loaded: see `changeTable`. Its notes are missing. */
  readonly leavesTable?: boolean
  /** The table that the stream was loaded into is gone, with its rows: `begin` has made another one of its name. A destination of tables does not tell. */
  readonly rowsAreGone?: boolean
  /** The saved slices: of the unfinished sync (resumed), or the last states of an incremental stream; otherwise empty. */
  readonly slices: readonly SliceCheckpoint[]
  /** The sink's position in the log, by partition; empty if nothing was read from a log that stores positions. */
  readonly positions: readonly LogPosition[]
}

/** See `Destination.untold` and the fields of StreamSync. */
export type Untold = Pick<StreamSync, 'untoldCounts' | 'tableNotes' | 'warnings'>

/** What no run has told, by what becomes of it. What was in a stage that an overwrite began again has is in none of them. */
export interface UntoldCounts {
  /** It is in a table, and stays there. */
  readonly kept: CommittedCounts
  /** It is in the stage of an overwrite: nothing of it is loaded unless the sync becomes complete. */
  readonly staged: CommittedCounts
  /** It is in the table until the overwrite exchanges its rows. */
  readonly replaced: CommittedCounts
}

export interface CommittedCounts {
  readonly loaded: number
  /** Records that were left out. */
  readonly rejected: number
  /** Values that became NULL because their column cannot hold them. */
  readonly nulled: number
  /** Values for which the column has less than the original value. */
  readonly cut: number
}

export interface LogPosition {
  readonly partition: number
  readonly next: string
  /** The columns that the records at `next` were written with, up to the next `begin`. */
  readonly columns: readonly Column[]
}

/** `type` is the new type of the column. */
export type TableNote =
  /** The stream has a column that the table did not have. */
  | {
      readonly kind: 'added'
      readonly column: string
      readonly type: string
      /** The table had it, with values of earlier syncs: rows that stay have NULL now. */
      readonly again?: true
      /** An overwrite: no row stays. */
      readonly replaced?: true
    }
  /** The column could not hold what the stream has now. */
  | {
      readonly kind: 'widened'
      readonly column: string
      readonly type: string
      readonly was: string
    }
  /** The stream's type changed to `source`, which the column can hold: a column never gets narrower. */
  | {
      readonly kind: 'kept'
      readonly column: string
      readonly type: string
      readonly source: string
    }
  /** The stream no longer has the column. Its old values stay (except in an overwrite), new rows have its default. */
  | { readonly kind: 'left'; readonly column: string; readonly type: string }

/** A slice of the plan, before anything of it was read. */
export interface SliceStart {
  readonly slice: string
  /** The log partition that carries the slice, for the whole sync. */
  readonly partition: number
  readonly state: JsonValue | null
}

export interface SliceCheckpoint extends SliceStart {
  /** Records of this slice in this sync that are covered by `state` (loaded + rejected). The next record has this sequence number. */
  readonly seq: number
  readonly complete: boolean
}

/** A run of records of one slice in the wire encoding (protocol/avro/record-layout.md), without array framing. */
export interface RecordBlock {
  readonly slice: string
  /** Sequence number of the first record: its position in the slice of this sync. `_airbyte_raw_id` derives from it. */
  readonly seq: number
  readonly count: number
  readonly bytes: Uint8Array
  /** The bytes are rows of binary COPY instead, for a lane that takes them: without header and trailer. */
  readonly copy?: CopyRows
}

/** Loads one partition of one stream, in order. One call at a time. */
export interface SinkLane extends AsyncDisposable {
  /**
   * The columns of the blocks that follow. Called before the first `write` and whenever they change; nothing that was written may be
   * open then (commit or roll back first). They are saved with the log position of a commit.
   */
  setColumns(columns: readonly Column[]): Promise<void>
  /**
   * Takes the block and starts to load it inside the lane's open transaction; resolves when there is room for more. The bytes belong to the
   * lane until `flush` or `commit` resolves (they may be sent again with a bad value set to NULL).
   */
  write(block: RecordBlock): Promise<void>
  /** A record that was left out, with the reason. It counts in the slice's sequence and is stored in the table of rejected records. */
  reject(rejected: {
    readonly slice: string
    readonly seq: number
    readonly reason: string
    /** Canonical JSON of the record's primary key; absent without one. */
    readonly key?: string
  }): Promise<void>
  /** All that was written is in the open transaction (not durable), or waits for it as a copy: its bytes are free again. */
  flush(): Promise<void>
  /**
   * Flush, merge, write states, position and counts, check the epoch, commit: durable when it resolves, all or nothing. Throws `fenced`
   * (nothing committed) if a newer `begin` took over, `accounting_mismatch` if the database counted differently than the lane.
   */
  commit(checkpoint: LaneCheckpoint): Promise<LaneStats>
  /** Forgets everything since the last commit. */
  rollback(): Promise<void>
}

export interface LaneCheckpoint {
  readonly partition: number
  /** Position of the log after what is being committed; absent if the log stores none. */
  readonly next?: string
  /** The slices that moved since the last commit. */
  readonly slices: readonly SliceCheckpoint[]
}

/** A record that was left out, or a value that was changed. */
export interface Loss {
  readonly kind: 'rejected' | 'nulled' | 'cut'
  /** Why the record was rejected; else the name of the field. */
  readonly subject: string
  /** Canonical JSON of the record's primary key; absent without one. */
  readonly key?: string
}

/** The result of one commit, for metrics, progress and the account of the run. Seconds are wall time. */
export interface LaneStats extends CommittedCounts {
  /** Loaded records without a row in the table, because the source marks them as deleted. */
  readonly deleted: number
  /** The first few of these records and values. */
  readonly losses: readonly Loss[]
  readonly copySeconds: number
  readonly mergeSeconds: number
  readonly commitSeconds: number
  /** Of a destination that only shows what would be sent: nothing was committed. */
  readonly preview?: PreviewedMessages
}

/** Messages that would be sent to a topic. Plain data: it crosses a thread. */
export interface PreviewedMessages {
  /** The epoch of the attempt: a later one begins again. */
  readonly attempt: number
  /** Records whose row is in a message. */
  readonly rows: number
  /** Records that are deleted: each ends with a message without a value. */
  readonly deletes: number
  readonly rejected: number
  /** Of all messages, before compression. */
  readonly bytes: number
  /** Messages by partition; null if the registry decides that when it gives the number of the key's schema. */
  readonly partitions: readonly number[] | null
  /** The first ones. */
  readonly samples: readonly PreviewedMessage[]
}

export interface PreviewedMessage {
  readonly partition: number | null
  /** As text; of Avro as JSON. Null: it has none. */
  readonly key: string | null
  /** Null: the key is deleted. */
  readonly value: string | null
}
