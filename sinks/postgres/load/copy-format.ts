import type { Column } from '../../../protocol/index.ts'
import type { Metadata, RecordBlock } from '../../sink.ts'
import type { RowIdFacts } from '../../wire/row-id.ts'
import type { KeyRejections } from './key-rejections.ts'
import type { SeenFacts } from './seen-facts.ts'
import type { HeldType } from '../tables/column-types.ts'

export interface CopyTarget {
  readonly name: string
  readonly held: HeldType
  /** The type as the server writes it; if absent, it is one that we made. */
  readonly formatted?: string | undefined
}

export interface CopyColumn extends Column {
  /** The column of the table for it; undefined if there is none: the field is skipped. */
  readonly target: CopyTarget | undefined
}

/** How values stand in a COPY. */
export type CopyFormat = 'text' | 'binary'

/**
 * Writes the fields of rows in one format of COPY, each from where the wire stands: one method a kind. No
 * strings in the usual cases. Everything of a field is written after where it begins, so that going back
 * there takes it away.
 */
export interface FieldWriter {
  /**
   * The last text had a U+0000 (or its JSON escape, or half of a surrogate pair in JSON), which was left out.
   */
  stripped: boolean
  /** The last value is one that this format has no encoding for here: the row is to be written as text. */
  unwritable: boolean
  beginRow(): void
  endField(): void
  nullValue(): void
  string(): void
  integer(): void
  number(): void
  double(): void
  boolean(): void
  date(): void
  time(): void
  timestamp(): void
  timestamptz(): void
  bytes(): void
  /** Without the escapes that jsonb refuses. */
  json(): void
  /** For an `integer` or `smallint`, … */
  sizedInteger(bytes: 2 | 4): void
  /** … a `real` or `double precision`, … */
  float(bytes: 4 | 8): void
  /** … and a `uuid`, from its text. */
  uuid(): void
  /** A value that came as JSON because its declared kind cannot hold it, as the text of the column's type. */
  text(text: string, held: HeldType): void
}

/** Writes the records of blocks as rows of a COPY. */
export interface BlockWriter {
  /** Begins a block whose first record has this number in the batch. */
  open(block: RecordBlock, firstRow: number): void
  /** Skips records of the open block. */
  skip(rows: number): void
  /**
   * Writes records until the output has this many bytes, `untilRow` (in the batch) is reached or the block
   * ends, or until a row needs something else: that one, the `lastRow`, is not in the output.
   */
  pump(fullAt: number, untilRow: number): 'full' | 'done' | RowNeed
  /** The number, in the batch, of the last row that was looked at. */
  readonly lastRow: number
  /** Bytes that were read of the block: as many as it has once it is done. */
  readonly consumed: number
}

/** The facts that every writer of rows needs. */
export interface RowFacts {
  readonly tail: RowTailOptions
  /** The facts about the same columns. */
  readonly seen: SeenFacts
  /** Takes the records that cannot become a row; absent if rows are only appended. */
  readonly rejections?: KeyRejections
}

/**
 * A column for `_airbyte_meta`; to be written as text; the records of its block instead of rows of binary
 * COPY.
 */
export type RowNeed = 'needs meta' | 'needs text' | 'needs records'

/** Writes the metadata columns that end every row. */
export interface RowTail {
  readonly columns: readonly string[]
  /** The records that follow are of this slice. */
  setSlice(slice: string): void
  write(row: TailValues): void
}

export interface TailValues {
  readonly seq: number
  readonly extractedAtMs: number
  /** The row's number in the transaction. */
  readonly order: number
  /** JSON of the row's changes, without brackets. */
  readonly changes: string
  /** Columns that the record lacks. */
  readonly missing: readonly string[]
}

export interface RowTailOptions extends RowIdFacts {
  readonly generationId: number
  readonly metadata: Metadata
  /** There is a column `_airbyte_meta`: always with full metadata. */
  readonly hasMeta: boolean
  /** The rows go to the staging table of a merge, which has two columns more. */
  readonly isStaged: boolean
}

/** The columns in the order in which a tail writes them. */
export function tailColumns({ metadata, hasMeta, isStaged }: RowTailOptions): readonly string[] {
  return [
    ...(hasTime({ metadata, isStaged }) ? ['_airbyte_extracted_at', '_airbyte_generation_id'] : []),
    ...(metadata === 'full' ? ['_airbyte_raw_id'] : []),
    ...(hasMeta ? ['_airbyte_meta'] : []),
    ...(isStaged ? ['_reactor_seq', '_reactor_missing'] : []),
  ]
}

/** Whether rows have the time and the generation: a merge needs them. */
export function hasTime({
  metadata,
  isStaged,
}: Pick<RowTailOptions, 'metadata' | 'isStaged'>): boolean {
  return metadata !== 'none' || isStaged
}

/**
 * Returns the value of `_airbyte_meta`; null if the row has nothing to report and the metadata does not
 * require it.
 */
export function metaText({ syncId, metadata }: RowTailOptions, changes: string): string | null {
  if (changes === '' && metadata !== 'full') return null
  return `{"sync_id":${syncId},"changes":[${changes}]}`
}
