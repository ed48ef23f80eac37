import type { RecordData } from '../protocol/index.ts'

/** The bytes of one version of one file. */
export interface ByteSource {
  readonly size: number
  /** The bytes from `from` to `to` (exclusive). */
  read(from: number, to: number): Promise<Uint8Array>
}

/** The bytes of a file from a place on, in order. What is not taken is not read. */
export type OpenBytes = (from: number) => AsyncIterable<Uint8Array>

/** A place between two rows of a file. */
export interface RowPosition {
  /** The rows before it. */
  readonly rows: number
  /** The bytes before it, if a reader can begin there; otherwise it begins at the start and skips rows. */
  readonly offset?: number | undefined
}

/** Some rows, in the order of the file. */
export interface RowBatch {
  readonly rows: readonly RecordData[]
  /** The position after the last row. */
  readonly next: RowPosition
}

/** The start of every file. */
export const firstRow: RowPosition = { rows: 0 }

/** A row in text is an error if it has more bytes, rather than memory without end. */
export const maxRowBytes = 256 * 1024 * 1024

/** A value with more levels is an error: what reads it later would need a deep stack. */
export const mostLevels = 1_000
