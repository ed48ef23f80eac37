import { ConnectError } from '../../../protocol/index.ts'
import { operatorSchemaOf } from '../../../postgres/search-path.ts'
import {
  actualTypeOf,
  catalogType,
  columnTypeOf,
  conversion,
  widenedSourceType,
  widenedType,
  type ActualType,
  type HeldColumn,
  type HeldType,
  type WideType,
} from './column-types.ts'
import { findColumnInUse, refusedChange } from './column-uses.ts'
import type { Metadata } from '../../sink.ts'
import { quoteIdentifier } from '../../../postgres/quote.ts'
import { quoteTable, type TableName } from './identifiers.ts'
import { primaryKeyConstraint } from './primary-key.ts'
import type { DestinationSession } from '../session.ts'
import { holdsAll, type SourceType } from './source-types.ts'
import type { StreamTarget, TargetColumn } from './stream-target.ts'

/** Airbyte's columns: minimal metadata is the first two. */
const metadataTypes = {
  _airbyte_extracted_at: 'timestamptz',
  _airbyte_generation_id: 'bigint',
  _airbyte_raw_id: 'uuid',
  _airbyte_meta: 'jsonb',
} as const

/** Columns of a table in the database, by name, in their order. */
export type TableColumns = ReadonlyMap<string, HeldColumn>

/** The table that a stream needs. */
export interface WantedTable {
  readonly name: TableName
  readonly columns: readonly TargetColumn[]
  readonly metadata: Metadata
  /** Columns of the key; undefined if rows are only appended. */
  readonly key?: readonly string[] | undefined
  /** See StreamTarget. */
  readonly hasSourceTypes?: StreamTarget['hasSourceTypes']
  readonly primaryKey?: StreamTarget['primaryKey']
}

interface TableRow extends Record<string, unknown> {
  readonly number: number
  readonly relkind: string
  readonly oid: string
  readonly name: string | null
  readonly typeOid: number | null
  readonly type: string
}

/** Undefined if there is no such table. */
export async function readTable(
  session: DestinationSession,
  name: TableName,
): Promise<TableColumns | undefined> {
  const [table] = await readTables(session, [name])
  return table
}

/** The same of several in one round trip. */
export async function readTables(
  session: DestinationSession,
  names: readonly TableName[],
): Promise<readonly (TableColumns | undefined)[]> {
  const rows = await session.rows<TableRow>(
    `SELECT w.number::int, c.relkind, c.oid::text, a.attname AS name, a.atttypid::int8::float8 AS "typeOid", format_type(a.atttypid, a.atttypmod) AS type
       FROM unnest($1::name[], $2::name[]) WITH ORDINALITY AS w (nspname, relname, number)
       JOIN pg_namespace n USING (nspname) JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.relname
       LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      ORDER BY w.number, a.attnum`,
    [names.map(({ schema }) => schema), names.map(({ table }) => table)],
  )
  const tables: (TableColumns | undefined)[] = []
  for (const [index, name] of names.entries())
    tables.push(
      await tableOf(
        session,
        name,
        rows.filter(({ number }) => number === index + 1),
      ),
    )
  return tables
}

async function tableOf(
  session: DestinationSession,
  name: TableName,
  rows: readonly TableRow[],
): Promise<TableColumns | undefined> {
  const [first] = rows
  if (first === undefined) return undefined
  if (first.relkind !== 'r' && first.relkind !== 'p') {
    const kind = kinds[first.relkind] ?? 'something else'
    throw new ConnectError('destination_not_a_table', {
      details: { table: quoteTable(name), kind },
    })
  }
  const isUnusual = rows.some(({ typeOid }) => typeOid !== null && !catalogOrdered.has(typeOid))
  const unusual = isUnusual ? await readUnusual(session, first.oid) : new Map<string, HeldColumn>()
  return new Map(
    rows.flatMap(({ name: column, type, typeOid }) => {
      if (column === null || typeOid === null) return []
      const plain = { ...actualTypeOf(type), operators: 'pg_catalog' }
      const oids = { table: first.oid, type: typeOid }
      return [[column, { ...(unusual.get(column) ?? plain), formatted: type, oids }] as const]
    }),
  )
}

/**
 * Types with an order of the catalog's own (pg_type.dat): bool, bytea, int8, int2, int4, text, oid, float4,
 * float8, bpchar, date, time, timestamp, timestamptz, interval, timetz, numeric, uuid, jsonb. A table has
 * nothing else, usually, and is asked for in 0.3 ms instead of 3 (PostgreSQL 18, 2026-11).
 */
const catalogOrdered: ReadonlySet<number> = new Set([
  16, 17, 20, 21, 23, 25, 26, 700, 701, 1042, 1082, 1083, 1114, 1184, 1186, 1266, 1700, 2950, 3802,
])

interface UnusualType extends Record<string, unknown> {
  readonly name: string
  readonly operators: string
  /** The type that the column's domains are made of, or its own. */
  readonly base: string
  readonly isEnum: boolean
  /** A composite, or an array of elements that round or cut what they get. */
  readonly cuts: boolean
  readonly isPinned: boolean
}

/** Columns of other types than those. */
async function readUnusual(
  session: DestinationSession,
  table: string,
): Promise<ReadonlyMap<string, HeldColumn>> {
  const rows = await session.rows<UnusualType>(
    `SELECT a.attname AS name, ${operatorSchemaOf('b.oid')} AS operators, format_type(b.oid, b.typmod) AS base, t.typtype = 'e' AS "isEnum",
            t.typtype = 'c' OR t.typelem <> 0 AND (b.typmod <> -1 OR e.typtype IN ('c', 'd')
              OR e.typname IN ('name', 'char', 'bpchar', 'money', 'float4', 'oid')) AS cuts, b.pinned AS "isPinned"
       FROM pg_attribute a
       CROSS JOIN LATERAL (WITH RECURSIVE base AS (SELECT a.atttypid AS oid, a.atttypmod AS typmod, false AS pinned UNION ALL
          SELECT d.typbasetype, d.typtypmod, pinned OR d.typdefault IS NOT NULL
                 OR EXISTS (SELECT FROM pg_constraint WHERE contypid = d.oid AND contype = 'c')
            FROM base JOIN pg_type d ON d.oid = base.oid WHERE d.typtype = 'd') SELECT * FROM base) b
       JOIN pg_type t ON t.oid = b.oid LEFT JOIN pg_type e ON e.oid = t.typelem
      WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid <> ALL ($2::oid[]) AND t.typtype <> 'd'`,
    [table, [...catalogOrdered]],
  )
  return new Map(
    rows.map(({ name, operators, ...type }) => [name, { ...unusualType(type), operators }]),
  )
}

function unusualType({
  base,
  isEnum,
  cuts,
  isPinned,
}: Pick<UnusualType, 'base' | 'isEnum' | 'cuts' | 'isPinned'>): ActualType {
  const { held, limited } = actualTypeOf(base)
  if (held !== 'other') return { held, limited, isPinned }
  return { held: isEnum ? 'enum' : held, limited: cuts, isPinned }
}

const kinds: Readonly<Record<string, string>> = {
  c: 'a composite type',
  f: 'a foreign table',
  i: 'an index',
  I: 'an index',
  m: 'a materialized view',
  S: 'a sequence',
  v: 'a view',
}

/**
 * A table is a type too, so that no other type may have its name. The server itself moves the type of an
 * array away.
 */
export async function findTypeOfName(
  session: DestinationSession,
  name: TableName,
): Promise<ConnectError | undefined> {
  const [type] = await session.rows<{ typtype: string }>(
    `SELECT typtype FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace
      WHERE nspname = $1 AND typname = $2 AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)`,
    [name.schema, name.table],
  )
  if (type === undefined) return undefined
  const kind = type.typtype === 'd' ? 'a domain' : 'a type'
  return new ConnectError('destination_not_a_table', { details: { table: quoteTable(name), kind } })
}

/** The base type of a domain, through all domains in between; any other type is its own base type. */
export function baseType(oid: string): string {
  return `(WITH RECURSIVE base AS (SELECT ${oid} AS oid UNION ALL
    SELECT t.typbasetype FROM base JOIN pg_type t ON t.oid = base.oid WHERE t.typtype = 'd')
    SELECT base.oid FROM base JOIN pg_type t ON t.oid = base.oid WHERE t.typtype <> 'd')`
}

/** More columns than this make a row larger than 2 KB, though each of its values is small. */
const manyColumns = 64

/**
 * The storage parameters of a new table with this number of columns, as SQL. The server moves values of a row
 * above 2 KB out of it, one by one, until it is smaller: large ones, but 18 of 36 bytes just as well, each of
 * which costs more than a row. 200 columns, 50,000 rows: 6 s instead of 18 (bench/shapes, 2026-11).
 */
export function storageOf(columns: number): string {
  return columns > manyColumns ? 'WITH (toast_tuple_target = 8160)' : ''
}

/** Resolves with the names of its columns. */
export async function createTable(
  session: DestinationSession,
  wanted: WantedTable,
): Promise<ReadonlySet<string>> {
  const own = metadataColumns(wanted.metadata)
  const metadata = own.map(([column, type]) => `${column} ${catalogType(type)}`)
  const columns = wanted.columns.map(
    (column) => `${quoteIdentifier(column.name)} ${newType(column).sql}`,
  )
  const { name, primaryKey } = wanted
  const key = primaryKey === undefined ? [] : [primaryKeyConstraint(name, primaryKey)]
  await session.run(
    `CREATE TABLE ${quoteTable(name)} (\n  ${[...metadata, ...columns, ...key].join(',\n  ')}\n) ${storageOf(columns.length)}`,
  )
  return new Set([...own.map(([column]) => column), ...wanted.columns.map(({ name }) => name)])
}

/** Alters the table in place so that it takes the wanted columns: adds, widens, never drops. */
export async function evolveTable(
  session: DestinationSession,
  wanted: WantedTable,
  actual: TableColumns,
): Promise<void> {
  const changes = planTableChanges(wanted, actual)
  const refusal = await findChangeRefusal(session, wanted.name, changes)
  if (refusal !== undefined) throw refusal
  await alterTable(session, wanted.name, changes)
}

export async function alterTable(
  session: DestinationSession,
  name: TableName,
  changes: readonly TableChange[],
): Promise<void> {
  if (changes.length === 0) return
  const actions = changes.map(({ action }) => action).join(', ')
  try {
    await session.run(`ALTER TABLE ${quoteTable(name)} ${actions}`)
  } catch (error) {
    throw refusedChange(error, name, widenedBy(changes))
  }
}

/** `type` is what the column gets, `sql` the same for any search path, `action` is of ALTER TABLE. */
export type TableChange = {
  readonly column: string
  readonly type: string
  readonly sql: string
  readonly action: string
} & (
  | { readonly kind: 'add' }
  | {
      readonly kind: 'widen'
      /** One of our types; undefined for a type of the source, whose values stay as they are. */
      readonly wide: WideType | undefined
      /** The value of the (quoted) column in that type. */
      readonly convert: (column: string) => string
    }
)

/** Plans the changes for ALTER TABLE. */
export function planTableChanges(wanted: WantedTable, actual: TableColumns): TableChange[] {
  const changes: TableChange[] = []
  for (const [column, type] of metadataColumns(wanted.metadata)) {
    if (!actual.has(column)) changes.push(addition(column, column, ownType(type)))
  }
  for (const column of wanted.columns) {
    const existing = actual.get(column.name)
    if (existing === undefined) {
      changes.push(addition(column.name, quoteIdentifier(column.name), newType(column)))
      continue
    }
    const change = existing.isPinned === true ? undefined : wideningOf(wanted, column, existing)
    if (change !== undefined) changes.push(change)
  }
  return changes
}

function wideningOf(
  { key, hasSourceTypes = false }: WantedTable,
  column: TargetColumn,
  existing: HeldColumn,
): TableChange | undefined {
  const { name, kind, source } = column
  const fit = fitOf(existing, column)
  if (fit === 'fits') return undefined
  if (fit === 'widens' && source !== undefined)
    return retyping(name, source, {
      wide: undefined,
      convert: (value) => `${value}::${source.sql}`,
    })
  const wide = hasSourceTypes
    ? widenedSourceType(existing, kind)
    : widenedType(existing, kind, key?.includes(name))
  return wide && widening(name, existing.held, wide)
}

/**
 * How the source's type relates to that of an existing column. fits: the column takes each of its values as
 * it is. widens: the column is to get it, and keeps its own values. other: only a third type, if any, holds
 * the values of both.
 */
export function fitOf(
  { formatted, held }: HeldColumn,
  { source }: Pick<TargetColumn, 'source'>,
): 'fits' | 'widens' | 'other' {
  if (source === undefined) return 'other'
  const now = formatted ?? held
  if (holdsAll(now, source.formatted)) return 'fits'
  return holdsAll(source.formatted, now) ? 'widens' : 'other'
}

/** The type of a new column. */
export function newType({ kind, source }: TargetColumn): SourceType {
  return source ?? ownType(columnTypeOf(kind))
}

function ownType(type: string): SourceType {
  return { sql: catalogType(type), formatted: type }
}

/** The change that gives a column one of our types. */
export function widening(column: string, held: HeldType, wide: WideType): TableChange {
  return retyping(column, ownType(wide), {
    wide,
    convert: (value) => conversion(value, held, wide),
  })
}

/** The change that gives a column another type. */
export function retyping(
  column: string,
  { sql, formatted: type }: SourceType,
  how: Pick<Extract<TableChange, { kind: 'widen' }>, 'wide' | 'convert'>,
): TableChange {
  const quoted = quoteIdentifier(column)
  const action = `ALTER COLUMN ${quoted} TYPE ${sql} USING ${how.convert(quoted)}`
  return { kind: 'widen', column, type, sql, action, ...how }
}

function addition(column: string, quoted: string, { sql, formatted }: SourceType): TableChange {
  return { kind: 'add', column, type: formatted, sql, action: `ADD COLUMN ${quoted} ${sql}` }
}

/**
 * In the place of one that an earlier sync left. The stage has the sink's columns of the table with their
 * types: no index, default or constraint, no column of the user's.
 */
export async function createStage(
  session: DestinationSession,
  stage: TableName,
  from: { readonly table: TableName; readonly columns: readonly string[] },
): Promise<void> {
  const columns = from.columns.map(quoteIdentifier).join(', ')
  await session.run(
    // A merge changes rows of the stage. If a publication has all tables, it too needs a replica identity for
    // that.
    `DROP TABLE IF EXISTS ${quoteTable(stage)};
     CREATE TABLE ${quoteTable(stage)} ${storageOf(from.columns.length)} AS SELECT ${columns} FROM ${quoteTable(from.table)} WITH NO DATA;
     ALTER TABLE ${quoteTable(stage)} REPLICA IDENTITY FULL`,
  )
}

export async function hasRows(session: DestinationSession, name: TableName): Promise<boolean> {
  const [row] = await session.rows<{ filled: boolean }>(
    `SELECT EXISTS (SELECT FROM ${quoteTable(name)}) AS filled`,
  )
  return row?.filled === true
}

/**
 * Returns the additions of missing metadata columns, or of the columns of `minimal` if the metadata is
 * `none`. A table that has rows, but not these columns, may belong to somebody else.
 */
export function missingSigns(actual: TableColumns, metadata: Metadata): string[] {
  return metadataColumns(metadata === 'none' ? 'minimal' : metadata).flatMap(([column, type]) =>
    actual.has(column) ? [] : [addition(column, column, ownType(type)).action],
  )
}

export const addMeta = 'ADD COLUMN IF NOT EXISTS _airbyte_meta pg_catalog.jsonb'

const metadataCounts: Readonly<Record<Metadata, number>> = { full: 4, minimal: 2, none: 0 }

/** The sink's own columns of a table: metadata and the given ones, as far as it has them. */
export function ownColumns(
  actual: { has(name: string): boolean },
  columns: readonly TargetColumn[],
): string[] {
  const names = [...Object.keys(metadataTypes), ...columns.map(({ name }) => name)]
  return [...new Set(names)].filter((name) => actual.has(name))
}

export function metadataColumns(metadata: Metadata): (readonly [string, string])[] {
  return Object.entries(metadataTypes).slice(0, metadataCounts[metadata])
}

/** Why the changes cannot be made. Within a transaction. */
export function findChangeRefusal(
  session: DestinationSession,
  name: TableName,
  changes: readonly TableChange[],
): Promise<ConnectError | undefined> {
  return findColumnInUse(session, name, widenedBy(changes))
}

function widenedBy(changes: readonly TableChange[]): { column: string; type: string }[] {
  return changes.flatMap(({ kind, column, type }) => (kind === 'widen' ? [{ column, type }] : []))
}
