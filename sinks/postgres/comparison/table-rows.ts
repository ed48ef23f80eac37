import { type HashedRows, HashedRowsReader, outputText } from '../../../postgres/compared-rows.ts'
import { quoteIdentifier, quoteLiteral } from '../../../postgres/quote.ts'
import type {
  ComparedForm,
  ComparedRows,
  KeyRange,
  RowComparison,
  TableColumnType,
  TableField,
} from '../../../protocol/comparison.ts'
import type { TableRows } from '../../sink.ts'
import type { DestinationSession } from '../session.ts'
import { quoteTable } from '../tables/identifiers.ts'
import type { ComparedTable } from './compared-table.ts'

interface OpenTable {
  readonly session: DestinationSession
  readonly table: ComparedTable
  readonly encoding: string
  close(): Promise<void>
}

/** The rows of a table in the snapshot of a session, which it owns. */
export class PostgresTableRows implements TableRows {
  readonly table: string
  readonly fields: readonly TableField[]
  readonly rejected: number
  readonly #open: OpenTable
  /** The names of the columns, by their fields. */
  readonly #names: ReadonlyMap<string, string>

  constructor(open: OpenTable) {
    const { name, fields, rejected, target } = open.table
    this.table = quoteTable(name)
    this.fields = fields
    this.rejected = rejected
    this.#open = open
    this.#names = new Map(target.columns.map((column) => [column.field, column.name]))
  }

  comparing(comparison: RowComparison, orderedKey: string | undefined): ComparedRows {
    const { session, table } = this.#open
    const hasNotes = table.types.has('_airbyte_meta')
    return new HashedRowsReader<KeyRange>({
      query: (sql) => session.rows(sql),
      rowsIn: (range) => this.#hashedRows(comparison, { orderedKey, range }),
      ...(hasNotes && { noted: notedFields }),
    })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#open.close()
  }

  #hashedRows(
    { fields, key, hash }: RowComparison,
    { orderedKey, range }: { readonly orderedKey: string | undefined; readonly range: KeyRange },
  ): HashedRows {
    const { table, encoding } = this.#open
    const expressions = new Map(
      fields.flatMap(({ field, form }) => {
        const column = this.#column(field)
        return column === undefined ? [] : [[field, expressionOf(form, column)] as const]
      }),
    )
    const list = (names: readonly string[]): string[] =>
      names.flatMap((name) => expressions.get(name) ?? [])
    const conditions = [
      ...this.#withoutDeleted(),
      ...(orderedKey === undefined ? [] : this.#boundConditions(orderedKey, range)),
    ]
    const isVersioned = table.versionKey.length > 0
    return {
      from: isVersioned ? this.#newestVersions(conditions) : this.table,
      conditions: isVersioned ? this.#newestWithoutDeleted() : conditions,
      key: list(key),
      values: list(fields.map(({ field }) => field)),
      hash,
      encoding,
    }
  }

  #column(field: string): Column | undefined {
    const name = this.#names.get(field)
    const type = name === undefined ? undefined : this.#open.table.types.get(name)
    if (name === undefined || type === undefined) return undefined
    return { quoted: quoteIdentifier(name), type }
  }

  /** In a dedup mode, a row that was deleted at the source may stay with its last values. */
  #withoutDeleted(): string[] {
    const { mode, target, types } = this.#open.table
    const isMerged = mode === 'append_dedup' || mode === 'overwrite_dedup'
    const { deletedAt } = target
    if (!isMerged || deletedAt === undefined || !types.has(deletedAt)) return []
    return [`${quoteIdentifier(deletedAt)} IS NULL`]
  }

  /** The newest version of a row of changes may be its deletion. */
  #newestWithoutDeleted(): string[] {
    const { deletedAt, hasSweeps } = this.#open.table.target
    return hasSweeps && deletedAt !== undefined ? [`${quoteIdentifier(deletedAt)} IS NULL`] : []
  }

  /** A record without a key says that all older ones are gone (merge/sweep.ts). */
  #withoutSwept(key: string): string[] {
    const { target, cursor } = this.#open.table
    const column = cursor === undefined ? undefined : this.#column(cursor)
    if (!target.hasSweeps || target.deletedAt === undefined || column === undefined) return []
    const isSweep = `ROW(${key}) IS NULL AND ${quoteIdentifier(target.deletedAt)} IS NOT NULL`
    const bound = `SELECT max(${column.quoted}) FROM ${quoteTable(target.table)} WHERE ${isSweep}`
    return [`coalesce(${column.quoted} > (${bound}), true)`]
  }

  #boundConditions(field: string, { from, to }: KeyRange): string[] {
    const column = this.#column(field)
    if (column === undefined) return []
    const { quoted, type } = column
    const bound = (text: string): string =>
      `${quoteLiteral(text)}::pg_catalog.${quoteIdentifier(type.name)}`
    return [
      ...(from === null ? [] : [`${quoted} >= ${bound(from)}`]),
      ...(to === null
        ? []
        : [`${quoted} < ${bound(to)}${from === null ? ` OR ${quoted} IS NULL` : ''}`]),
    ]
  }

  /** The newest by the cursor, then by the time of its extraction. */
  #newestVersions(conditions: readonly string[]): string {
    const { target, types, versionKey, fields } = this.#open.table
    const key = versionKey.flatMap((field) => this.#column(field)?.quoted ?? []).join(', ')
    const cursor = this.#open.table.cursor
    const column = cursor === undefined ? undefined : this.#column(cursor)
    const isText = fields.some(({ field }) => field.name === cursor && field.kind === 'string')
    const collation = isText && column?.type.name === 'text' ? ' COLLATE "C"' : ''
    const order = [
      ...(column === undefined ? [] : [`${column.quoted}${collation} DESC NULLS LAST`]),
      ...(types.has('_airbyte_extracted_at') ? ['_airbyte_extracted_at DESC NULLS LAST'] : []),
      'ctid DESC',
    ]
    const where = [...conditions, ...this.#withoutSwept(key)]
      .map((condition) => `(${condition})`)
      .join(' AND ')
    return `(SELECT DISTINCT ON (${key}) * FROM ${quoteTable(target.table)}${where === '' ? '' : ` WHERE ${where}`}
      ORDER BY ${key}, ${order.join(', ')}) n`
  }
}

interface Column {
  readonly quoted: string
  readonly type: TableColumnType
}

const notedFields = `(CASE WHEN jsonb_typeof(_airbyte_meta -> 'changes') = 'array'
  THEN ARRAY(SELECT c.value ->> 'field' FROM jsonb_array_elements(_airbyte_meta -> 'changes') c) END)`

/** The column in the form, as SQL on the pinned search path. */
function expressionOf(form: ComparedForm, { quoted, type }: Column): string {
  const isFloat = type.name === 'float4' || type.name === 'float8'
  switch (form) {
    case 'unpadded':
      return `rtrim(${outputText(quoted)}, ' ')`
    case 'amount':
      return type.name === 'money' ? `${quoted}::numeric` : quoted
    case 'numeric':
      return `trim_scale(${isFloat ? outputText(quoted) : quoted}::numeric)`
    case 'own':
    case 'jsonb':
    case 'timestamp':
    case 'timestamptz':
      return quoted
  }
}
