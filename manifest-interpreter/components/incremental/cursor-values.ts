import type { Value } from '../../value/value.ts'

/** The values of a cursor field: how they are read from records and states, compared, and written. */
export interface CursorValues<T> {
  /** Throws a ValueError for a value that it cannot read. */
  readonly parse: (value: Value) => T
  /** The same for each record; undefined for a value that it cannot read. */
  readonly parseOfRecord: (value: Value) => T | undefined
  readonly write: (value: T) => Value
  /** Below zero if `left` comes first. */
  readonly compare: (left: T, right: T) => number
  /** The next value: intervals that are this close are one. */
  readonly next: (value: T) => T
  /** Truth as Python sees it: a count of 0 is false, a time never is. */
  readonly isTruthy: (value: T) => boolean
  /** Microseconds since 1970; null if it is not a time. */
  readonly moment: (value: T) => number | null
}

/** A part of the cursor's range that has been read. */
export interface Interval<T> {
  readonly start: T
  readonly end: T
  /** The greatest cursor value of its records; undefined if it has had none. */
  readonly mostRecent: T | undefined
}

/** Joins intervals that overlap or touch, and returns them in order. */
export function mergeIntervals<T>(
  intervals: readonly Interval<T>[],
  values: CursorValues<T>,
): Interval<T>[] {
  const sorted = [...intervals].sort(
    (left, right) => values.compare(left.start, right.start) || values.compare(left.end, right.end),
  )
  const merged: Interval<T>[] = []
  for (const interval of sorted) {
    const last = merged.at(-1)
    if (last === undefined || values.compare(values.next(last.end), interval.start) < 0) {
      merged.push(interval)
      continue
    }
    merged[merged.length - 1] = {
      start: last.start,
      end: later(last.end, interval.end, values),
      mostRecent: laterRecord(last.mostRecent, interval.mostRecent, values),
    }
  }
  return merged
}

export function later<T>(left: T, right: T, values: CursorValues<T>): T {
  return values.compare(left, right) < 0 ? right : left
}

function laterRecord<T>(
  left: T | undefined,
  right: T | undefined,
  values: CursorValues<T>,
): T | undefined {
  const hasLeft = left !== undefined && values.isTruthy(left)
  const hasRight = right !== undefined && values.isTruthy(right)
  if (hasLeft && hasRight) return later(right, left, values)
  return hasRight ? right : left
}
