import { kindOfBinaryType, type BinaryType } from '../../protocol/avro/copy-binary-fields.ts'
import type { Column } from '../../protocol/index.ts'
import type { Mask } from '../../protocol/rules/record-rules.ts'
import { hasOwnText, isOwnText, type ColumnType } from './column-types.ts'

/** Types of pg_catalog whose binary form is read; those that send their text under the name of text. */
const binaryTypes: ReadonlyMap<string, BinaryType> = new Map([
  ...(Object.keys(kindOfBinaryType) as BinaryType[]).map((name) => [name, name] as const),
  ...['varchar', 'bpchar', 'name'].map((name) => [name, 'text'] as const),
])

/** Types of keys whose text can easily be derived from their binary form. */
type KeyType = 'int2' | 'int4' | 'int8' | 'text' | 'uuid'

const keyText: Readonly<Record<KeyType, (field: Buffer) => string>> = {
  int2: (field) => String(field.readInt16BE()),
  int4: (field) => String(field.readInt32BE()),
  int8: (field) => String(field.readBigInt64BE()),
  text: (field) => field.toString('utf8'),
  uuid: (field) => field.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
}

/** The binary type of each column; undefined if one has none, or is declared as something else than it is. */
export function binaryTypesOf(
  columns: readonly { readonly type: ColumnType; readonly mask?: Mask }[],
  configured: readonly Column[],
): readonly BinaryType[] | undefined {
  const types: BinaryType[] = []
  for (const [index, { type, mask }] of columns.entries()) {
    // Hashes are made of texts.
    if (mask?.as === 'hash') return undefined
    if (mask?.as === 'constant' || mask?.as === 'keep_last') {
      types.push('text')
      continue
    }
    const binary = selectedBinary(type, configured[index])
    if (binary === undefined) return undefined
    types.push(binary)
  }
  return types
}

/**
 * The type of the selected value (`selectExpression`): arrays and composites as JSON, enums as their labels.
 */
function binaryTypeOf(type: ColumnType): BinaryType | undefined {
  if (type.schema === 'pg_catalog' && type.name === 'money') return undefined
  if (!hasOwnText(type)) return 'json'
  if (type.kind === 'e') return 'text'
  return type.schema === 'pg_catalog' ? binaryTypes.get(type.name) : undefined
}

/** Undefined if it has none, or is declared as something else than it is. */
function selectedBinary(type: ColumnType, column: Column | undefined): BinaryType | undefined {
  if (column === undefined) return undefined
  const binary = isOwnText(column) ? ownTextOf(type) : binaryTypeOf(type)
  return binary !== undefined && kindOfBinaryType[binary] === column.kind ? binary : undefined
}

/** For a column that arrives as its own text. The binary form of `json` and `citext` is their text. */
function ownTextOf(type: ColumnType): BinaryType | undefined {
  if (type.isArray || !hasOwnText(type)) return undefined
  if (type.schema === 'pg_catalog' && type.name === 'json') return 'text'
  return type.unit?.extension === 'citext' ? 'text' : binaryTypeOf(type)
}

export function isKeyType(type: BinaryType): type is KeyType {
  return type in keyText
}

/** The texts of some fields of the row that begins at `start`. */
export function textsOf(
  rows: Buffer,
  start: number,
  fields: readonly { readonly index: number; readonly type: KeyType }[],
): string[] {
  return fields.map(({ index, type }) => {
    let offset = start + 2
    for (let skipped = 0; skipped < index; skipped++)
      offset += 4 + Math.max(0, rows.readInt32BE(offset))
    return keyText[type](
      rows.subarray(offset + 4, offset + 4 + Math.max(0, rows.readInt32BE(offset))),
    )
  })
}
