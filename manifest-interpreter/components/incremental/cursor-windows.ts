import { valueError } from '../../value/python-error.ts'
import type { CursorValues, Interval } from './cursor-values.ts'
import { later } from './cursor-values.ts'

/** How a cursor's range is cut into windows, each a request of its own. */
export interface WindowRules<T> {
  readonly start: T
  /** The end of the range to read: evaluated again each time, because it may be the present. */
  readonly end: () => T
  /** The smallest unit of the API's bounds; null if neighbouring windows share a bound. */
  readonly granularity: { readonly plus: (value: T) => T; readonly minus: (value: T) => T } | null
  /** The end of a window that begins at a value; null if all is one window. */
  readonly step: ((value: T) => T) | null
  /** Re-reads a time before the end of the last state, for records that came late. */
  readonly lookback: ((value: T) => T) | null
  /** Moves a bound to the beginning of a day, a week or a month. */
  readonly clamp: (value: T) => T
  /** For APIs that refuse a window that begins where it ends. */
  readonly compareStrictly: boolean
}

/** Start and end of a window, both to be read. */
export type Window<T> = readonly [start: T, end: T]

/** The windows that have not been read: before, between and after `intervals`, which must be merged. */
export function* missingWindows<T>(
  intervals: readonly Interval<T>[],
  rules: WindowRules<T>,
  values: CursorValues<T>,
): Generator<Window<T>> {
  const { start, end, granularity, lookback } = rules
  const first = intervals[0]
  const last = intervals.at(-1)
  if (first === undefined || last === undefined)
    throw valueError('The state has no slice: expected at least one slice.')
  const cutter = new WindowCutter(rules, values)
  if (values.compare(start, first.start) < 0) yield* cutter.cut(start, first.start, 'gap')
  for (const [index, interval] of intervals.slice(0, -1).entries()) {
    const after = intervals[index + 1]
    if (after === undefined) break
    const lower = granularity === null ? interval.end : granularity.plus(interval.end)
    yield* cutter.cut(lower, after.start, 'gap')
  }
  yield* cutter.cut(lookback === null ? last.end : lookback(last.end), end(), 'end')
}

/**
 * The kind of a range's end: `end` is the last unit to read, a `gap` ends where a part begins that has been
 * read.
 */
type RangeEnd = 'end' | 'gap'

class WindowCutter<T> {
  readonly #rules: WindowRules<T>
  readonly #values: CursorValues<T>

  constructor(rules: WindowRules<T>, values: CursorValues<T>) {
    this.#rules = rules
    this.#values = values
  }

  *cut(from: T, upper: T, rangeEnd: RangeEnd): Generator<Window<T>> {
    const { granularity, clamp, step } = this.#rules
    const lower = this.#lowerBound(from, upper, rangeEnd)
    if (lower === undefined) return
    if (step !== null && this.#values.compare(step(lower), upper) < 0) {
      yield* this.#cutBySteps(lower, upper, { step, rangeEnd })
      return
    }
    // Clamping the last unit would read past the end.
    const last = rangeEnd === 'end' && granularity !== null ? upper : clamp(upper)
    yield [lower, rangeEnd === 'gap' ? this.#unitBefore(last) : last]
  }

  /** Undefined if there is nothing to read. */
  #lowerBound(from: T, upper: T, rangeEnd: RangeEnd): T | undefined {
    const { start, granularity, clamp, compareStrictly } = this.#rules
    const { compare, isTruthy } = this.#values
    const order = compare(from, upper)
    if (order > 0 || (order === 0 && granularity === null)) return undefined
    if (isTruthy(start) && compare(upper, start) < 0) return undefined
    // Clamped before it is compared: a step shorter than the clamping period would give an empty first
    // window.
    const lower = clamp(isTruthy(start) ? later(from, start, this.#values) : from)
    const clamped = compare(lower, upper)
    // A range of one unit is read, unless it is a gap: then the next range reads it.
    const isEmpty = clamped > 0 || (clamped === 0 && (compareStrictly || rangeEnd === 'gap'))
    return isEmpty ? undefined : lower
  }

  *#cutBySteps(
    from: T,
    upper: T,
    { step, rangeEnd }: { readonly step: (value: T) => T; readonly rangeEnd: RangeEnd },
  ): Generator<Window<T>> {
    const { clamp } = this.#rules
    const { compare } = this.#values
    let lower = from
    for (;;) {
      const stepped = step(lower)
      const bound = compare(stepped, upper) < 0 ? stepped : upper
      const end = compare(bound, upper) === 0 ? bound : clamp(bound)
      // A bound that was clamped onto the end makes this the last window.
      const isLast = compare(bound, upper) >= 0 || compare(end, upper) === 0
      const begin = clamp(lower)
      if (compare(begin, end) >= 0) return
      yield [begin, rangeEnd === 'end' && isLast ? end : this.#unitBefore(end)]
      if (isLast) return
      lower = end
    }
  }

  #unitBefore(value: T): T {
    return this.#rules.granularity?.minus(value) ?? value
  }
}
