import { ConnectError } from '../../protocol/index.ts'
import { isKeyType, textsOf } from './binary-rows.ts'
import { fieldOf, lastLineStart } from './copy-line.ts'
import type { CopyChunk } from './copy-messages.ts'
import { isOfCount, missingRows } from './missing-rows.ts'
import { rangeQuery } from './range-query.ts'
import { keepsItsPlace } from './saved-type.ts'
import { interrupted, type SliceRead } from './slice-read.ts'
import { StatePace } from './state-pace.ts'
import type { RangeState, WholeState } from './states.ts'
import { whereClause, type SourceColumn } from './stream-source.ts'
import type { SourceSession } from './session.ts'

/** Reads a range in the order of its key, starting at the state; resumable after every state. */
export async function readRange(
  read: SliceRead,
  initial: RangeState,
): Promise<'complete' | 'stopped'> {
  const { source, session, out, signal } = read
  const rows = rowsFor(read, keyOfState(read, initial))
  const copy = session.copy(rangeQuery(source, initial), rows.query)
  const pace = new StatePace(read.stateRows)
  let state: RangeState = { ...initial, types: typesOf(source.key), origin: read.origin }
  try {
    for (let chunk = await copy.next(signal); chunk; chunk = await copy.next(signal)) {
      state = { ...state, after: rows.keyOfLast(chunk) }
      await rows.give(chunk)
      pace.gave(chunk)
      if (pace.due) {
        await out.state(state)
        pace.covered()
      }
    }
  } catch (thrown) {
    if (!isOfCount(thrown) || !pace.hasCovered) throw thrown
    await out.state({ ...state, incomplete: true })
    throw missingRows(source.name)
  }
  if (!signal.aborted) {
    await out.state({ ...state, done: true })
    return 'complete'
  }
  await out.state(state)
  return 'stopped'
}

/**
 * Reads a stream that has no key: one state, at its end. A stop before that throws, so that the records are
 * discarded.
 */
export async function readWhole(read: SliceRead): Promise<'complete' | 'stopped'> {
  const { source, session, out, signal } = read
  const rows = rowsFor(read, [])
  const select = `SELECT ${source.selectList} FROM ${source.from}${whereClause(source)}`
  const copy = session.copy(select, rows.query)
  for (let chunk = await copy.next(signal); chunk !== undefined; chunk = await copy.next(signal)) {
    await rows.give(chunk)
  }
  if (signal.aborted) throw interrupted(read, 'it has no key to continue by')
  const done: WholeState = { kind: 'whole', done: true }
  await out.state(done)
  return 'complete'
}

function keyOfState({ source }: SliceRead, state: RangeState): readonly SourceColumn[] {
  const names = source.key.map(({ name }) => name)
  if (JSON.stringify(names) === JSON.stringify(state.key)) {
    source.key.forEach((column, index) => {
      requireSameType(source.name, column, { state, index })
    })
    return source.key
  }
  const now = names.length === 0 ? 'none that is selected' : names.join(', ')
  const reason = `it was written for the key ${state.key.join(', ')}; the table's key is now ${now}`
  throw new ConnectError('source_state_invalid', { details: { stream: source.name, reason } })
}

/** The bounds are text, which the present type of the column may interpret or order differently. */
function requireSameType(
  stream: string,
  { name, type: { declared } }: SourceColumn,
  { state, index }: { readonly state: RangeState; readonly index: number },
): void {
  const before = state.types?.[index]
  if (before === undefined) return
  const values = [state.from, state.to, state.after].flatMap((key) => key?.[index] ?? [])
  if (values.every((value) => keepsItsPlace(value, before, declared))) return
  const reason = `column ${name} of the key had the type ${before}, and has ${declared} now`
  throw new ConnectError('source_state_invalid', { details: { stream, reason } })
}

export function typesOf(key: readonly SourceColumn[]): string[] {
  return key.map(({ type }) => type.declared)
}

/** How the rows of a read arrive, and how they are processed. */
interface Rows {
  readonly query: Parameters<SourceSession['copy']>[1]
  give(chunk: CopyChunk): Promise<void>
  /** The key of the chunk's last row, as text. */
  keyOfLast(chunk: CopyChunk): string[]
}

/**
 * Binary if output, columns and key allow it: it costs the server and the encoder less
 * (docs/performance-methods.md).
 */
function rowsFor({ source, out, hashes }: SliceRead, key: readonly SourceColumn[]): Rows {
  const types = source.binaryTypes
  const fields = key.flatMap(({ index }) => {
    const type = types?.[index]
    return type !== undefined && isKeyType(type) ? [{ index, type }] : []
  })
  const copyBinary = out.copyBinary?.bind(out)
  const query = { stream: source.name, columns: source.columns.length }
  if (types === undefined || copyBinary === undefined || fields.length < key.length) {
    return {
      query,
      give: (chunk) => out.copyText((hashes?.hide(chunk) ?? chunk).bytes),
      keyOfLast: ({ bytes }) => keyOfLastLine(bytes, key),
    }
  }
  return {
    query: { ...query, types },
    give: ({ bytes, rows }) => copyBinary({ bytes, count: rows }, types),
    keyOfLast: ({ bytes, lastRow }) => textsOf(bytes, lastRow, fields),
  }
}

function keyOfLastLine(lines: Buffer, key: readonly SourceColumn[]): string[] {
  const start = lastLineStart(lines)
  return key.map(({ index }) => fieldOf(lines, start, index) ?? '')
}
