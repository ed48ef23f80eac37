import { datetimeFormat } from '../../datetime/datetime-parser.ts'
import { compareDateTimes, PyTimeDelta, type PyDateTime } from '../../datetime/py-datetime.ts'
import { addToDateTime } from '../../datetime/time-arithmetic.ts'
import { valueError } from '../../value/python-error.ts'
import type { Value } from '../../value/value.ts'
import type { CursorValues } from './cursor-values.ts'

/**
 * Times in the formats of a DatetimeBasedCursor: read in any of `inputFormats`, the first that matches, else in `format`;
 * written in `format`.
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

  // Records that follow each other often have the same time; a value that could change is not kept.
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
    write: (time) => output.write(time),
    compare: compareDateTimes,
    next: (time) => addToDateTime(time, step),
    isTruthy: () => true,
    moment: (time) => Number(time.epochMicros),
  }
}

/** A timedelta of zero is false in Python, and counts as none. */
export function nonZero(delta: PyTimeDelta | null): PyTimeDelta | null {
  return delta === null || delta.isZero() ? null : delta
}
