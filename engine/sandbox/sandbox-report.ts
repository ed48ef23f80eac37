import type { ErrorBody, JsonObject, StreamId } from '../../protocol/index.ts'
import type { SinkStream, SyncMode } from '../../sinks/sink.ts'
import type { RunPorts } from '../ports.ts'
import type { DestinationConfig, RunPlan } from '../run-types.ts'

/**
 * The sandbox as a whole. Each function is exported under its name: `runSandbox` by run-sandbox.ts, the next two by
 * sandbox-schemas.ts, the last one by destination-fingerprint.ts.
 */
export interface SandboxEngine {
  /**
   * Reads the plan's streams from where its next run would, into an ephemeral schema, and compares. The production tables and
   * checkpoints are only read. A failed stream is in the report. Throws a ConnectError, and leaves no schema, where no stream could start
   * (source or destination out of reach, no right to create a schema) and where `signal` ended it (`sandbox_stopped`).
   */
  runSandbox(
    plan: RunPlan,
    options: SandboxOptions,
    ports: SandboxPorts,
    signal: AbortSignal,
  ): Promise<SandboxReport>
  /** Ends what still works in the sandbox's schema, and drops it with all that is in it. One that is gone is no error. */
  dropSandboxSchema(destination: DestinationConfig, id: string): Promise<void>
  /** The schemas of sandboxes in the destination's database, whoever made them: also those of a process that was killed. */
  listSandboxSchemas(destination: DestinationConfig): Promise<readonly SandboxSchema[]>
  /**
   * A hash of what the sandbox's figures stand on: columns, types, keys and dependent views of the production tables, and the checkpoints
   * of the streams, so that a run in between changes it. Rows that others write do not.
   */
  destinationFingerprint(
    destination: DestinationConfig,
    streams: readonly SinkStream[],
  ): Promise<string>
}

export type SandboxPorts = Pick<
  RunPorts,
  'logger' | 'now' | 'onConfigChanged' | 'onSecretFound' | 'changeConfig'
>

/**
 * What a sandbox found: plain data, as it goes out over HTTP. `runSandbox` (run-sandbox.ts) makes it; docs/sandbox.md says in words
 * what each figure means.
 */
export interface SandboxReport {
  /** `sbx_<ulid>`. */
  readonly id: string
  /** The ephemeral schema at the destination, in which the rows are until it is dropped. */
  readonly schema: string
  /** Records that were read of a stream at most. */
  readonly limit_rows: number
  /** complete: every stream was read to its end; partial: a limit cut some, or some failed; failed: every stream failed. */
  readonly status: 'complete' | 'partial' | 'failed'
  readonly seconds: number
  readonly streams: readonly SandboxStream[]
  readonly totals: SandboxTotals
}

export interface SandboxTotals {
  readonly streams: number
  readonly failed: number
  /** Streams that a limit cut. */
  readonly cut: number
  readonly read: number
  /** Sums over the streams whose figure is known. */
  readonly rows: { readonly [K in keyof RowCounts]: number }
  readonly estimated_cost: EstimatedCost
}

export interface SandboxStream extends StreamId {
  readonly mode: SyncMode
  readonly sync_mode: 'full_refresh' | 'incremental'
  /** The production table. */
  readonly table: { readonly schema: string; readonly name: string }
  /** Records that were read. */
  readonly read: number
  /** Records that were too large, or that the destination would not take. */
  readonly rejected: number
  /** True where the stream was read to its end: then the figures are those of a whole run. */
  readonly complete: boolean
  /** The json_schema that the source declares. */
  readonly declared_schema: JsonObject
  /** JSON Schema of what the records that were read really hold; null where nothing was read. */
  readonly inferred_schema: JsonObject | null
  readonly schema_mismatches: readonly SchemaMismatch[]
  /** Of the rows that a run would write: by column, as PostgreSQL writes the value, cut at 200 characters; null is NULL. */
  readonly sample_rows: readonly Readonly<Record<string, string | null>>[]
  /** Absent where the destination could not be asked. */
  readonly diff_vs_current?: StreamDiff
  readonly estimated_cost: EstimatedCost
  readonly warnings: readonly string[]
  /** Why the stream could not be read or loaded: a run would fail in the same way. */
  readonly error?: ErrorBody
}

/** A place where records and their declaration do not agree. */
export interface SchemaMismatch {
  readonly field: string
  /**
   * undeclared: the records have the field, the schema has not: it is not loaded. type: values that the column cannot hold: they
   * become NULL, with a note in `_airbyte_meta`. missing: declared, and in none of the records.
   */
  readonly kind: 'undeclared' | 'type' | 'missing'
  /** Type of the column; null where it is not declared. */
  readonly declared: string | null
  /** JSON types that were found, such as `string` or `integer`. */
  readonly found: readonly string[]
  /** Records concerned. */
  readonly records: number
}

/** What a run would do to the production table. */
export interface StreamDiff {
  /** Where false, the run makes the table: every column is an added one. */
  readonly table_exists: boolean
  readonly added_columns: readonly { readonly name: string; readonly type: string }[]
  /** Columns of the table that the source has not (any more): they stay, and new rows have NULL there. */
  readonly removed_columns: readonly { readonly name: string; readonly type: string }[]
  /** Columns that are altered, so that they hold the values of both types. */
  readonly type_changes: readonly {
    readonly name: string
    readonly from: string
    readonly to: string
  }[]
  readonly rows: RowCounts
  /** Values that are there now and would be NULL, by column. */
  readonly nulled_values: readonly { readonly column: string; readonly rows: number }[]
  /** Views (and materialized views) that read the table, and which of its columns. */
  readonly dependent_views: readonly {
    readonly schema: string
    readonly name: string
    readonly columns: readonly string[]
  }[]
}

/** Rows of the production table. Null where it is not known, because a limit cut the stream or the comparison took too long. */
export interface RowCounts {
  readonly insert: number | null
  readonly update: number | null
  readonly unchanged: number | null
  readonly delete: number | null
}

/** What a whole run would read, scaled from the sandbox by the source's own estimate. Null where the source has none and the stream was cut. */
export interface EstimatedCost {
  readonly rows: number | null
  /** Of the wire encoding. */
  readonly bytes: number | null
  /** Of a source that speaks HTTP; else null. */
  readonly requests: number | null
  readonly seconds: number | null
}

export interface SandboxOptions {
  /** `sbx_<ulid>`: names the schema, and what the sandbox is found by. */
  readonly id: string
  /** Records read of each stream at most. */
  readonly limitRows: number
  /** Sample rows of each stream; default 20. */
  readonly sampleRows?: number
  /** Reading ends after this time; what was read until then is what the report is about. Default 60,000. */
  readonly readMs?: number
  /** Epoch ms, noted at the schema: a sweep may drop it after that. */
  readonly expiresAtMs: number
}

/** A sandbox's schema, as a sweep finds it at a destination. */
export interface SandboxSchema {
  readonly id: string
  readonly schema: string
  /** The connection whose sandbox it is. */
  readonly connection: string
  readonly createdAtMs: number
  readonly expiresAtMs: number
}
