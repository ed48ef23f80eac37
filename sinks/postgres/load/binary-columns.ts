import type { ColumnKind } from '../../../protocol/index.ts'
import type { CopyColumn } from './avro-to-copy.ts'
import { columnTypeOf, type HeldType } from '../tables/column-types.ts'
import type { TableColumns } from '../tables/table-columns.ts'

/** The type that we would create for a kind, if it has a binary encoding. */
function binaryTypeOf(kind: ColumnKind): HeldType | undefined {
  return kind === 'timetz' ? undefined : columnTypeOf(kind)
}

const heldOfTail: ReadonlyMap<string, HeldType> = new Map([
  ['_airbyte_extracted_at', 'timestamptz'],
  ['_airbyte_generation_id', 'bigint'],
  ['_airbyte_raw_id', 'uuid'],
  ['_airbyte_meta', 'jsonb'],
])

/**
 * Whether rows of these columns can go to the table as binary COPY: every type must be one that we would have
 * created. Any other type (the user's own, a widened column) gets text, which any type reads.
 */
export function takesBinary(columns: readonly CopyColumn[], table: TableColumns): boolean {
  for (const [name, held] of heldOfTail) {
    const actual = table.get(name)?.held
    if (actual !== undefined && actual !== held) return false
  }
  return columns.every(
    ({ kind, target }) => target === undefined || target.held === binaryTypeOf(kind),
  )
}
