import type { Column } from './columns.ts'

// The words in which source and destination compare the rows of a stream (engine/compare). Each side counts
// its own rows, by hashes of texts that both write in the same way.

/**
 * How a value is written on both sides, so that equal values have equal texts.
 *
 * own: as its type writes it. unpadded: the same without blanks at its end. amount: money as a number.
 * numeric: a number without zeros at the end of its fraction. jsonb, timestamp, timestamptz: as this type
 * writes it.
 */
export type ComparedForm =
  'own' | 'unpadded' | 'amount' | 'numeric' | 'jsonb' | 'timestamp' | 'timestamptz'

/** The type of a column of a table, without its domains. */
export interface TableColumnType {
  /** As the catalog names it: `int4`, `_int4`. */
  readonly name: string
  /** It is in pg_catalog. */
  readonly isBuiltIn: boolean
  readonly isEnum: boolean
  readonly isArray: boolean
  /** The elements of an array are labels of an enum. */
  readonly isOfEnums: boolean
  /** With its modifier, as `format_type` writes it: `numeric(10,2)`. */
  readonly written: string
}

/** A field of the stream and its column in the table. */
export interface TableField {
  /** The column as the destination loads it. */
  readonly field: Column
  /** Absent: the table has no such column. */
  readonly type?: TableColumnType
}

/** A field, and the form in which it is compared. */
export interface ComparedField {
  readonly field: string
  readonly form: ComparedForm
}

/** A field that is not compared, and why: the end of a sentence about it. */
export interface LeftOutField {
  readonly field: string
  readonly reason: string
}

/** How the rows of a stream are compared: both sides agree on it. */
export interface RowComparison {
  /** At least one; the key is among them. */
  readonly fields: readonly ComparedField[]
  /** The fields that identify a row; empty: only the whole row does. */
  readonly key: readonly string[]
  /** fast: PostgreSQL's own hash. md5: if the servers do not hash alike, or have other encodings. */
  readonly hash: 'fast' | 'md5'
}

/** By these facts two servers find out which hash both have. */
export interface HashFacts {
  /** The encoding of the database. */
  readonly encoding: string
  /** The fast hash of a known text. */
  readonly probe: string
}

/**
 * A part of the rows: a range of the first column of the key, and in it the buckets of these numbers. The
 * bucket of a row are the last `bits` bits of the hash of its key (without a key: of the whole row).
 */
export interface RowScope {
  readonly range: KeyRange
  readonly bits: number
  /** Undefined: all. */
  readonly buckets: readonly number[] | undefined
}

/** `from` is inclusive, `to` is not; null: no bound. Rows without a value are in the range without `from`. */
export interface KeyRange {
  readonly from: string | null
  readonly to: string | null
}

/** The rows of a bucket together. */
export interface BucketSum {
  readonly bucket: number
  readonly rows: number
  /** The sum of the hashes of its rows. */
  readonly sum: string
}

/** Equal rows of one key, and how many there are. */
export interface ListedRows {
  /** The texts of the key; empty without a key. */
  readonly key: readonly (string | null)[]
  /** The hash of the key; without a key: of the row. */
  readonly id: string
  /** The hash of the row. */
  readonly row: string
  readonly count: number
}

/** A row of a key, by its columns. */
export interface RowCells {
  readonly id: string
  /** A hash of the value of each field, in the order of the comparison; null: NULL. */
  readonly hashes: readonly (string | null)[]
  /** The beginnings of the values, if they were asked for. */
  readonly values?: readonly (string | null)[]
  /** Fields that the load has noted as changed (docs: values that do not fit). */
  readonly noted: readonly string[]
}

/** The rows of a stream on one side, in one snapshot. Each call is one statement. */
export interface ComparedRows {
  /** The sums of the buckets of `scope`, each split by more bits: `bits` in all. */
  sumBuckets(scope: RowScope, bits: number): Promise<readonly BucketSum[]>
  listRows(scope: RowScope): Promise<readonly ListedRows[]>
  /** The rows of these ids (`ListedRows.id`). */
  readCells(
    scope: RowScope,
    ids: readonly string[],
    options: { readonly withValues: boolean },
  ): Promise<readonly RowCells[]>
}
