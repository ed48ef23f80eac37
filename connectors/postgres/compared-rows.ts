import { HashedRowsReader, rowsOfIdsSql, type HashedRows } from '../../postgres/compared-rows.ts'
import { quoteIdentifier } from '../../postgres/quote.ts'
import type {
  ComparedField,
  ComparedRows,
  KeyRange,
  LeftOutField,
  RowComparison,
  TableColumnType,
  TableField,
} from '../../protocol/comparison.ts'
import type { ComparedSource, CursorBounds, SourceRows } from '../connector.ts'
import { operatorOf, typedLiteral } from './column-types.ts'
import { comparedExpression, comparedForm } from './compared-form.ts'
import { rangeBounds } from './range-bounds.ts'
import type { SourceSession } from './session.ts'
import type { SourceColumn, StreamSource } from './stream-source.ts'

interface Opened {
  readonly session: SourceSession
  readonly source: StreamSource
  readonly request: ComparedSource
  readonly encoding: string
  readonly estimatedRows: number
  close(): Promise<void>
}

/** The rows of a stream in the snapshot of a session, which it owns. */
export class PostgresSourceRows implements SourceRows {
  readonly fields: readonly ComparedField[]
  readonly leftOut: readonly LeftOutField[]
  readonly estimatedRows: number
  readonly orderedKey: string | undefined
  readonly hasUniqueKey: boolean
  readonly #opened: Opened
  /** By the names of the fields at the destination. */
  readonly #columns: ReadonlyMap<string, { column: SourceColumn; table: TableField }>

  constructor(opened: Opened) {
    this.#opened = opened
    this.estimatedRows = opened.estimatedRows
    const { source, request } = opened
    const pairs = source.columns.flatMap((column, index) => {
      const table = request.table[index]
      return table === undefined ? [] : [{ column, table }]
    })
    this.#columns = new Map(pairs.map((pair) => [pair.table.field.name, pair]))
    const fields: ComparedField[] = []
    const leftOut: LeftOutField[] = []
    for (const { column, table } of pairs) {
      const found = comparedForm(column, table)
      const field = table.field.name
      if ('form' in found) fields.push({ field, form: found.form })
      else leftOut.push({ field, ...found })
    }
    this.fields = fields
    this.leftOut = leftOut
    this.hasUniqueKey = hasUniqueKey(source, this.#keyColumns(request.key))
    this.orderedKey = this.#findOrderedKey()
  }

  comparing(comparison: RowComparison): ComparedRows {
    return new HashedRowsReader<KeyRange>({
      query: (sql) => this.#rows(sql),
      rowsIn: (range) => this.#hashedRows(comparison, range),
    })
  }

  async rangeBounds(ranges: number): Promise<readonly string[]> {
    const { session, source, estimatedRows } = this.#opened
    const column = this.#columns.get(this.orderedKey ?? '')?.column
    if (column === undefined) return []
    const ofFirst = { ...source, key: [column] }
    const bounds = await rangeBounds(session, ofFirst, { ranges, rows: estimatedRows })
    return bounds.flatMap(([bound]) => bound ?? [])
  }

  async cursorBounds(
    comparison: RowComparison,
    { scope, ids, known }: Parameters<SourceRows['cursorBounds']>[1],
  ): Promise<CursorBounds | undefined> {
    const column = this.#cursor()
    if (column === undefined) return known
    const value = { name: 'value', expression: quoteIdentifier(column.name) }
    const rows = rowsOfIdsSql(this.#hashedRows(comparison, scope.range), ids, [value])
    const more = known === undefined ? [] : [known.from, known.to]
    const given = more
      .map((text) => `UNION ALL SELECT ${typedLiteral(text, column.type)}`)
      .join(' ')
    const end = (direction: 'ASC' | 'DESC'): string =>
      `(SELECT v.value FROM (SELECT c.value FROM (${rows}) c ${given}) v WHERE v.value IS NOT NULL
        ORDER BY v.value ${direction} LIMIT 1)::pg_catalog.text`
    const [found] = await this.#rows<{ from: string | null; to: string | null }>(
      `SELECT ${end('ASC')} AS "from", ${end('DESC')} AS "to"`,
    )
    return found?.from == null || found.to === null ? known : { from: found.from, to: found.to }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#opened.close()
  }

  #rows<R extends Record<string, unknown>>(sql: string): Promise<R[]> {
    const { session, source } = this.#opened
    return session.userRows<R>(sql, { stream: source.name })
  }

  #keyColumns(fields: readonly string[]): readonly SourceColumn[] {
    return fields.flatMap((field) => this.#columns.get(field)?.column ?? [])
  }

  #cursor(): SourceColumn | undefined {
    const { source, request } = this.#opened
    const [cursor] = request.stream.cursor_field ?? []
    return source.columns.find(({ name }) => name === cursor)
  }

  /** The first column of the key, if an index has its order and the table there has the same order. */
  #findOrderedKey(): string | undefined {
    const { source, request } = this.#opened
    const [field = ''] = request.key
    const { column, table } = this.#columns.get(field) ?? {}
    const isIndexed = column?.name === source.table.key[0] && source.table.kind !== 'v'
    const isSame =
      table?.type !== undefined && column !== undefined && isSameOrder(column, table.type)
    return isIndexed && isSame && this.fields.some((other) => other.field === field)
      ? field
      : undefined
  }

  #hashedRows({ fields, key, hash }: RowComparison, range: KeyRange): HashedRows {
    const { source, request, encoding } = this.#opened
    const expressions = new Map(
      fields.flatMap(({ field, form }) => {
        const known = this.#columns.get(field)
        if (known === undefined) return []
        const { column, table } = known
        return [[field, comparedExpression(column, { form, field: table.field })] as const]
      }),
    )
    const list = (names: readonly string[]): string[] =>
      names.flatMap((name) => expressions.get(name) ?? [])
    const isRepeated = request.key.length > 0 && request.mergesKeys && !this.hasUniqueKey
    const conditions = this.#conditions(range)
    return {
      from: isRepeated ? this.#newestRows(conditions) : source.from,
      conditions: isRepeated ? [] : conditions,
      key: list(key),
      values: list(fields.map(({ field }) => field)),
      hash,
      encoding,
    }
  }

  #conditions({ from, to }: KeyRange): string[] {
    const { source, request } = this.#opened
    const deletedAt = request.leavesDeletedOut
      ? source.columns.find(({ name }) => name === '_ab_cdc_deleted_at')
      : undefined
    const column = this.#columns.get(this.orderedKey ?? '')?.column
    return [
      ...(source.where === undefined ? [] : [source.where]),
      ...(deletedAt === undefined ? [] : [`${quoteIdentifier(deletedAt.name)} IS NULL`]),
      ...(column === undefined ? [] : boundConditions(column, { from, to })),
    ]
  }

  /** The load keeps the row of a key with the highest cursor. */
  #newestRows(conditions: readonly string[]): string {
    const { source, request } = this.#opened
    const key = this.#keyColumns(request.key)
      .map(({ name }) => quoteIdentifier(name))
      .join(', ')
    const cursor = this.#cursor()
    const newest = cursor === undefined ? '' : `, ${quoteIdentifier(cursor.name)} DESC NULLS LAST`
    const columns = source.table.columns.map(({ name }) => quoteIdentifier(name)).join(', ')
    const where = conditions.map((condition) => `(${condition})`).join(' AND ')
    return `(SELECT DISTINCT ON (${key}) ${columns} FROM ${source.from}${where === '' ? '' : ` WHERE ${where}`} ORDER BY ${key}${newest}) n`
  }
}

function hasUniqueKey({ table }: StreamSource, key: readonly SourceColumn[]): boolean {
  const names = key.map(({ name }) => name)
  return table.key.length > 0 && table.key.every((name) => names.includes(name))
}

function boundConditions({ name, type }: SourceColumn, { from, to }: KeyRange): string[] {
  const column = quoteIdentifier(name)
  return [
    ...(from === null ? [] : [`${column} ${operatorOf(type, '>=')} ${typedLiteral(from, type)}`]),
    ...(to === null
      ? []
      : [
          `${column} ${operatorOf(type, '<')} ${typedLiteral(to, type)}${from === null ? ` OR ${column} IS NULL` : ''}`,
        ]),
  ]
}

const numbers = ['int2', 'int4', 'int8', 'numeric']
const ordered = ['uuid', 'date', 'timestamp', 'timestamptz', 'time', 'bytea', 'oid']

function isSameOrder({ type }: SourceColumn, there: TableColumnType): boolean {
  if (type.schema !== 'pg_catalog' || !there.isBuiltIn || type.isArray || there.isArray)
    return false
  if (numbers.includes(type.name)) return numbers.includes(there.name)
  return ordered.includes(type.name) && type.name === there.name
}
