import { datetimeFormat } from '../../datetime/datetime-parser.ts'
import { compareDateTimes, PyTimeDelta, type PyDateTime } from '../../value/py-datetime.ts'
import { addToDateTime } from '../../value/time-arithmetic.ts'
import { PythonError, valueError } from '../../value/python-error.ts'
import type { Value } from '../../value/value.ts'
import type { CursorValues } from './cursor-values.ts'

/**
 * Times in the formats of a DatetimeBasedCursor: read in any of `inputFormats`, the first that matches, else
 * in `format`; written in `format`.
 */
export function datetimeCursorValues(options: {
  readonly format: string
  readonly inputFormats: readonly string[]
  readonly granularity: PyTimeDelta | null
}): CursorValues<PyDateTime> {
  const output = datetimeFormat(options.format)
  const inputs = [...options.inputFormats.map(datetimeFormat), output]
  const step = nonZero(options.granularity) ?? PyTimeDelta.ofMicros(1000)

  function match(value: Value): PyDateTime | undefined {
    for (const input of inputs) {
      const time = input.match(value)
      if (time !== undefined) return time
    }
    return undefined
  }

  // Neighbouring records often have the same time; a mutable value is not cached.
  let lastText: string | undefined
  let lastTime: PyDateTime | undefined

  return {
    parse: (value) => {
      const time = match(value)
      if (time === undefined)
        throw valueError(
          `The cursor value has none of the formats ${inputs.map(({ format }) => format).join(', ')}.`,
        )
      return time
    },
    parseOfRecord: (value) => {
      if (typeof value !== 'string') return match(value)
      if (value === lastText) return lastTime
      lastTime = match(value)
      lastText = value
      return lastTime
    },
    write: (time) => output.write(shownClock(time, options.format)),
    compare: compareDateTimes,
    next: (time) => addToDateTime(time, step),
    isTruthy: () => true,
    moment: (time) => Number(time.epochMicros),
  }
}

/** Formats that identify a moment: with an offset, or as a count since 1970. */
const tellsMoment = /%(?:z|s|ms|epoch_microseconds)/

/**
 * A time in a format without an offset is read as UTC when the state comes back. The reference writes the
 * clock of the record, so that after a record at +05:00 five hours are never requested. If the record's clock
 * is earlier than UTC (-05:00), and the format does not say UTC (`Z`), the clock stays: the API may mean it.
 */
function shownClock(time: PyDateTime, format: string): PyDateTime {
  const { offset } = time
  if (offset === null || offset === 0 || tellsMoment.test(format)) return time
  if (offset < 0 && !format.endsWith('Z')) return time
  try {
    return time.atOffset(0)
  } catch (error) {
    // The first and last hours that there are.
    if (error instanceof PythonError && error.kind === 'OverflowError') return time
    throw error
  }
}

/** A timedelta of zero is false in Python, and counts as none. */
export function nonZero(delta: PyTimeDelta | null): PyTimeDelta | null {
  return delta === null || delta.isZero() ? null : delta
}
