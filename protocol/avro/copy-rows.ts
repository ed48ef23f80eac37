import type { BinaryType } from './copy-binary-fields.ts'

/** What must be known of rows of binary COPY to read them. Plain data: it crosses a thread. */
export interface CopyRows {
  /** Of the columns. Each is declared as the right kind (`kindOfBinaryType`). */
  readonly types: readonly BinaryType[]
  readonly emittedAtMs: number
}
