import type { CopyRows } from '../protocol/avro/copy-rows.ts'
import type { ComparedRows, HashFacts, RowComparison, TableField } from '../protocol/comparison.ts'
import type {
  Column,
  ConfiguredAirbyteStream,
  JsonValue,
  PostgresDefinition,
  StreamId,
} from '../protocol/index.ts'

/**
 * The contract of a destination: read this first.
 *
 * A `Destination` runs on the engine's main thread and does the work that happens once per stream and sync:
 * tables, epochs, plans, and the swap of a generation. A `SinkLane` runs in a sink worker, owns one database
 * session, and loads the records of one partition of one stream. The destination's own tables are the source
 * of truth for checkpoints.
 *
 * There are two destinations: `postgres`, and `topic` (docs/topic-destination.md). The contract uses the
 * words of `postgres`. For `topic`, read "topic" for "table", and "producer" for "session".
 *
 * Exactly once: rows, states, log position, counts and the check of the epoch are one transaction
 * (`SinkLane.commit`).
 */
export interface Destination extends AsyncDisposable {
  /**
   * Checks that the destination can be used. Throws a ConnectError that says what is wrong: the destination
   * is unreachable, the credentials are invalid, or the user lacks the right to create tables.
   */
  check(): Promise<void>
  /**
   * Starts a run of the connection. A run that was killed or stopped continues under its number, so that the
   * streams that it completed are recognized (`StreamSync.doneInRun`).
   *
   * If runs have keys, the key identifies the run. A run that is started again with the same `key` keeps its
   * number, even after it has ended, because the caller may not have learned of the end. Another key starts
   * another run.
   *
   * After this call, no older start of the connection can begin a stream. Durable when it resolves.
   */
  startRun(connection: string, key?: string): Promise<RunStart>
  /**
   * Ends the start. The result of the run survives the process. If the run ended by itself (complete, or with
   * failed streams), the next start is a new run. A run without a key that was stopped is continued by the
   * next start, which does not report again what this start has reported.
   *
   * Does nothing if the connection has a newer start. May be called after the destination was disposed.
   */
  endRun(connection: string, end: RunEnd): Promise<void>
  /**
   * Returns a description, for people, of the newer start that took over the connection; undefined if there
   * is none.
   */
  newerStart(connection: string, start: RunStart): Promise<string | undefined>
  /**
   * Throws `destination_table_shared` if a table of the streams belongs to another connection, as the first
   * `begin` of such a stream would. If the method is absent, shared tables are not looked for.
   */
  requireFreeTables?(streams: readonly SinkStream[]): Promise<void>
  /** Returns the streams that the connection has loaded, by name, except those whose table is gone. */
  loadedStreams(connection: string): Promise<readonly LoadedStream[]>
  /**
   * Starts the stream's sync, or resumes the unfinished sync if the stream's configuration is the same. A
   * sync that another start began is resumed if that start was an attempt of the same run, if reading the
   * stream again would append rows twice, or if the stream is incremental. Otherwise, and also with
   * `beginsAgain`, a stream that is read as a whole starts over, so that its rows are not older than the run.
   *
   * Creates the table or alters it in place (it is never dropped), takes the next epoch (this fences older
   * lanes), and increases the generation if a new overwrite sync starts.
   *
   * Throws `fenced` if the connection has a newer start, and `destination_key_changed` if the existing rows
   * were merged by another key. Durable when it resolves.
   */
  begin(stream: SinkStream, start: RunStart, options?: BeginOptions): Promise<StreamSync>
  /**
   * Alters the columns of a table that `begin` did not change (`StreamSync.leavesTable`). Called when rows of
   * the stream were read and before the first lane opens, so that a stream that fails before its first row
   * changes no table. Durable when it resolves. Throws if a newer `begin` took over. If the method is absent,
   * `begin` makes all changes.
   */
  changeTable?(sync: StreamSync): Promise<Pick<StreamSync, 'tableNotes' | 'warnings'>>
  /**
   * Returns the counts, notes and warnings of the stream that no ended run has reported, from all starts of
   * the connection. Used by a run that ends without a `begin` of the stream. Undefined if the stream is not
   * known.
   */
  untold(stream: SinkStream, start: RunStart): Promise<Untold | undefined>
  /**
   * Stores the slices of the plan with their initial states, so that a resumed sync reads the same slices.
   * Durable when it resolves.
   */
  savePlan(sync: StreamSync, slices: readonly SliceStart[]): Promise<void>
  /**
   * Completes the sync. Called when all slices are complete. Swaps in a staged generation (one transaction
   * exchanges the rows and keeps the table) and marks the sync as complete. Returns warnings for the user.
   *
   * Throws `accounting_mismatch` if a slice of the plan is not complete. Throws `records_all_rejected` if all
   * rows would be replaced by none; the next sync then reads from the beginning.
   */
  finish(sync: StreamSync): Promise<readonly string[]>
  /**
   * Stores a warning of the stream's reader that a read from the next checkpoint may not find again. Each
   * `begin` of the stream that continues from its checkpoints reports the warning, until a run that reported
   * it has ended. Durable when it resolves. Throws if a newer `begin` took over.
   */
  noteWarning(sync: StreamSync, warning: string): Promise<void>
  /**
   * Records that the entries that attempts of the sync left in a log do not continue from its checkpoints.
   * No later attempt continues from those entries (`StreamSync.attemptKeys`). Durable when it resolves. Does
   * nothing if a newer `begin` took over.
   */
  leaveLog(sync: StreamSync): Promise<void>
  /**
   * Deletes the checkpoints of the connection's streams: the next sync of each stream starts from the
   * beginning. Tables and rows stay. Lanes that are still loading are fenced. Durable when it resolves. Does
   * nothing if there are no checkpoints.
   */
  forget(connection: string, streams: readonly StreamId[] | 'all'): Promise<void>
  /**
   * Changes the states of streams: their next sync reads from the new ones. `change` gets each stream as it
   * is stored, and returns the states of its slices, or undefined if all of them stay; it may be called more
   * than once for a stream. If it throws, nothing is changed. Lanes of changed streams that are still loading
   * are fenced, and no later attempt continues from what they left in a log. Durable when it resolves.
   */
  changeStates(
    connection: string,
    streams: readonly StreamId[],
    change: (stored: StoredStates) => readonly SliceState[] | undefined,
  ): Promise<void>
  /**
   * Opens a snapshot whose rows can be compared with those of a source (engine/compare). From the abort of
   * the signal on, what is in progress throws. Absent if the destination cannot compare.
   */
  openComparison?(signal: AbortSignal): Promise<DestinationSnapshot>
}

/** The destination at one moment. */
export interface DestinationSnapshot extends AsyncDisposable {
  readonly hashFacts: HashFacts
  /**
   * Opens the rows of a stream; several at the same time. Throws `comparison_refused` if nothing was loaded,
   * or if it is not known which rows of the table are the stream's.
   */
  openRows(stream: SinkStream): Promise<TableRows>
}

/**
 * The rows of a stream at the destination: with `append` the newest version of each, in a dedup mode without
 * those that are marked as deleted.
 */
export interface TableRows extends AsyncDisposable {
  /** The table as SQL names it. */
  readonly table: string
  /** In the order of the columns of the stream. */
  readonly fields: readonly TableField[]
  /** Records of the stream that were rejected, in all runs. */
  readonly rejected: number
  /** @param orderedKey the field of the key that ranges are of; undefined: there is one range */
  comparing(comparison: RowComparison, orderedKey: string | undefined): ComparedRows
}

export interface BeginOptions {
  /**
   * The start called `finish` for this sync and got no response. If the sync is complete, `begin` returns it
   * with `doneInRun`.
   */
  readonly unconfirmed?: StreamSync | undefined
  /** The caller will call `changeTable`. */
  readonly defersChanges?: boolean
  /**
   * The source has lost the snapshot that the unfinished sync reads from. To continue that sync would mix
   * rows from two moments.
   */
  readonly beginsAgain?: boolean
}

/** The checkpoints of a stream, and how its last sync read and loaded it. No slices: it has none. */
export interface StoredStates {
  readonly stream: StreamId
  readonly mode: SyncMode
  readonly syncMode: ConfiguredAirbyteStream['sync_mode']
  readonly slices: readonly SliceState[]
}

export type SliceState = Pick<SliceCheckpoint, 'slice' | 'state'>

/** The end of a run. */
export interface RunEnd {
  readonly start: RunStart
  readonly how: 'ended' | 'stopped'
  /**
   * The streams whose notes, warnings and counts are in the result of this start, from a `begin` or from
   * `untold`.
   */
  readonly reported: readonly StreamId[]
  /**
   * For a run with a key: the streams that earlier starts of the run completed, as its caller knows. The
   * caller has their results.
   */
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
  /**
   * The run has a key: all of its starts are attempts of the same run. Without a key, each start is a run of
   * its own.
   */
  readonly hasKey: boolean
}

/** The columns of a stream with rules, by their names at the source. Plain data. */
export interface NumberedColumns {
  /** The number of the table: another table has other columns. */
  readonly table: number
  /** The columns whose values are read as they are. */
  readonly shown: readonly (readonly [name: string, number: number])[]
  /** Those that are masked or left out. */
  readonly hidden: readonly (readonly [name: string, number: number])[]
  /** Those that the condition names. */
  readonly compared: readonly string[]
}

/** How the records of a stream are loaded. Plain data. */
export interface SinkStream {
  readonly connection: string
  readonly stream: ConfiguredAirbyteStream
  /** The stream's json_schema, reduced to columns in the order of the wire. */
  readonly columns: readonly Column[]
  readonly mode: SyncMode
  /** The user did not choose the mode: it follows from the columns and keys of the stream. */
  readonly isDefaultMode?: boolean
  readonly metadata: Metadata
  readonly deletes: 'hard' | 'soft'
  /**
   * Its records lost columns, were filtered, masked or renamed before they came here: rows that were loaded
   * before may be as they were.
   */
  readonly rules?: {
    /** Changes with the condition and the masks; absent if there are none. */
    readonly mark?: string
    /** Columns whose values are masked. */
    readonly masked: readonly string[]
    /** Changes with the key of the hashes; absent if no mask is a hash. */
    readonly keyMark?: string
    /** By what the source knows its columns; absent if it has only names for them. */
    readonly numbered?: NumberedColumns
    /**
     * Columns that have another name at the source, if some columns are masked or left out: rows that were
     * loaded before may have values of those there. Absent if there are none.
     */
    readonly renamed?: readonly string[]
  }
  /**
   * Types of a new table that is loaded from PostgreSQL into PostgreSQL; absent: `source`. `StreamSync.sink`
   * says what `begin` has decided.
   */
  readonly types?: ColumnTypes
  /**
   * Indexes, constraints and so on of a table of a PostgreSQL source that the table is to have too (`with`);
   * absent: none, and what it has stays.
   */
  readonly definitions?: SourceDefinitions
}

/** Plain data. */
export interface SourceDefinitions {
  readonly list: readonly PostgresDefinition[]
  /** The fields of the stream, by the names of the source's columns; a column that is not read is missing. */
  readonly fields: Readonly<Record<string, string>>
  /** A function changes the records. */
  readonly isTransformed: boolean
  /** Set by `begin`: how each of them is recognized again, and those that an earlier run has reported. */
  readonly entries?: readonly DefinitionEntry[]
  readonly reported?: readonly DefinitionEntry[]
}

/** The kind of a definition, the name of its object, and a digest of everything that it depends on. */
export type DefinitionEntry = readonly [kind: string, name: string, digest: string]

/**
 * The types of the columns of a new table: those of a PostgreSQL source, or those that follow from the kinds.
 * `mixed` is what `begin` makes of `source` for a table that a user made: new columns get the source's type,
 * and the others keep theirs if that is the source's.
 */
export type ColumnTypes = 'source' | 'mixed' | 'portable'

/**
 * The columns that we add to the data. `none` is only for rows that are appended or replaced: dedup modes
 * need the columns to distinguish the versions of a row.
 */
export type Metadata = 'full' | 'minimal' | 'none'

export type SyncMode = 'append' | 'append_dedup' | 'overwrite' | 'overwrite_dedup'

/** A sync of a stream, as `begin` returned it. Plain data: it crosses a thread. */
export interface StreamSync {
  /**
   * The stream as it is to be read and loaded: `begin` may have changed the form in which columns arrive
   * (`types`).
   */
  readonly sink: SinkStream
  readonly streamId: StreamId
  /** Increases with every sync of the stream; a resumed sync keeps it. */
  readonly syncId: number
  readonly generationId: number
  /**
   * Increases with every `begin`. With the attempt's key it is the fence, and it is the number of the attempt
   * in the log.
   */
  readonly epoch: number
  /**
   * Random keys of the attempts of this sync whose entries in the log continue from its checkpoints. The last
   * key is this attempt's. Numbers alone are not enough: a destination that was created again, or restored
   * from a backup, uses some numbers a second time.
   */
  readonly attemptKeys: readonly string[]
  /** The start of the run that loads this sync. */
  readonly start: number
  /** True if an unfinished sync continues. */
  readonly resumed: boolean
  /** When the sync began, by the destination's clock (epoch ms). All of its rows were read after that. */
  readonly startedAtMs: number
  /** Another start began the sync: some of its rows may have been read before this start. */
  readonly isOlder: boolean
  /**
   * The counts that were committed for the stream in this run, by this start and those before it. If runs
   * have no keys, also the counts of earlier runs that did not report them.
   */
  readonly untoldCounts: UntoldCounts
  /**
   * Changes that `begin` made to the columns of an existing table, or did not make although the stream
   * changed. Includes those of earlier starts of the run and of killed starts: until a run that has the
   * stream ends by itself, the user may not have seen these notes.
   */
  readonly tableNotes: readonly TableNote[]
  /**
   * Warnings about differences between the stream's configuration and how it was loaded before, and the
   * warnings of runs that were killed before they reported them.
   */
  readonly warnings: readonly string[]
  /**
   * There is nothing to do: this run completed the stream before it was interrupted, and reading it again
   * would append the same rows again; or the sync whose end was not confirmed is complete.
   */
  readonly doneInRun: boolean
  /**
   * The columns of the table must be altered before rows are loaded: see `changeTable`. The notes about these
   * changes are missing here.
   */
  readonly leavesTable?: boolean
  /**
   * The table that the stream was loaded into is gone, with its rows, and `begin` has created another table
   * with its name. A destination of tables does not set this.
   */
  readonly rowsAreGone?: boolean
  /**
   * The stored slices: those of the unfinished sync if it is resumed, or the last states of an incremental
   * stream; otherwise empty.
   */
  readonly slices: readonly SliceCheckpoint[]
  /**
   * The sink's position in the log, by partition; empty if nothing was read from a log that stores positions.
   */
  readonly positions: readonly LogPosition[]
}

/** See `Destination.untold` and the fields of StreamSync. */
export type Untold = Pick<StreamSync, 'untoldCounts' | 'tableNotes' | 'warnings'>

/**
 * Counts that no run has reported, by where the rows are. Rows of a stage that an overwrite has discarded and
 * started over are not counted.
 */
export interface UntoldCounts {
  /** The rows are in a table and stay there. */
  readonly kept: CommittedCounts
  /** The rows are in the stage of an overwrite: none of them is loaded unless the sync becomes complete. */
  readonly staged: CommittedCounts
  /** The rows are in the table until the overwrite exchanges them. */
  readonly replaced: CommittedCounts
}

export interface CommittedCounts {
  readonly loaded: number
  /** Records that were left out. */
  readonly rejected: number
  /** Values that became NULL because their column cannot hold them. */
  readonly nulled: number
  /** Values that were cut: the column has only a part of the original value. */
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
  /** The stream's type changed to `source`, whose values the column holds as it is. */
  | {
      readonly kind: 'kept'
      readonly column: string
      readonly type: string
      readonly source: string
    }
  /**
   * The stream no longer has the column. Its old values stay (except in an overwrite), new rows have its
   * default.
   */
  | { readonly kind: 'left'; readonly column: string; readonly type: string }

/** A slice of the plan, before any of it was read. */
export interface SliceStart {
  readonly slice: string
  /** The log partition that carries the slice, for the whole sync. */
  readonly partition: number
  readonly state: JsonValue | null
}

export interface SliceCheckpoint extends SliceStart {
  /**
   * The number of records of this slice in this sync that `state` covers (loaded + rejected). The next record
   * has this sequence number.
   */
  readonly seq: number
  readonly complete: boolean
}

/**
 * A run of records of one slice in the wire encoding (protocol/avro/record-layout.md), without array framing.
 */
export interface RecordBlock {
  readonly slice: string
  /**
   * Sequence number of the first record: its position in the slice of this sync. `_airbyte_raw_id` derives
   * from it.
   */
  readonly seq: number
  readonly count: number
  readonly bytes: Uint8Array
  /** The bytes are rows of binary COPY instead, without header and trailer, for a lane that accepts them. */
  readonly copy?: CopyRows
}

/** Loads one partition of one stream, in order. One call at a time. */
export interface SinkLane extends AsyncDisposable {
  /**
   * Sets the columns of the blocks that follow. Call it before the first `write` and whenever the columns
   * change, and only when no written records are open (commit or roll back first). The columns are stored
   * with the log position of a commit.
   */
  setColumns(columns: readonly Column[]): Promise<void>
  /**
   * Takes the block and starts to load it inside the lane's open transaction. Resolves when there is room for
   * more. The bytes belong to the lane until `flush` or `commit` resolves: they may be sent again with an
   * invalid value set to NULL.
   */
  write(block: RecordBlock): Promise<void>
  /**
   * Reports a record that was left out, with the reason. The record counts in the slice's sequence and is
   * stored in the table of rejected records.
   */
  reject(rejected: {
    readonly slice: string
    readonly seq: number
    readonly reason: string
    /** Canonical JSON of the record's primary key; absent without one. */
    readonly key?: string
  }): Promise<void>
  /**
   * Sends everything that was written. When it resolves, the records are in the open transaction (not
   * durable), or a copy of them waits for it: their bytes are free again.
   */
  flush(): Promise<void>
  /**
   * Whether what is open is worth a commit, before the limits of the run say so. Asked at each state. Absent:
   * the limits decide alone.
   */
  isFull?(): boolean
  /**
   * Flushes, merges, writes states, log position and counts, checks the epoch, and commits. Durable when it
   * resolves, all or nothing. Throws `fenced` (nothing is committed) if a newer `begin` took over, and
   * `accounting_mismatch` if the database counted differently from the lane.
   */
  commit(checkpoint: LaneCheckpoint): Promise<LaneStats>
  /** Discards everything since the last commit. */
  rollback(): Promise<void>
}

export interface LaneCheckpoint {
  readonly partition: number
  /** The position of the log after the records that are committed; absent if the log stores no positions. */
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
  /** Set by a destination that only previews messages: nothing was committed. */
  readonly preview?: PreviewedMessages
  /** Set by a destination that writes records of an instance. */
  readonly writes?: RecordWrites
}

/** Records that were written at a vendor, or that would be. Plain data: it crosses a thread. */
export interface RecordWrites {
  /** The epoch of the attempt. A later attempt of a preview starts over. */
  readonly attempt: number
  readonly created: number
  readonly updated: number
  readonly deleted: number
  /** The vendor has them as they are. */
  readonly unchanged: number
  readonly rejected: number
  /** Records among them that an earlier sync has sent. */
  readonly known: number
  /** The first ones of a preview; a run has none. */
  readonly samples: readonly PreviewedWrite[]
}

export interface PreviewedWrite {
  readonly operation: 'create' | 'update' | 'delete'
  /** The value of the field by which the record is found. */
  readonly key: string
  /** The vendor's id; null for a record that would be created. */
  readonly id: string | null
  /** The fields that change. `from` is null if it is empty now, or not known. */
  readonly fields: readonly {
    readonly field: string
    readonly from: JsonValue
    readonly to: JsonValue
  }[]
}

/** Messages that would be sent to a topic. Plain data: it crosses a thread. */
export interface PreviewedMessages {
  /** The epoch of the attempt. A later attempt starts over. */
  readonly attempt: number
  /** Records whose row is in a message. */
  readonly rows: number
  /** Records that are deleted: each ends with a message without a value. */
  readonly deletes: number
  readonly rejected: number
  /** The size of all messages, before compression. */
  readonly bytes: number
  /**
   * The number of messages by partition; null if it depends on the number that the registry gives to the
   * key's schema.
   */
  readonly partitions: readonly number[] | null
  /** The first ones. */
  readonly samples: readonly PreviewedMessage[]
}

export interface PreviewedMessage {
  readonly partition: number | null
  /** The key as text (Avro as JSON); null if the message has no key. */
  readonly key: string | null
  /** Null if the key is deleted. */
  readonly value: string | null
}
