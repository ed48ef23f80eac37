import { ConnectError, primaryKey, streamLabel, type Column } from '../../../protocol/index.ts'
import type { RowForm } from './row-options.ts'

/** The column by which a source marks deleted rows. */
const deletedAtColumn = '_ab_cdc_deleted_at'

/** The meaning of the blocks' columns for the messages, by index. */
export interface RowColumns {
  /** In the order of the primary key; undefined: the messages have no key. */
  readonly key: readonly number[] | undefined
  /** A record without a key is rejected: the topic has one row per key. */
  readonly needsKey: boolean
  /** A value in it makes a tombstone. */
  readonly deletedAt: number | undefined
}

/** Throws a ConnectError if a mode that is not append has no key, or one that is not among the columns. */
export function rowColumns({ sink, columns }: Pick<RowForm, 'sink' | 'columns'>): RowColumns {
  // An overwrite deletes the rows of the generation before it by their keys.
  const needsKey = sink.mode !== 'append'
  const key = keyIndexes(sink, columns, needsKey)
  const deletedAt = columns.findIndex(({ name }) => name === deletedAtColumn)
  const removes = needsKey && sink.deletes === 'hard' && deletedAt >= 0
  return { key, needsKey, deletedAt: removes ? deletedAt : undefined }
}

function keyIndexes(
  sink: RowForm['sink'],
  columns: readonly Column[],
  needsKey: boolean,
): readonly number[] | undefined {
  const stream = streamLabel(sink.stream.stream)
  const key = primaryKey(sink.stream)
  if (key === undefined) {
    if (needsKey) throw new ConnectError('destination_key_missing', { details: { stream } })
    return undefined
  }
  const indexes = key.map((path) =>
    path.length > 1 ? -1 : columns.findIndex(({ name }) => name === path[0]),
  )
  const missing = indexes.indexOf(-1)
  if (missing < 0) return indexes
  if (!needsKey) return undefined
  const details = { stream, field: key[missing]?.join('.') ?? '', role: 'primary key' }
  throw new ConnectError('destination_field_missing', { details })
}
