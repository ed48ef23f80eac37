export interface CompareOptions {
  /** Keys that are shown of each kind of difference. */
  readonly examples: number
  /** Show the values of different rows too. Values of masked columns are never shown. */
  readonly withValues: boolean
  /** How long rows that differ are given before they are looked at again; null: they are not. */
  readonly secondLookMs: number | null
  /** Default: `compareLimits`. */
  readonly limits?: CompareLimits
}

export interface CompareLimits {
  /** Rows of a range of the key: a statement reads one. */
  readonly rangeRows: number
  /** Rows of one side that are in memory at a time. */
  readonly listRows: number
}

/** A range takes some seconds on each side, and a list about 20 MB. */
export const compareLimits: CompareLimits = { rangeRows: 250_000, listRows: 50_000 }

/** A run that is active has loaded by then what it was loading. */
export const standardSecondLookMs = 3_000
