import { resetCommands } from '../../lib/text/reset-commands.ts'
import { quoteIdentifier } from '../../postgres/quote.ts'
import { isGreatest } from './column-types.ts'
import { explain } from './explain.ts'
import { readAgain } from './read-again.ts'
import {
  compared,
  type CursorRead,
  nothing,
  type Position,
  readBeyond,
  readBoundary,
  readWithoutCursor,
  stateAt,
} from './read-ordered.ts'
import type { SliceRead } from './slice-read.ts'
import type { CursorState } from './states.ts'
import type { SourceColumn } from './stream-source.ts'

/**
 * Reads what is new in three steps, each one COPY in the same snapshot: rows without a cursor value (first
 * read only), rows at the boundary of the last read that it did not emit, rows beyond it in their order. Rows
 * that the state has to be read again come before them.
 */
export async function readIncremental(
  read: CursorRead,
  saved: CursorState | null,
): Promise<'complete' | 'stopped'> {
  if (saved === null) await readWithoutCursor(read)
  if (saved !== null && (await readAgain(read, saved)) === 'stopped') return 'stopped'
  const from = saved === null ? nothing : await readBoundary(read, saved)
  const toState = (position: Position): CursorState => stateAt(read, position)
  const position = read.signal.aborted
    ? from
    : await readBeyond(read, from, { lower: 'IS NOT NULL', upper: [], toState })
  if (position.cursor !== null && isGreatest(position.cursor, read.cursor.type))
    read.warn(cursorIsAtTheEnd(read, position.cursor))
  await read.out.state(toState(position))
  if (read.signal.aborted) return 'stopped'
  if (isBelowCheckpoint(from, position) && (await areAllBelow(read, from)))
    read.warn(valuesAreBelow(read))
  return 'complete'
}

/** There was no row at the cursor of the checkpoint or beyond it: all values of the source are below it. */
function isBelowCheckpoint(from: Position, to: Position): boolean {
  const { cursor, boundary } = from
  return to === from && cursor !== null && boundary.kind === 'rows' && boundary.hashes === ''
}

/** Rows that the condition leaves out may have higher values. */
async function areAllBelow(read: CursorRead, { cursor }: Position): Promise<boolean> {
  const isFiltered = read.source.where !== undefined && cursor !== null
  if (isFiltered && (await holdsCursorValues(read, read.cursor, compared(read, '>=', cursor))))
    return false
  return holdsCursorValues(read, read.cursor)
}

/** The values themselves are contents of records, which must not be in a warning. */
function valuesAreBelow({ source, cursor }: CursorRead): string {
  const column = cursor.name
  return `All values of ${column} in ${source.name} are below that of the last checkpoint. If the source was restored from a backup, rows that are written from now on with a ${column} below the checkpoint are never read: empty the stream’s table at the destination, where rows of later values would stay, and reset the stream (${resetCommands(source.name)}). If only the newest rows were deleted, nothing is missing.`
}

/** Such a value belongs to the type, not to a record: a warning may name it. */
function cursorIsAtTheEnd({ source, cursor }: CursorRead, value: string): string {
  const column = cursor.name
  return `The incremental read of ${source.name} has reached the value ${value} in column ${column}. No ordinary value is greater, so no row with a smaller ${column} will ever be read again, whether it is new or changed. Correct the value at the source, empty the stream’s table at the destination, where the row would stay as it is, and reset the stream (${resetCommands(source.name)}); or choose another cursor field, or read a view that leaves such rows out.`
}

/**
 * The highest cost of the query, as the planner estimates it: about that of 10,000 pages (80 MB) of a table.
 * If the cursor has an index, the cost is a few units. Without an index it is too, unless most rows have no
 * value, or the table is a view that is computed as a whole.
 */
const highestCost = 10_000

/**
 * Whether any row has a cursor value, as the read sees them. False if that would take too long to find out.
 */
async function holdsCursorValues(
  { session, source }: Pick<SliceRead, 'session' | 'source'>,
  { name }: Pick<SourceColumn, 'name'>,
  condition = 'IS NOT NULL',
): Promise<boolean> {
  const column = quoteIdentifier(name)
  const select = `SELECT FROM ${source.from} WHERE ${column} ${condition} LIMIT 1`
  const plan = await explain(session, source, select)
  if (plan === undefined || plan['Total Cost'] > highestCost) return false
  const rows = await session.userRows(select, { stream: source.name })
  return rows.length > 0
}
