import type { WireRecord } from './wire-record.ts'

/** Bytes from the beginning of a buffer that is used again. */
export interface Written {
  readonly bytes: Buffer
  readonly length: number
}

/** The operation on the row that a message reports. */
export type RowOperation = 'write' | 'delete'

/**
 * Writes the keys and values of messages in one encoding. What a method returns holds until it is called
 * again.
 */
export interface MessageWriter {
  /** The key of the current record; a column of the key if the encoding cannot hold its value. */
  key(record: WireRecord): Written | { readonly unfit: string }
  /** The value of the current record. `delete`: only in an envelope. */
  value(record: WireRecord, operation: RowOperation): Written
}
