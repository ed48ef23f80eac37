import { ConnectError } from '../../../protocol/index.ts'
import { quoteIdentifier, quoteTable, type TableName } from '../identifiers.ts'
import { superfluousRows } from '../merge-sql.ts'
import type { Session } from '../session.ts'
import { mergeOf } from '../staging.ts'
import { streamTarget } from '../stream-target.ts'
import { metadataColumns, readTable } from '../tables.ts'
import {
  countSql,
  metQuery,
  nulledSql,
  type ComparedColumn,
  type Comparison,
  type RowCountsRow,
} from './compare-rows.ts'
import type { SandboxTable } from './prepare-sandbox.ts'

/** What a run would do to the rows of production. Null where it is not known. */
export interface RowDiff {
  readonly insert: number | null
  readonly update: number | null
  readonly unchanged: number | null
  readonly delete: number | null
  /** Values that are there now and would be NULL. */
  readonly nulled: readonly { readonly column: string; readonly rows: number }[]
  readonly warnings: readonly string[]
}

export const unknownRows: RowDiff = {
  insert: null,
  update: null,
  unchanged: null,
  delete: null,
  nulled: [],
  warnings: [],
}

/** query_canceled: the comparison took longer than it may. */
const timedOut = '57014'

/**
 * Compares what a sandbox loaded with production, on the server. `isComplete`: the stream was read to its end. One that was cut is
 * compared as far as it came; what an overwrite would delete is then unknown.
 */
export async function diffRows(
  session: Session,
  stream: SandboxTable,
  { isComplete }: { readonly isComplete: boolean },
): Promise<RowDiff> {
  try {
    return await compare(session, stream, isComplete)
  } catch (error) {
    if (!(error instanceof ConnectError) || error.details.sqlstate !== timedOut) throw error
    const warning = 'Comparing with the table took too long: what happens to its rows is not known'
    return { ...unknownRows, warnings: [warning] }
  }
}

/** Where the sandbox has the stream's rows: an overwrite that was cut leaves them in the stage. */
export function loadedTable({ sink, table }: SandboxTable, isComplete: boolean): TableName {
  return isComplete ? table : streamTarget(sink, table.schema).loaded
}

async function compare(
  session: Session,
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
  session: Session,
  stream: SandboxTable,
  before: TableName,
): Promise<RowDiff> {
  const columns = await readCompared(session, stream.table)
  const key = keyOf(columns, stream.production.target.key)
  const comparison = { after: stream.table, before: quoteTable(before), key, columns }
  const counts = await count(session, comparison)
  const duplicates = await countSuperfluous(session, stream)
  const nulled = await countNulled(session, comparison, counts.update)
  return {
    ...counts,
    delete: counts.gone + duplicates,
    nulled,
    warnings:
      duplicates === 0
        ? []
        : [
            `The table has no key yet: the run first deletes ${duplicates} rows whose key a newer row has`,
          ],
  }
}

async function compareOverwrite(
  session: Session,
  stream: SandboxTable,
  { after, isComplete }: { readonly after: TableName; readonly isComplete: boolean },
): Promise<RowDiff> {
  const { production } = stream
  // The new rows name the stream's columns; another that fills itself has then a value that nobody knows yet.
  const fillsItself = new Set(
    production.columns.flatMap(({ name, fillsItself: fills }) =>
      fills && !production.target.columns.some((column) => column.name === name) ? [name] : [],
    ),
  )
  const all = await readCompared(session, stream.table)
  const columns = all.filter(({ name }) => !fillsItself.has(name))
  const key = keyOf(columns, overwriteKey(stream))
  const from = quoteTable(production.target.table)
  const before = `(SELECT ${expressions(stream)} FROM ${from} p)`
  // A stage has the stream's columns only.
  const comparison = { after: await sameShape(session, stream, after), before, key, columns }
  const hasNullKeys = key !== undefined && (await hasNulls(session, after, key))
  const met = { ...comparison, before: metQuery({ ...comparison, hasNullKeys }) }
  const counts = await count(session, met)
  const matched = counts.update + counts.unchanged
  const nulled = isComplete && key === undefined ? await countDropped(session, stream, columns) : []
  return {
    ...counts,
    delete: isComplete ? (await countRows(session, from)) - matched : null,
    nulled: key === undefined ? nulled : await countNulled(session, met, counts.update),
    warnings: [],
  }
}

/** A dedup mode's own key; else the stream's, by which people know the row, though the mode does not use it. */
function overwriteKey({ production }: SandboxTable): readonly string[] | undefined {
  const { target, sink } = production
  if (target.key !== undefined) return target.key
  const { primary_key: configured = [], stream } = sink.stream
  const paths = configured.length > 0 ? configured : (stream.source_defined_primary_key ?? [])
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

/** A stage that was cut has not the columns that the source has no more: they get NULLs, as in the swap. */
async function sameShape(
  session: Session,
  { table }: SandboxTable,
  after: TableName,
): Promise<TableName> {
  if (after.table === table.table) return after
  const [whole, stage] = [await readCompared(session, table), await readTable(session, after)]
  const missing = whole.filter(({ name }) => stage?.has(name) !== true)
  if (missing.length > 0) {
    const actions = missing.map(({ name, type }) => `ADD COLUMN ${quoteIdentifier(name)} ${type}`)
    await session.run(`ALTER TABLE ${quoteTable(after)} ${actions.join(', ')}`)
  }
  return after
}

/** All columns but those of the metadata, which every run changes. */
async function readCompared(session: Session, table: TableName): Promise<ComparedColumn[]> {
  const columns = await session.rows<{ name: string; type: string }>(
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type
       FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [quoteTable(table)],
  )
  const metadata = new Set(metadataColumns('full').map(([name]) => name))
  return columns.filter(({ name }) => !metadata.has(name))
}

function keyOf(
  columns: readonly ComparedColumn[],
  names: readonly string[] | undefined,
): readonly ComparedColumn[] | undefined {
  return names && columns.filter(({ name }) => names.includes(name))
}

async function count(
  session: Session,
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

async function countNulled(
  session: Session,
  comparison: Comparison,
  updates: number,
): Promise<RowDiff['nulled']> {
  if (updates === 0 || comparison.key === undefined) return []
  const [row] = await session.rows<Record<string, string>>(nulledSql(comparison, comparison.key))
  return comparison.columns
    .map(({ name }, index) => ({ column: name, rows: Number(row?.[`c${index}`]) }))
    .filter(({ rows }) => rows > 0)
}

/** Values of columns that the source has no more: an overwrite leaves none of them. */
async function countDropped(
  session: Session,
  { production }: SandboxTable,
  columns: readonly ComparedColumn[],
): Promise<RowDiff['nulled']> {
  const dropped = columns.filter(
    ({ name }) => !production.target.columns.some((column) => column.name === name),
  )
  if (dropped.length === 0) return []
  const counts = dropped.map(
    ({ name }, index) => `count(${quoteIdentifier(name)})::text AS c${index}`,
  )
  const [row] = await session.rows<Record<string, string>>(
    `SELECT ${counts.join(', ')} FROM ${quoteTable(production.target.table)}`,
  )
  return dropped
    .map(({ name }, index) => ({ column: name, rows: Number(row?.[`c${index}`]) }))
    .filter(({ rows }) => rows > 0)
}

/** Rows that a run removes when it makes the index of the key. */
async function countSuperfluous(session: Session, stream: SandboxTable): Promise<number> {
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
  session: Session,
  table: TableName,
  key: readonly ComparedColumn[],
): Promise<boolean> {
  const isNull = key.map(({ name }) => `${quoteIdentifier(name)} IS NULL`).join(' OR ')
  const [row] = await session.rows<{ found: boolean }>(
    `SELECT EXISTS (SELECT FROM ${quoteTable(table)} WHERE ${isNull}) AS found`,
  )
  return row?.found === true
}

async function countRows(session: Session, from: string): Promise<number> {
  const [row] = await session.rows<{ rows: string }>(`SELECT count(*) AS rows FROM ${from} counted`)
  return Number(row?.rows)
}
