import type { ErrorBody } from '../../protocol/index.ts'
import type { LeftOutField } from '../../protocol/comparison.ts'

/** The result of a comparison, as the HTTP API and `--json` have it. */
export interface ComparisonReport {
  readonly connection: string
  /** incomplete: no row differs as far as it is known, but some streams were not compared to their end. */
  readonly result: 'equal' | 'different' | 'incomplete'
  readonly streams: readonly StreamComparison[]
}

export interface StreamComparison {
  readonly name: string
  readonly namespace: string | null
  /** Null if it was not found. */
  readonly table: string | null
  /** refused: it cannot be compared (`error` says why). stopped: it was not compared to its end. */
  readonly status: 'equal' | 'different' | 'refused' | 'failed' | 'stopped'
  /** The fields that identify a row; empty: only the whole row does, and no row is `different`. */
  readonly key: readonly string[]
  readonly rows: { readonly source: number; readonly destination: number }
  /** Rows of the source that are not at the destination. */
  readonly missing: number
  /** Rows of the destination that are not at the source. */
  readonly extra: number
  /** Rows with the same key and other values. */
  readonly different: number
  /** Rows that differ only in values that the load has changed and noted; they are not in `different`. */
  readonly explained: number
  /** The columns in which rows differ, with their number, as far as rows were looked at by column. */
  readonly columns: readonly { readonly name: string; readonly rows: number }[]
  /** The number of different rows that were looked at by column. */
  readonly examined: number
  readonly not_compared: readonly LeftOutField[]
  readonly examples: {
    readonly missing: readonly RowExample[]
    readonly extra: readonly RowExample[]
    readonly different: readonly RowExample[]
  }
  /** Sentences about the differences. */
  readonly notes: readonly string[]
  /** How the rows become equal; null if there is nothing to repair. */
  readonly repair: Repair | null
  readonly error: ErrorBody | null
}

export interface Repair {
  readonly reason: string
  /** In their order. */
  readonly commands: readonly string[]
}

export interface RowExample {
  /** The texts of the key, in the order of `key`. */
  readonly key: readonly (string | null)[]
  /** Only of a different row: the columns, and their values if they were asked for. */
  readonly columns?: readonly {
    readonly name: string
    readonly source?: string | null
    readonly destination?: string | null
  }[]
}
