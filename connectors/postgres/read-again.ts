import {
  compared,
  type CursorRead,
  nothing,
  type Position,
  readBeyond,
  readBoundary,
  readWithoutCursor,
} from './read-ordered.ts'
import type { CursorState, RangeAgain } from './states.ts'
import { identitiesOf } from './stream-source.ts'

/**
 * Reads again what the state has to be read again (`CursorState.again`), one range after the other. States in
 * between have the rest of it, and the position of the stream as it is, so that a read that is killed goes on
 * from there.
 */
export async function readAgain(
  read: CursorRead,
  saved: CursorState,
): Promise<'complete' | 'stopped'> {
  let rest = saved.cursor === null ? [] : (saved.again ?? [])
  for (let range = rest[0]; range !== undefined; range = rest[0]) {
    const others = rest.slice(1)
    const end = await readRange(read, { saved, range, others })
    if (end === 'stopped') return 'stopped'
    rest = others
    await read.out.state(withRest(read, saved, rest))
  }
  return 'complete'
}

async function readRange(
  read: CursorRead,
  {
    saved,
    range,
    others,
  }: {
    readonly saved: CursorState
    readonly range: RangeAgain
    readonly others: readonly RangeAgain[]
  },
): Promise<'complete' | 'stopped'> {
  const { from, to, after } = range
  if (after === undefined && range.why === 'columns') await readWithoutCursor(read)
  const start = after === undefined ? nothing : await readBoundary(read, after)
  const toState = ({ cursor, boundary }: Position): CursorState => {
    const done = cursor === null ? range : { ...range, after: { cursor, boundary } }
    return withRest(read, saved, [done, ...others])
  }
  // Rows beyond the position are read after it anyway.
  const upper = [to, saved.cursor].flatMap((bound) =>
    bound === null ? [] : [compared(read, '<=', bound)],
  )
  const lower = from === null ? 'IS NOT NULL' : compared(read, '>=', from)
  const end = read.signal.aborted ? start : await readBeyond(read, start, { lower, upper, toState })
  if (read.signal.aborted) {
    await read.out.state(toState(end))
    return 'stopped'
  }
  if (range.why === 'asked') read.warn(wasReadAgain(read, range))
  return 'complete'
}

/** The position stays: the columns that its boundary knows, too. */
function withRest(
  { cursor, source, origin }: CursorRead,
  saved: CursorState,
  rest: readonly RangeAgain[],
): CursorState {
  const { again, ...position } = saved
  if (again === undefined && rest.length === 0) return saved
  return {
    ...position,
    type: cursor.type.declared,
    identities: identitiesOf(source),
    origin,
    ...(rest.length > 0 && { again: [...rest] }),
  }
}

function wasReadAgain({ source, cursor }: CursorRead, { from, to }: RangeAgain): string {
  const bounds = [
    ...(from === null ? [] : [`from ${from}`]),
    ...(to === null ? ['to the last checkpoint'] : [`to ${to}`]),
  ]
  return `The rows of ${source.name} with ${cursor.name} ${bounds.join(' ')} were read again, as a reset asked for.`
}
