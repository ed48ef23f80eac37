import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { abDatetimeParse } from '../../../manifest-interpreter/datetime/ab-datetime.ts'
import { datetimeFormat } from '../../../manifest-interpreter/datetime/datetime-parser.ts'
import { parseIsoDateTime } from '../../../manifest-interpreter/datetime/iso-datetime.ts'
import { parseIsoDuration } from '../../../manifest-interpreter/datetime/iso-duration.ts'
import { PyDate, PyDateTime, PyTimeDelta } from '../../../manifest-interpreter/value/py-datetime.ts'
import { strftime } from '../../../manifest-interpreter/datetime/strftime.ts'
import {
  addToDateTime,
  minusDelta,
  plusDelta,
  subtractFromDateTime,
} from '../../../manifest-interpreter/value/time-arithmetic.ts'
import { PythonError } from '../../../manifest-interpreter/value/python-error.ts'
import { parseJson } from '../../../manifest-interpreter/value/json.ts'
import { PyFloat, type Value } from '../../../manifest-interpreter/value/value.ts'

// Each line has a kind, the input and what Python 3.11 on Linux makes of it: made with airbyte-cdk 7.39.1.
const lines = readFileSync(new URL('python-times.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => ({ line, vector: list(parseJson(line)) }))

function list(value: Value | undefined): Value[] {
  if (!Array.isArray(value)) throw new TypeError('Expected a list')
  return value
}

function text(value: Value | undefined): string {
  if (typeof value !== 'string') throw new TypeError('Expected a text')
  return value
}

function numbers(value: Value | undefined): number[] {
  return list(value).map(float)
}

function float(value: Value | undefined): number {
  if (value instanceof PyFloat) return value.value
  return typeof value === 'number' ? value : 0
}

function time(value: Value | undefined): PyDateTime {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, microsecond = 0] =
    numbers(value)
  const offset = list(value)[7]
  return new PyDateTime({
    year,
    month,
    day,
    hour,
    minute,
    second,
    microsecond,
    offset: typeof offset === 'number' ? offset : null,
  })
}

function date(value: Value | undefined): PyDate {
  const [year = 0, month = 0, day = 0] = numbers(value)
  return new PyDate(year, month, day)
}

function fields(value: PyDateTime): Value {
  const { year, month, day, hour, minute, second, microsecond, offset } = value
  return [year, month, day, hour, minute, second, microsecond, offset]
}

/** The result, or the class of the error. */
function outcome(run: () => Value): Value {
  try {
    return run()
  } catch (error) {
    if (error instanceof PythonError) return error.kind
    throw error
  }
}

function vectors(kind: string): { line: string; vector: Value[] }[] {
  return lines.filter(({ vector }) => vector[0] === kind)
}

function input(value: Value | undefined): Value {
  return value === undefined ? null : value
}

describe('times behave as those of Python', () => {
  test.each(vectors('strftime'))('strftime of a datetime: $line', ({ vector }) => {
    expect(strftime(time(vector[1]), text(vector[2]))).toBe(vector[3])
  })

  test.each(vectors('strftime-date'))('strftime of a date: $line', ({ vector }) => {
    expect(strftime(date(vector[1]), text(vector[2]))).toBe(vector[3])
  })

  test.each(vectors('format'))('a time in a format of Airbyte: $line', ({ vector }) => {
    expect(datetimeFormat(text(vector[2])).write(time(vector[1]))).toBe(vector[3])
  })

  test.each(vectors('parse'))('a text in a format of Airbyte: $line', ({ vector }) => {
    const format = datetimeFormat(text(vector[2]))
    expect(outcome(() => fields(format.parse(input(vector[1]))))).toEqual(vector[3])
  })

  test.each(vectors('duration'))('an ISO duration: $line', ({ vector }) => {
    const parsed = outcome(() => {
      const delta = parseIsoDuration(text(vector[1]))
      return [delta.years, delta.months, delta.days, delta.seconds, delta.microseconds].map(
        (part) => part + 0,
      )
    })
    expect(parsed).toEqual(Array.isArray(vector[2]) ? numbers(vector[2]) : vector[2])
    if (!Array.isArray(vector[2])) return
    expect(parseIsoDuration(text(vector[1])).toString()).toBe(vector[3])
    expect(parseIsoDuration(text(vector[1])).repr()).toBe(vector[4])
  })

  test.each(vectors('shift'))('a datetime and a duration: $line', ({ vector }) => {
    const delta = parseIsoDuration(text(vector[2]))
    const base = time(vector[1])
    expect(outcome(() => fields(addToDateTime(base, delta)))).toEqual(vector[3])
    expect(outcome(() => fields(subtractFromDateTime(base, delta)))).toEqual(vector[4])
  })

  test.each(vectors('shift-date'))('a date and a duration: $line', ({ vector }) => {
    const delta = parseIsoDuration(text(vector[2]))
    const base = date(vector[1])
    expect(outcome(() => plusDelta(base, delta).isoFormat())).toBe(vector[3])
    expect(outcome(() => minusDelta(base, delta).isoFormat())).toBe(vector[4])
  })

  test.each(vectors('iso'))('isoparse: $line', ({ vector }) => {
    expect(outcome(() => fields(parseIsoDateTime(text(vector[1]))))).toEqual(vector[3])
  })

  test.each(vectors('ab'))('ab_datetime_parse: $line', ({ vector }) => {
    expect(outcome(() => fields(abDatetimeParse(input(vector[1]))))).toEqual(vector[3])
  })

  test.each(vectors('text'))('the texts of a datetime: $line', ({ vector }) => {
    const value = time(vector[1])
    const { year, week } = value.date().isoWeek()
    expect([
      value.toString(),
      value.repr(),
      value.isoFormat(),
      value.isoFormat('T', 'milliseconds'),
      value.date().isoFormat(),
      value.date().weekday(),
      [year, week, value.date().weekday() + 1],
      value.date().days + 719_163,
    ]).toEqual(vector.slice(2, 10))
    if (value.offset !== null) expect(value.timestamp()).toBe(float(vector[10]))
  })

  test.each(vectors('timedelta'))('a timedelta: $line', ({ vector }) => {
    const delta = new PyTimeDelta(BigInt(text(vector[1])))
    expect([delta.days, delta.seconds, delta.microseconds]).toEqual(vector[2])
    expect(delta.toString()).toBe(vector[3])
    expect(delta.repr()).toBe(vector[4])
    expect(delta.totalSeconds()).toBe(float(vector[5]))
  })
})
