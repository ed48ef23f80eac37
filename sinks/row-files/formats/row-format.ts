import type { WireRecord } from '../../topic/rows/wire-record.ts'
import type { DraftFile, StoredDraft } from '../file-store.ts'

/** Writes the records of a lane into files, whatever their format. */
export interface RowEncoder {
  /** The record at hand, of which `RowFile.add` writes the row. */
  readonly record: WireRecord
  open(draft: DraftFile): RowFile
  /** Values of the rows since the last call that their columns cannot hold. */
  takeNulled(): Nulled
}

export interface Nulled {
  readonly count: number
  readonly columns: ReadonlySet<string>
}

/** A file of rows that is being written. */
export interface RowFile {
  readonly records: number
  /** Bytes that wait in memory. */
  readonly heldBytes: number
  /** About the size that the file would have if it ended here. */
  readonly bytes: number
  /** Writes the record at hand, whose bytes are free again when it returns. */
  add(): void
  /** Passes on what is worth it: the memory of a file is bounded if this is called after each block. */
  drain(): Promise<void>
  close(): Promise<StoredDraft>
  discard(): Promise<void>
}
