import { dictOf, entries, get, isDict, remove, set } from '../../value/dict.ts'
import { PythonError, typeError } from '../../value/python-error.ts'
import type { Dict, Value } from '../../value/value.ts'
import { mergeIntervals, type CursorValues, type Interval } from './cursor-values.ts'

/**
 * The parts of a cursor's range that have been read. The state that goes out is `{ cursor_field: value }`,
 * with the fields of the state that came in.
 */
export interface CursorState<T> {
  intervals: readonly Interval<T>[]
  /** The state as it came in, if it was not a state of intervals. */
  readonly incoming: Dict
  lastResponse: LastResponse | undefined
}

/** The one response that held all of the last slice. */
export interface LastResponse {
  /** Where the slice began, as the slice has it. */
  readonly start: Value
  readonly etag: string
}

const lastResponseKey = 'last_response'

interface ReadOptions<T> {
  readonly state: Dict
  readonly field: string
  readonly start: T
  readonly values: CursorValues<T>
}

/** @returns the state, and the value from which on records are new */
export function readState<T>(options: ReadOptions<T>): {
  readonly state: CursorState<T>
  readonly syncStart: T
} {
  const { state, field, start, values } = options
  if (hasIntervals(state)) return readIntervals(options)
  const text = get(state, field)
  const before = text === undefined ? undefined : values.parse(text)
  const syncStart =
    before !== undefined && values.isTruthy(before) && values.compare(before, start) >= 0
      ? before
      : start
  return {
    state: {
      intervals: [{ start, end: syncStart, mostRecent: syncStart }],
      incoming: state,
      lastResponse: readLastResponse(state),
    },
    syncStart,
  }
}

/** `{ state_type, slices: [{ start, end, most_recent_cursor_value }] }` */
function hasIntervals(state: Dict): boolean {
  const type = get(state, 'state_type')
  return type === 'date-range' || type === 'integer'
}

function readIntervals<T>({ state, start, values }: ReadOptions<T>): {
  readonly state: CursorState<T>
  readonly syncStart: T
} {
  const slices = get(state, 'slices') ?? []
  if (!Array.isArray(slices)) throw typeError('The slices of the state are not a list.')
  const intervals = slices.map((slice) => readInterval(slice, values))
  const [first] = intervals
  const reached = first?.mostRecent ?? first?.end
  const legacy = get(state, 'legacy')
  return {
    state: {
      intervals,
      incoming: legacy !== undefined && isDict(legacy) ? legacy : {},
      lastResponse: undefined,
    },
    syncStart: reached !== undefined && values.isTruthy(reached) ? reached : start,
  }
}

function readLastResponse(state: Dict): LastResponse | undefined {
  const response = get(state, lastResponseKey)
  if (response === undefined || !isDict(response)) return undefined
  const [start, etag] = [get(response, 'start'), get(response, 'etag')]
  return start !== undefined && typeof etag === 'string' ? { start, etag } : undefined
}

function readInterval<T>(slice: Value, values: CursorValues<T>): Interval<T> {
  if (!isDict(slice)) throw typeError('A slice of the state is not an object.')
  const mostRecent = get(slice, 'most_recent_cursor_value')
  return {
    start: values.parse(required(slice, 'start')),
    end: values.parse(required(slice, 'end')),
    mostRecent: mostRecent === undefined ? undefined : values.parse(mostRecent),
  }
}

function required(dict: Dict, key: string): Value {
  const value = get(dict, key)
  if (value === undefined)
    throw new PythonError('KeyError', `The state has a slice without ${key}.`)
  return value
}

/** The state to emit: everything before its value has been read. */
export function writeState<T>(state: CursorState<T>, field: string, values: CursorValues<T>): Dict {
  const [first] = mergeIntervals(state.intervals, values)
  if (first === undefined)
    throw new PythonError('RuntimeError', 'The state has no slice. Reset the state of the stream.')
  const reached =
    first.mostRecent !== undefined && values.isTruthy(first.mostRecent)
      ? first.mostRecent
      : first.start
  const written = dictOf(entries(state.incoming))
  set(written, field, values.write(reached))
  const { lastResponse } = state
  if (lastResponse !== undefined) set(written, lastResponseKey, { ...lastResponse })
  else remove(written, lastResponseKey)
  return written
}

/** The moment of a state in either form; null if it has none. */
export function momentOfState<T>(
  state: Dict,
  field: string,
  values: CursorValues<T>,
): number | null {
  const value = hasIntervals(state) ? firstValue(state) : get(state, field)
  const parsed = value === undefined || value === null ? undefined : values.parseOfRecord(value)
  return parsed === undefined ? null : values.moment(parsed)
}

function firstValue(state: Dict): Value | undefined {
  const slices = get(state, 'slices')
  const first = Array.isArray(slices) ? slices[0] : undefined
  if (first === undefined || !isDict(first)) return undefined
  return get(first, 'most_recent_cursor_value') ?? get(first, 'end')
}
