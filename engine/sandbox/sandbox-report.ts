import type { ErrorBody, JsonObject, StreamId } from '../../protocol/index.ts'
import type { RowExamples, ShownRow } from '../../sinks/postgres/sandbox/row-examples.ts'
import type { DependentRows } from '../../sinks/postgres/sandbox/try-rules.ts'
import type { SyncMode } from '../../sinks/sink.ts'
import type { RunPorts } from '../ports.ts'

export interface SandboxPorts extends Pick<
  RunPorts,
  'logger' | 'threads' | 'now' | 'onConfigChanged' | 'onSecretFound' | 'changeConfig'
> {
  /** Ends the sandbox. */
  readonly signal: AbortSignal
}

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
  /** Sums of what a run does. Null where the figure of a stream is not known: it failed, or a limit cut it. */
  readonly rows: RowCounts
  /** Sums over what is known: a run does at least so much. */
  readonly rows_at_least: { readonly [K in keyof RowCounts]: number }
  readonly estimated_cost: EstimatedCost
}

export interface SandboxStream extends StreamId {
  readonly mode: SyncMode
  readonly sync_mode: 'full_refresh' | 'incremental'
  /** The production table. */
  readonly table: { readonly schema: string; readonly name: string }
  /** The fields that tell its rows apart: paths. Empty: it has none, or the mode uses none. */
  readonly primary_key: readonly (readonly string[])[]
  /** The field that says where an incremental read goes on, and which row is the newer: a path. Empty: there is none. */
  readonly cursor_field: readonly string[]
  /** How the last run of the stream was configured, where it was otherwise; null: the same, or there was none. */
  readonly last_settings: StreamSettings | null
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
  readonly sample_rows: readonly ShownRow[]
  /** Some of the rows that a run would insert, change and delete; values as in `sample_rows`. */
  readonly row_examples: RowExamples
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

export interface StreamSettings {
  readonly mode: SyncMode
  readonly sync_mode: 'full_refresh' | 'incremental'
  readonly primary_key: readonly (readonly string[])[]
  readonly cursor_field: readonly string[]
}

/** What a run would do to the production table. */
export interface StreamDiff {
  /** Where false, the run makes the table: every column is an added one. */
  readonly table_exists: boolean
  readonly added_columns: readonly { readonly name: string; readonly type: string }[]
  /** Columns that the last run had, and the source has no more: they stay, and new rows have NULL there. */
  readonly removed_columns: readonly { readonly name: string; readonly type: string }[]
  /** Columns of the table that no source had in the last run: somebody's own. They stay, and new rows have their default there. */
  readonly own_columns: readonly { readonly name: string; readonly type: string }[]
  /** Columns that are altered, so that they hold the values of both types. */
  readonly type_changes: readonly {
    readonly name: string
    readonly from: string
    readonly to: string
  }[]
  readonly rows: RowCounts
  /** Figures of `rows` that are those of what was read: a whole run does at least so much. Empty where the stream was read to its end. */
  readonly at_least: readonly (keyof RowCounts)[]
  /** Rows of the table now; null where there is none. Of a large one the server's estimate (`exact` is false). */
  readonly table_rows: { readonly rows: number; readonly exact: boolean } | null
  /** Rows that an overwrite which was cut may delete: by the rows of the table and the source's estimate of its own. Else null. */
  readonly estimated_delete: number | null
  /** Values that are there now and would be NULL, by column. */
  readonly nulled_values: readonly { readonly column: string; readonly rows: number }[]
  /** Values of `own_columns` that an overwrite replaces by the column's default, by column. */
  readonly reset_values: readonly { readonly column: string; readonly rows: number }[]
  /** Rows of other tables that change with those that a run deletes, by foreign key. */
  readonly dependent_rows: readonly DependentRows[]
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

/**
 * What a whole run would read. Of a stream that was cut rows, bytes and requests are scaled by the source's own estimate, where it has
 * one; the time is not, because most of a sandbox's time is its start.
 */
export interface EstimatedCost {
  readonly rows: number | null
  /** Of the wire encoding. */
  readonly bytes: number | null
  /** Of a source that speaks HTTP; else null. */
  readonly requests: number | null
  readonly seconds: number | null
}

/** What of a stream's report is the customer's data. */
export type SandboxRows = Pick<SandboxStream, 'sample_rows' | 'row_examples'>

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
