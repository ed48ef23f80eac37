import type { BinaryType } from './copy-binary-fields.ts'

/** The facts that a reader of rows of binary COPY needs. Plain data: it crosses a thread. */
export interface CopyRows {
  /** The types of the columns. Each is declared as the right kind (`kindOfBinaryType`). */
  readonly types: readonly BinaryType[]
  readonly emittedAtMs: number
}
