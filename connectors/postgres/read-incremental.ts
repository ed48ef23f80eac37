import { createHash } from 'node:crypto'
import { resetCommands } from '../../lib/text/reset-commands.ts'
import { BoundaryGroup, EmittedRows } from './boundary.ts'
import { identitiesOf } from './changed-columns.ts'
import { groupTextOf, isGreatest, operatorOf, typedLiteral } from './column-types.ts'
import { fieldOf, lastLineStart, lineEnd } from './copy-line.ts'
import type { CopyChunk } from './copy-messages.ts'
import { CursorGroup } from './cursor-group.ts'
import { quoteIdentifier } from '../../postgres/quote.ts'
import { isOfCount, missingRows } from './missing-rows.ts'
import { interrupted, type SliceRead } from './slice-read.ts'
import { StatePace } from './state-pace.ts'
import type { Boundary, CursorState } from './states.ts'
import type { SourceColumn } from './stream-source.ts'
import { explain } from './explain.ts'

/** An incremental read: the common parts of reading a slice, and the cursor. */
export interface CursorRead extends SliceRead {
  readonly cursor: SourceColumn
  /** As in `ConnectorContext`. */
  readonly warn: (text: string) => void
}

/** The position of a read: every row below `cursor` was emitted, and those of `boundary` at it. */
interface Position {
  readonly cursor: string | null
  readonly boundary: Boundary
}

/**
 * Reads what is new in three steps, each one COPY in the same snapshot: rows without a cursor value (first
 * read only), rows at the boundary of the last read that it did not emit, rows beyond it in their order.
 */
export async function readIncremental(
  read: CursorRead,
  saved: CursorState | null,
): Promise<'complete' | 'stopped'> {
  if (saved === null) await readWithoutCursor(read)
  const from = saved === null ? nothing : await readBoundary(read, saved)
  const position = read.signal.aborted ? from : await readBeyond(read, from)
  if (position.cursor !== null && isGreatest(position.cursor, read.cursor.type))
    read.warn(cursorIsAtTheEnd(read, position.cursor))
  await read.out.state(stateAt(read, position))
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

function groupCameAgain({ source, cursor }: CursorRead, rows: number): string {
  const column = cursor.name
  const count = rows.toLocaleString('en-US')
  return `More than 10,000 rows of ${source.name} had the last value of ${column} at the last checkpoint, and since then rows with that value were added, changed or deleted, or a column got another type. The checkpoint does not show which, so all rows that have the value now were read again (number of rows: ${count}). With append, those that were read before are at the destination once more. To prevent this, use destination_sync_mode: append_dedup with a primary key, or a cursor field with fewer equal values.`
}

const amongEqualRows = 'it was among more than 10,000 rows with the same cursor value'
const nothing: Position = { cursor: null, boundary: { kind: 'rows', hashes: '' } }

async function readWithoutCursor(read: CursorRead): Promise<void> {
  if (read.source.table.columns.some(({ name, notNull }) => notNull && name === read.cursor.name)) {
    return
  }
  for await (const { bytes: lines } of linesOf(read, 'IS NULL')) await read.out.copyText(lines)
  if (read.signal.aborted) throw interrupted(read, 'it was among the rows without a cursor value')
}

/** Emits new rows at exactly the saved value and returns the new boundary: the rows that are there now. */
async function readBoundary(read: CursorRead, saved: CursorState): Promise<Position> {
  const { cursor } = saved
  if (cursor === null) return nothing
  const atCursor = compared(read, '=', cursor)
  // Equal bytes of columns with other names are another row.
  const isRenamed = saved.columns !== undefined && saved.columns !== columnsHash(read)
  const boundary = isRenamed ? nothing.boundary : saved.boundary
  const group =
    boundary.kind === 'rows'
      ? await readNewRows(read, atCursor, boundary.hashes)
      : await readChangedGroup(read, atCursor, boundary)
  return { cursor, boundary: group.toBoundary() }
}

async function readNewRows(
  read: CursorRead,
  atCursor: string,
  hashes: string,
): Promise<BoundaryGroup> {
  const emitted = new EmittedRows(hashes)
  for await (const { bytes: lines } of linesOf(read, atCursor)) {
    const fresh = emitted.keepNew(lines)
    if (fresh.length > 0) await read.out.copyText(fresh)
  }
  if (!read.signal.aborted) return emitted.present
  if (!emitted.ever.isExact) throw interrupted(read, amongEqualRows)
  return emitted.ever
}

/**
 * A group that was too large for its hashes: unchanged, none of it is emitted again; changed, all of it is,
 * once.
 */
async function readChangedGroup(
  read: CursorRead,
  atCursor: string,
  digest: { readonly count: number; readonly sum: string },
): Promise<BoundaryGroup> {
  const group = await hashGroup(read, atCursor)
  if (group.equals(digest)) return group
  for await (const { bytes: lines } of linesOf(read, atCursor)) await read.out.copyText(lines)
  if (read.signal.aborted) throw interrupted(read, amongEqualRows)
  if (group.count > 0) read.warn(groupCameAgain(read, group.count))
  return group
}

async function hashGroup(read: CursorRead, atCursor: string): Promise<BoundaryGroup> {
  const group = new BoundaryGroup()
  for await (const { bytes: lines } of linesOf(read, atCursor)) {
    for (let start = 0; start < lines.length;) {
      const end = lineEnd(lines, start)
      group.add(lines, start, end)
      start = end
    }
  }
  if (read.signal.aborted) throw interrupted(read, amongEqualRows)
  return group
}

/** Returns the last position: `from` itself if there was no row. */
async function readBeyond(read: CursorRead, from: Position): Promise<Position> {
  const order = quoteIdentifier(read.cursor.name)
  const beyond = from.cursor === null ? 'IS NOT NULL' : compared(read, '>', from.cursor)
  const groupText = groupTextOf(read.cursor.type)
  const rows = linesOf(read, `${beyond} ORDER BY ${order}`)
  return groupText
    ? emitWithStates(read, {
        rows,
        from,
        groups: new CursorGroup(read.cursor.index, groupText),
      })
    : emitToTheEnd(read, { rows, from })
}

/** Emits in order, with a state whenever one is due and exact. Returns the last position. */
async function emitWithStates(
  read: CursorRead,
  { rows, from, groups }: { rows: AsyncIterable<CopyChunk>; from: Position; groups: CursorGroup },
): Promise<Position> {
  const pace = new StatePace(read.stateRows)
  const position = (): Position =>
    groups.cursor === undefined
      ? from
      : { cursor: groups.cursor, boundary: groups.group.toBoundary() }
  try {
    for await (const chunk of rows) {
      groups.add(chunk.bytes)
      await read.out.copyText(chunk.bytes)
      pace.gave(chunk)
      if (pace.due && groups.group.isExact) {
        await read.out.state(stateAt(read, position()))
        pace.covered()
      }
    }
  } catch (thrown) {
    if (!isOfCount(thrown) || !pace.hasCovered) throw thrown
    await read.out.state({ ...stateAt(read, position()), incomplete: true })
    throw missingRows(read.source.name)
  }
  if (read.signal.aborted && !groups.group.isExact) {
    throw interrupted(read, amongEqualRows)
  }
  return position()
}

/**
 * For types of which only the database knows which values are equal: it is queried for the boundary, once, at
 * the end.
 */
async function emitToTheEnd(
  read: CursorRead,
  { rows, from }: { rows: AsyncIterable<CopyChunk>; from: Position },
): Promise<Position> {
  let cursor: string | null = null
  for await (const { bytes: lines } of rows) {
    cursor = fieldOf(lines, lastLineStart(lines), read.cursor.index)
    await read.out.copyText(lines)
  }
  if (read.signal.aborted)
    throw interrupted(read, 'only the database can compare its cursor values')
  if (cursor === null) return from
  const group = await hashGroup(read, compared(read, '=', cursor))
  return { cursor, boundary: group.toBoundary() }
}

function compared(
  { cursor: { type } }: CursorRead,
  operator: '=' | '>' | '>=',
  value: string,
): string {
  return `${operatorOf(type, operator)} ${typedLiteral(value, type)}`
}

function stateAt(read: CursorRead, position: Position): CursorState {
  const { cursor, origin, source } = read
  const { name, type } = cursor
  return {
    kind: 'cursor',
    field: name,
    type: type.declared,
    ...position,
    columns: columnsHash(read),
    identities: identitiesOf(source),
    origin,
  }
}

function columnsHash({ source }: CursorRead): string {
  const names = JSON.stringify(source.columns.map(({ name }) => name))
  return createHash('sha256').update(names).digest('base64').slice(0, 11)
}

/** The rows whose cursor fulfils the condition, as whole lines; ends early when the read is to stop. */
async function* linesOf(read: CursorRead, condition: string): AsyncGenerator<CopyChunk> {
  const { session, source, cursor, signal, hashes } = read
  const own = source.where === undefined ? '' : `${source.where} AND `
  const where = `${own}${quoteIdentifier(cursor.name)} ${condition}`
  const copy = session.copy(`SELECT ${source.selectList} FROM ${source.from} WHERE ${where}`, {
    stream: source.name,
    columns: source.columns.length,
    cursor: cursor.name,
  })
  for (let chunk = await copy.next(signal); chunk !== undefined; chunk = await copy.next(signal)) {
    yield hashes?.hide(chunk) ?? chunk
  }
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
