import { createHash } from 'node:crypto'
import { BoundaryGroup, EmittedRows } from './boundary.ts'
import { groupTextOf, operatorOf, typedLiteral } from './column-types.ts'
import { fieldOf, lastLineStart, lineEnd } from './copy-line.ts'
import type { CopyChunk } from './copy-messages.ts'
import { CursorGroup } from './cursor-group.ts'
import { quoteIdentifier } from '../../postgres/quote.ts'
import { isOfCount, missingRows } from './missing-rows.ts'
import { interrupted, type SliceRead } from './slice-read.ts'
import { StatePace } from './state-pace.ts'
import type { Boundary, CursorState } from './states.ts'
import { identitiesOf, type SourceColumn } from './stream-source.ts'

/** An incremental read: the common parts of reading a slice, and the cursor. */
export interface CursorRead extends SliceRead {
  readonly cursor: SourceColumn
  /** As in `ConnectorContext`. */
  readonly warn: (text: string) => void
}

/** The position of a read: every row below `cursor` was emitted, and those of `boundary` at it. */
export interface Position {
  readonly cursor: string | null
  readonly boundary: Boundary
}

const amongEqualRows = 'it was among more than 10,000 rows with the same cursor value'
export const nothing: Position = { cursor: null, boundary: { kind: 'rows', hashes: '' } }

/** Emits the rows that have no cursor value. */
export async function readWithoutCursor(read: CursorRead): Promise<void> {
  if (read.source.table.columns.some(({ name, notNull }) => notNull && name === read.cursor.name)) {
    return
  }
  for await (const { bytes: lines } of linesOf(read, 'IS NULL')) await read.out.copyText(lines)
  if (read.signal.aborted) throw interrupted(read, 'it was among the rows without a cursor value')
}

/** Emits new rows at exactly the saved value and returns the new boundary: the rows that are there now. */
export async function readBoundary(
  read: CursorRead,
  saved: Pick<CursorState, 'cursor' | 'boundary' | 'columns'>,
): Promise<Position> {
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

/** The part of a table that is read in the order of the cursor. */
export interface Stretch {
  /** Conditions on the cursor, as SQL after its name: the lower bound, if nothing was read yet … */
  readonly lower: string
  /** … and the upper ones. */
  readonly upper: readonly string[]
  readonly toState: (position: Position) => CursorState
}

/** Returns the last position: `from` itself if there was no row. */
export async function readBeyond(
  read: CursorRead,
  from: Position,
  { lower, upper, toState }: Stretch,
): Promise<Position> {
  const order = quoteIdentifier(read.cursor.name)
  const beyond = from.cursor === null ? lower : compared(read, '>', from.cursor)
  const conditions = [beyond, ...upper.map((condition) => `${order} ${condition}`)].join(' AND ')
  const groupText = groupTextOf(read.cursor.type)
  const rows = linesOf(read, `${conditions} ORDER BY ${order}`)
  return groupText
    ? emitWithStates(read, {
        rows,
        from,
        toState,
        groups: new CursorGroup(read.cursor.index, groupText),
      })
    : emitToTheEnd(read, { rows, from })
}

/** Emits in order, with a state whenever one is due and exact. Returns the last position. */
async function emitWithStates(
  read: CursorRead,
  {
    rows,
    from,
    groups,
    toState,
  }: {
    readonly rows: AsyncIterable<CopyChunk>
    readonly from: Position
    readonly groups: CursorGroup
    readonly toState: Stretch['toState']
  },
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
        await read.out.state(toState(position()))
        pace.covered()
      }
    }
  } catch (thrown) {
    if (!isOfCount(thrown) || !pace.hasCovered) throw thrown
    await read.out.state({ ...toState(position()), incomplete: true })
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

export function compared(
  { cursor: { type } }: Pick<CursorRead, 'cursor'>,
  operator: '=' | '>' | '>=' | '<' | '<=',
  value: string,
): string {
  return `${operatorOf(type, operator)} ${typedLiteral(value, type)}`
}

export function stateAt(read: CursorRead, position: Position): CursorState {
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

function groupCameAgain({ source, cursor }: CursorRead, rows: number): string {
  const column = cursor.name
  const count = rows.toLocaleString('en-US')
  return `More than 10,000 rows of ${source.name} had the last value of ${column} at the last checkpoint, and since then rows with that value were added, changed or deleted, or a column got another type. The checkpoint does not show which, so all rows that have the value now were read again (number of rows: ${count}). With append, those that were read before are at the destination once more. To prevent this, use destination_sync_mode: append_dedup with a primary key, or a cursor field with fewer equal values.`
}
