import type { ColumnKind } from '../../protocol/index.ts'

/** propagate: follow the source. ignore: keep to what was approved. block_until_approved: read nothing until somebody approves. */
export type SchemaDriftPolicy = 'propagate' | 'ignore' | 'block_until_approved'

/** How one stream of the source differs from what was approved for the connection. Of an added stream all columns are added, of a removed one all are removed. */
export interface SchemaChange {
  readonly name: string
  readonly namespace: string | null
  readonly change: 'added' | 'removed' | 'changed'
  readonly addedColumns: readonly SchemaColumn[]
  readonly removedColumns: readonly SchemaColumn[]
  readonly typeChanges: readonly {
    readonly name: string
    readonly from: ColumnKind
    readonly to: ColumnKind
  }[]
  /** Of a changed stream; null where it stayed. Paths of the key's fields; none: the source names no key. */
  readonly primaryKey: FromTo<readonly (readonly string[])[]> | null
  readonly cursor: FromTo<SourceCursor> | null
  readonly syncModes: FromTo<readonly ('full_refresh' | 'incremental')[]> | null
  /** How many columns are left off the three lists; of a change that is kept each has 100 at most. */
  readonly columnsLeft: number
}

export interface SchemaColumn {
  readonly name: string
  readonly type: ColumnKind
}

export interface SourceCursor {
  /** Path of the field; empty where the source names none. */
  readonly field: readonly string[]
  /** The source has a cursor of its own, which nobody can choose. */
  readonly sourceDefined: boolean
}

export interface FromTo<Value> {
  readonly from: Value
  readonly to: Value
}

/** What a run saw of the source that the connection's approved schema has not. */
export interface SchemaDrift {
  /** blocked: runs read nothing until it is approved. ignored: runs keep to what was approved. */
  readonly status: 'blocked' | 'ignored'
  /** Of the selected streams as they were seen: what is approved. */
  readonly fingerprint: string
  /** The first 100; `total` counts them all. */
  readonly changes: readonly SchemaChange[]
  readonly total: number
  /** The run that saw it first. */
  readonly run: string
  readonly detectedAt: string
}
