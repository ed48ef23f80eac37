import { resetCommands } from '../../../lib/text/reset-commands.ts'
import type { z } from 'zod'
import { ConnectError } from '../../../protocol/index.ts'
import { bookkeepingColumns } from './bookkeeping-columns.ts'
import { quoteTable, type TableName } from '../tables/identifiers.ts'
import type { PostgresAddress } from '../../../postgres/address.ts'
import type { DestinationSession } from '../session.ts'

/** The stream that rows of the bookkeeping belong to. */
export interface RowOwner {
  /** The id of its row in `streams`. */
  readonly id: string
  readonly connection: string
  /** For people. */
  readonly stream: string
  /** That it loads. */
  readonly table: TableName
}

/** Parses JSON of the bookkeeping; undefined if it is invalid, or has another form. */
export function parseStored<T>(text: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

/** Throws if somebody wrote something else into the column. */
export function requireStored<T>(
  session: DestinationSession,
  { text, schema, column }: StoredText<T>,
  owner: RowOwner,
): T {
  const stored = parseStored(text, schema)
  if (stored !== undefined) return stored
  const problem = 'its text is not the JSON that a run stored'
  throw damagedRow(session, owner, { column, problem })
}

interface StoredText<T> {
  readonly text: string
  readonly schema: z.ZodType<T>
  /** `table.column` of the bookkeeping. */
  readonly column: `${'streams' | 'slices' | 'positions'}.${string}`
}

/**
 * Throws if slices of a stream were deleted although its sync continues from them: the records that they
 * cover would be loaded again.
 */
export async function requireSlices(
  session: DestinationSession,
  owner: RowOwner,
  planned: number,
): Promise<void> {
  const [row] = await session.rows<{ found: number }>(
    `SELECT count(*)::int AS found FROM ${session.bookkeeping}.slices WHERE stream_id = $1`,
    [owner.id],
  )
  const found = row?.found ?? 0
  if (found >= planned) return
  const problem = `${String(planned - found)} of ${String(planned)} rows are gone`
  throw damagedRow(session, owner, { column: 'slices', problem })
}

function damagedRow(
  session: DestinationSession,
  { id, connection, stream, table }: RowOwner,
  { column, problem }: { readonly column: string; readonly problem: string },
): ConnectError {
  const [name = '', field] = column.split('.')
  const object = quoteTable({ schema: session.bookkeepingSchema, table: name })
  const where = name === 'streams' ? `id = ${id}` : `stream_id = ${id}`
  const subject = field === undefined ? object : `column ${field} of ${object}`
  const restart = letGoOf({ id, connection, stream }, session.bookkeeping)
  return damaged(session.address, {
    object: `${subject}, stream ${stream} of connection ${connection} (${where})`,
    problem,
    fix: `Restore the named objects from a backup. Without one, have the stream read from the beginning: ${restart}. If it appends, run \`TRUNCATE ${quoteTable(table)}\` too; otherwise its rows are loaded a second time.`,
  })
}

/**
 * How to make the streams of a connection give up their tables and start over; rows stay. `stream`: only this
 * one.
 */
export function letGoOf(
  {
    id,
    connection,
    stream,
  }: { readonly id: string; readonly connection: string; readonly stream?: string },
  bookkeeping: string,
): string {
  const forget = `\`DELETE FROM ${bookkeeping}.streams WHERE id = ${id}\``
  return `run ${resetCommands(stream, connection)}. If that connection is gone, run ${forget} in the destination’s database: the list of its rejected records goes with it`
}

/**
 * Throws if tables of the bookkeeping, or columns, were dropped. `tables`: those that are left, with their
 * columns.
 */
export async function requireIntact(
  session: DestinationSession,
  { known }: { readonly known: 'tables' | 'columns' },
): Promise<void> {
  const rows = await session.rows<{ name: string; columns: readonly string[] }>(
    `SELECT c.relname AS name, array_agg(a.attname::text) AS columns
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') GROUP BY c.relname`,
    [session.bookkeepingSchema],
  )
  const found = new Map(rows.map(({ name, columns }) => [name, columns]))
  for (const [name, columns] of Object.entries(bookkeepingColumns)) {
    const actual = found.get(name)
    if (actual === undefined) throw missingObject(session, name)
    const gone = columns.find((column) => !actual.includes(column))
    if (known === 'columns' && gone !== undefined) throw missingObject(session, name, gone)
  }
}

/** Throws if there are tables of the bookkeeping without a version. */
export async function requireNone(session: DestinationSession): Promise<void> {
  const rows = await session.rows(
    `SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND c.relname = ANY($2)`,
    [session.bookkeepingSchema, ['runs', 'streams', 'slices']],
  )
  if (rows.length > 0) throw missingObject(session, 'migrations')
}

function missingObject(session: DestinationSession, name: string, column?: string): ConnectError {
  const table = quoteTable({ schema: session.bookkeepingSchema, table: name })
  return damaged(session.address, {
    object: column === undefined ? table : `column ${column} of ${table}`,
    problem: name === 'migrations' ? 'it is gone or empty' : 'it is gone',
    fix: `Restore the named objects from a backup. Without one, run \`DROP SCHEMA ${session.bookkeeping} CASCADE\`: all connections that load into this database then read their streams from the beginning. Empty the tables of streams that append before that; otherwise their rows are loaded a second time.`,
  })
}

function damaged(
  { host, port, database }: PostgresAddress,
  facts: { readonly object: string; readonly problem: string; readonly fix: string },
): ConnectError {
  const details = { host, port, database, ...facts }
  return new ConnectError('destination_bookkeeping_damaged', { details })
}
