/**
 * The facts that a lane saw in the rows of its open transaction, by wire column. The merge needs them. They
 * last as long as the transaction and its columns, whatever happens to the COPY that the rows were sent in.
 */
export class SeenFacts {
  /** 1: a NULL, or a value, was written. May also say so of a row that was written twice. */
  readonly nulls: Uint8Array
  readonly values: Uint8Array
  /** Columns that were missing from a record. */
  readonly missing = new Set<number>()
  /** A row had something for `_airbyte_meta` to say. */
  hasChanges = false

  constructor(columns: number) {
    this.nulls = new Uint8Array(columns)
    this.values = new Uint8Array(columns)
  }

  clear(): void {
    this.nulls.fill(0)
    this.values.fill(0)
    this.missing.clear()
    this.hasChanges = false
  }
}
