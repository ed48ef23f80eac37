import { sqlstates } from '../../../postgres/sqlstate.ts'
import { ConnectError, primaryKey } from '../../../protocol/index.ts'
import { quoteIdentifier } from '../../../postgres/quote.ts'
import { quoteTable, type TableName } from '../tables/identifiers.ts'
import { superfluousRows } from '../merge/merge-sql.ts'
import type { DestinationSession } from '../session.ts'
import { mergeOf } from '../merge/staging.ts'
import { streamTarget } from '../tables/stream-target.ts'
import { readTable } from '../tables/table-columns.ts'
import {
  type ComparedColumn,
  type Comparison,
  countSql,
  metQuery,
  type RowCountsRow,
} from './compare-rows.ts'
import { countedRows } from './trial.ts'
import type { SandboxTable } from './prepare-sandbox.ts'
import { hiddenColumns } from './hidden-values.ts'
import { isForeseen, readCompared } from './production-columns.ts'
import { hideExamples, noExamples, rowExamples, type RowExamples } from './row-examples.ts'
import {
  type ColumnRows,
  countFates,
  countNulled,
  countReset,
  streamColumns,
} from './value-counts.ts'

/** The changes that a run would make to the rows of production. Null if a count is not known. */
export interface RowDiff {
  readonly insert: number | null
  readonly update: number | null
  readonly unchanged: number | null
  readonly delete: number | null
  /** Counts of a stream that was cut: a full run has at least this number of rows. */
  readonly atLeast: readonly RowCount[]
  /** Rows of the table as it is; null if there is none, or if they could not be counted. */
  readonly tableRows: TableRows | null
  /** Values that are there now and would be NULL. */
  readonly nulled: readonly ColumnRows[]
  /**
   * Values of columns that are not the stream's, which an overwrite replaces by what the column has by
   * default.
   */
  readonly reset: readonly ColumnRows[]
  readonly examples: RowExamples
  readonly warnings: readonly string[]
}

export type RowCount = 'insert' | 'update' | 'unchanged' | 'delete'

export interface TableRows {
  readonly rows: number
  /** False: the server's estimate. */
  readonly exact: boolean
}

export const unknownRows: RowDiff = {
  insert: null,
  update: null,
  unchanged: null,
  delete: null,
  atLeast: [],
  tableRows: null,
  nulled: [],
  reset: [],
  examples: noExamples,
  warnings: [],
}

/**
 * Compares what a sandbox loaded with production, on the server. `isComplete`: the stream was read to its
 * end. One that was cut is compared as far as it came; what an overwrite would delete is then unknown.
 */
export async function diffRows(
  session: DestinationSession,
  stream: SandboxTable,
  { isComplete }: { readonly isComplete: boolean },
): Promise<RowDiff> {
  try {
    const tableRows = await countTable(session, stream)
    const diff = await compare(session, stream, isComplete)
    const examples = hideExamples(diff.examples, hiddenColumns(stream))
    return { ...diff, examples, tableRows, atLeast: isComplete ? [] : lowerBounds(stream) }
  } catch (error) {
    if (!(error instanceof ConnectError) || error.details.sqlstate !== sqlstates.queryCanceled)
      throw error
    const warning = 'Comparing with the table took too long: the changes to its rows are not known'
    return { ...unknownRows, warnings: [warning] }
  }
}

/**
 * The rest of a stream may insert and change more. It deletes rows if its records say so; for an overwrite
 * nobody knows.
 */
function lowerBounds({ production }: SandboxTable): readonly RowCount[] {
  const { plan, sink, target } = production
  if (plan.actual === undefined || sink.mode === 'append') return ['insert']
  const mayDelete = sink.deletes === 'hard' && target.deletedAt !== undefined && !target.isOverwrite
  return ['insert', 'update', 'unchanged', ...(mayDelete ? (['delete'] as const) : [])]
}

/** 8,192 bytes each: a smaller table is counted in a moment. */
const countedPages = 10_000

async function countTable(
  session: DestinationSession,
  { production }: SandboxTable,
): Promise<TableRows | null> {
  if (production.plan.actual === undefined) return null
  const table = quoteTable(production.target.table)
  const [size] = await session.rows<{ kind: string; pages: number; estimate: number }>(
    `SELECT relkind::text AS kind, (pg_relation_size(oid) / 8192)::int AS pages, reltuples::float8 AS estimate
       FROM pg_class WHERE oid = $1::regclass`,
    [table],
  )
  if (size === undefined) return null
  if (size.pages <= countedPages && size.kind === 'r')
    return { rows: await countRows(session, table), exact: true }
  // The sizes of partitions are not in that of their table.
  return size.estimate < 0 ? null : { rows: Math.round(size.estimate), exact: false }
}

/** Where the sandbox has the stream's rows: an overwrite that was cut leaves them in the stage. */
export function loadedTable({ sink, table }: SandboxTable, isComplete: boolean): TableName {
  return isComplete ? table : streamTarget(sink, table.schema).loaded
}

async function compare(
  session: DestinationSession,
  stream: SandboxTable,
  isComplete: boolean,
): Promise<RowDiff> {
  const { production } = stream
  const after = loadedTable(stream, isComplete)
  const isNew = production.plan.actual === undefined
  if (isNew || production.sink.mode === 'append') {
    const insert = await countRows(session, quoteTable(after))
    return { ...unknownRows, insert, update: 0, unchanged: 0, delete: 0 }
  }
  if (stream.before !== undefined) return compareMerged(session, stream, stream.before)
  return compareOverwrite(session, stream, { after, isComplete })
}

async function compareMerged(
  session: DestinationSession,
  stream: SandboxTable,
  before: TableName,
): Promise<RowDiff> {
  const columns = await readCompared(session, stream.table)
  const key = keyOf(columns, stream.production.target.key)
  const comparison = { after: stream.table, before: quoteTable(before), key, columns }
  const counts = await count(session, comparison)
  const duplicates = await countSuperfluous(session, stream)
  const nulled = await countFates(session, comparison, {
    fate: counts.update > 0 ? 'nulled' : 'none',
    names: columns.map(({ name }) => name),
  })
  const examined = { ...comparison, met: comparison.before, hasNullKeys: true }
  return {
    ...counts,
    delete: counts.gone + duplicates,
    ...unknownRest,
    nulled,
    examples: await rowExamples(session, examined, counts),
    warnings:
      duplicates === 0
        ? []
        : [
            `The table has no key yet: the run first deletes ${countedRows(duplicates)} whose key a newer row has`,
          ],
  }
}

/** The fields that `diffRows` adds. */
const unknownRest = { atLeast: [], tableRows: null, reset: [] } as const

async function compareOverwrite(
  session: DestinationSession,
  stream: SandboxTable,
  { after, isComplete }: { readonly after: TableName; readonly isComplete: boolean },
): Promise<RowDiff> {
  const { production } = stream
  const own = streamColumns(production)
  const unforeseen = new Set(own.filter((column) => !isForeseen(column)).map(({ name }) => name))
  const all = await readCompared(session, stream.table)
  const columns = all.filter(({ name }) => !unforeseen.has(name))
  const key = keyOf(columns, overwriteKey(stream))
  const from = quoteTable(production.target.table)
  const before = `(SELECT ${expressions(stream)} FROM ${from} p)`
  // A stage has the stream's columns only.
  const comparison = { after: await sameShape(session, stream, after), before, key, columns }
  const hasNullKeys = key !== undefined && (await hasNulls(session, after, key))
  const met = { ...comparison, before: metQuery({ ...comparison, hasNullKeys }) }
  const counts = await count(session, met)
  const matched = counts.update + counts.unchanged
  const gone = isComplete ? (await countRows(session, from)) - matched : null
  const examined = { ...comparison, met: met.before, hasNullKeys }
  return {
    ...counts,
    delete: gone,
    ...unknownRest,
    nulled: await countNulled(session, stream, {
      met,
      columns,
      isComplete,
      updates: counts.update,
    }),
    reset: isComplete || key !== undefined ? await countReset(session, stream, met) : [],
    examples: await rowExamples(session, examined, { ...counts, gone }),
    warnings: [],
  }
}

/**
 * A dedup mode's own key; else the stream's, by which people know the row, though the mode does not use it.
 */
function overwriteKey({ production }: SandboxTable): readonly string[] | undefined {
  const { target, sink } = production
  if (target.key !== undefined) return target.key
  const paths = primaryKey(sink.stream) ?? []
  const names = paths.map(([field, ...nested]) =>
    nested.length > 0 ? undefined : target.columns.find((column) => column.field === field)?.name,
  )
  const known = names.filter((name) => name !== undefined)
  return known.length === names.length && known.length > 0 ? known : undefined
}

function expressions({ columns }: SandboxTable): string {
  return columns
    .map(({ name, expression }) => `${expression} AS ${quoteIdentifier(name)}`)
    .join(', ')
}

/**
 * A stage that was cut has not the columns that the source has no more: they get what the table has by
 * default, as in the swap.
 */
export async function sameShape(
  session: DestinationSession,
  { table }: SandboxTable,
  after: TableName,
): Promise<TableName> {
  if (after.table === table.table) return after
  const [whole, stage] = [await readShape(session, table), await readTable(session, after)]
  const missing = whole.filter(({ name }) => stage?.has(name) !== true)
  if (missing.length > 0) {
    const actions = missing.map(({ name, type, fill }) => {
      const filled = fill === null ? '' : ` DEFAULT ${fill}`
      return `ADD COLUMN ${quoteIdentifier(name)} ${type}${filled}`
    })
    await session.rows(`ALTER TABLE ${quoteTable(after)} ${actions.join(', ')}`)
  }
  return after
}

async function readShape(
  session: DestinationSession,
  table: TableName,
): Promise<{ readonly name: string; readonly type: string; readonly fill: string | null }[]> {
  return session.rows(
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type, pg_get_expr(adbin, adrelid) AS fill
       FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
      WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [quoteTable(table)],
  )
}

function keyOf(
  columns: readonly ComparedColumn[],
  names: readonly string[] | undefined,
): readonly ComparedColumn[] | undefined {
  return names && columns.filter(({ name }) => names.includes(name))
}

async function count(
  session: DestinationSession,
  comparison: Comparison,
): Promise<{ insert: number; update: number; unchanged: number; gone: number }> {
  const [row] = await session.rows<RowCountsRow & Record<string, string>>(countSql(comparison))
  return {
    insert: Number(row?.insert),
    update: Number(row?.update),
    unchanged: Number(row?.unchanged),
    gone: Number(row?.gone),
  }
}

/** Rows that a run removes when it makes the index of the key. */
async function countSuperfluous(
  session: DestinationSession,
  stream: SandboxTable,
): Promise<number> {
  const { production, table } = stream
  const { target, hasKeyIndex, sink } = production
  if (hasKeyIndex) return 0
  const actual = (await readTable(session, table)) ?? new Map()
  const merge = mergeOf(target, table, {
    actual,
    columns: [],
    deletes: sink.deletes,
    hasNullKeys: true,
    hasRepeatedKeys: true,
  })
  const from = `(SELECT ${expressions(stream)}, p.tableoid AS tableoid, p.ctid AS ctid FROM ${quoteTable(target.table)} p)`
  return countRows(session, `(${superfluousRows(merge, from)})`)
}

async function hasNulls(
  session: DestinationSession,
  table: TableName,
  key: readonly ComparedColumn[],
): Promise<boolean> {
  const isNull = key.map(({ name }) => `${quoteIdentifier(name)} IS NULL`).join(' OR ')
  const [row] = await session.rows<{ found: boolean }>(
    `SELECT EXISTS (SELECT FROM ${quoteTable(table)} WHERE ${isNull}) AS found`,
  )
  return row?.found === true
}

async function countRows(session: DestinationSession, from: string): Promise<number> {
  const [row] = await session.rows<{ rows: string }>(`SELECT count(*) AS rows FROM ${from} counted`)
  return Number(row?.rows)
}
