import type { ColumnKind } from '../../../protocol/index.ts'
import type { CopyColumn } from './copy-format.ts'
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

/** How values of a column stand in a binary COPY. usual: as in the type that we would have created. */
export type BinaryEncoding = 'usual' | 'int2' | 'int4' | 'float4' | 'float8' | 'uuid'

/**
 * Types of the source, by their kind, that are not the ones we would have created. The binary form of an enum
 * and of `json` is its text.
 */
const sized: ReadonlyMap<string, BinaryEncoding> = new Map([
  ['integer smallint', 'int2'],
  ['integer integer', 'int4'],
  ['double real', 'float4'],
  ['double double precision', 'float8'],
  ['string uuid', 'uuid'],
])

/** Undefined if only text can stand for the values: any type reads that. */
export function encodingOf({
  kind,
  postgres_type: type,
  target,
}: CopyColumn): BinaryEncoding | undefined {
  if (target === undefined) return 'usual'
  const { held, formatted = held } = target
  if (formatted === '"char"') return undefined
  if (held === binaryTypeOf(kind)) return 'usual'
  const isText = held === 'enum' || (held === 'json' && type?.name === 'json' && !type.array)
  return kind === 'string' && isText ? 'usual' : sized.get(`${kind} ${formatted}`)
}

/**
 * Whether rows of these columns can go to the table as binary COPY: every type must be one that we would have
 * created, or one of a source that has the same. Any other type (the user's own, a widened column) gets text,
 * which any type reads.
 */
export function takesBinary(columns: readonly CopyColumn[], table: TableColumns): boolean {
  for (const [name, held] of heldOfTail) {
    const actual = table.get(name)?.held
    if (actual !== undefined && actual !== held) return false
  }
  return columns.every((column) => encodingOf(column) !== undefined)
}
