import type { DestinationSession } from '../session.ts'
import type { TableName } from '../tables/identifiers.ts'
import type { TableColumns } from '../tables/table-columns.ts'
import type { RowTailOptions } from './copy-format.ts'
import type { KeyRejections } from './key-rejections.ts'

/** A table that rows are copied into. */
export interface CopyPlace {
  /** Quoted. */
  readonly table: string
  readonly name: TableName
  readonly tail: RowTailOptions
  /** Statements before each COPY, without a result; one that must not be is refused. */
  readonly condition?: string
}

export interface CopyLoadOptions {
  readonly session: DestinationSession
  readonly place: CopyPlace
  /**
   * The staging table of a merge, where the rows go instead from the first batch on that has a key twice or
   * one that the table has, or if the table has triggers. Until then a new key is simply inserted, which
   * costs a third of staging and merging it (docs/performance-methods.md).
   */
  readonly whenMerged?: CopyPlace
  /** The columns of the table, staging apart. */
  readonly types: TableColumns
  readonly stream: string
  /** The fields of the primary key; empty without one. */
  readonly keyFields: readonly string[]
  /** Set for a dedup mode. */
  readonly rejections?: KeyRejections
  /**
   * Throws if the table was changed since its columns were read: that is why it refuses values. In the
   * transaction.
   */
  readonly requireUnchanged: () => Promise<void>
  /**
   * Makes `_airbyte_meta` in the table, which has none yet. In the transaction, before rows are sent again.
   */
  readonly addMeta: () => Promise<void>
}
