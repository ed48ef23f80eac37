import { daysInMonth } from '../value/calendar.ts'
import { PyDateTime } from '../value/py-datetime.ts'

/**
 * Reads the usual shape of a time (two digits a field, `%f`, a zone) without a regular expression: records
 * have one each. Undefined if the text has another shape: strptime then decides, also about errors. Undefined
 * as a whole for formats with other directives.
 */
export function compileFixedLayout(
  format: string,
  naiveOffset: 0 | null,
): ((text: string) => PyDateTime | undefined) | undefined {
  const steps: Step[] = []
  for (const [piece] of format.matchAll(/%[^]?|[^%]/gu)) {
    const step = piece.startsWith('%') ? directives.get(piece) : literal(piece)
    if (step === undefined) return undefined
    steps.push(step)
  }
  return (text) => {
    const reading: Reading = { text, position: 0, ...blank, offset: naiveOffset }
    for (const step of steps) if (!step(reading)) return undefined
    if (reading.position !== text.length || !isValid(reading)) return undefined
    return new PyDateTime(reading)
  }
}

interface Reading {
  readonly text: string
  position: number
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
  microsecond: number
  offset: number | null
}
type Step = (reading: Reading) => boolean
type Field = 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second'

const blank = {
  year: 1900,
  month: 1,
  day: 1,
  hour: 0,
  minute: 0,
  second: 0,
  microsecond: 0,
}

const directives: ReadonlyMap<string, Step> = new Map([
  ['%Y', digits('year', 4)],
  ['%m', digits('month', 2)],
  ['%d', digits('day', 2)],
  ['%H', digits('hour', 2)],
  ['%M', digits('minute', 2)],
  ['%S', digits('second', 2)],
  ['%f', fraction],
  ['%z', zone],
])

/** Code units rather than code points: a pair of surrogates never matches here, and is left to strptime. */
function literal(character: string): Step {
  const code = character.charCodeAt(0)
  return (reading) => reading.text.charCodeAt(reading.position++) === code
}

function digits(field: Field, width: number): Step {
  return (reading) => {
    const value = number(reading.text, reading.position, width)
    reading.position += width
    reading[field] = value
    return value >= 0
  }
}

/** -1 if there are other characters than digits. */
function number(text: string, position: number, width: number): number {
  let value = 0
  for (let index = position; index < position + width; index++) {
    const digit = text.charCodeAt(index) - 48
    if (!(digit >= 0 && digit <= 9)) return -1
    value = value * 10 + digit
  }
  return value
}

function fraction(reading: Reading): boolean {
  let value = 0
  let count = 0
  for (; count < 6; count++) {
    const digit = reading.text.charCodeAt(reading.position + count) - 48
    if (!(digit >= 0 && digit <= 9)) break
    value = value * 10 + digit
  }
  reading.position += count
  reading.microsecond = value * (powers[count] ?? 1)
  return count > 0
}
const powers = [0, 100_000, 10_000, 1000, 100, 10, 1]

function zone(reading: Reading): boolean {
  const { text, position } = reading
  if (text.charAt(position) === 'Z') {
    reading.position = position + 1
    reading.offset = 0
    return true
  }
  const sign = text.charAt(position)
  if (sign !== '+' && sign !== '-') return false
  const minutesAt = text.charAt(position + 3) === ':' ? position + 4 : position + 3
  const hours = number(text, position + 1, 2)
  const minutes = number(text, minutesAt, 2)
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return false
  reading.position = minutesAt + 2
  const seconds = hours * 3600 + minutes * 60
  reading.offset = sign === '-' ? 0 - seconds : seconds
  return true
}

function isValid(reading: Reading): boolean {
  return (
    reading.year >= 1 &&
    reading.month >= 1 &&
    reading.month <= 12 &&
    reading.day >= 1 &&
    reading.day <= daysInMonth(reading.year, reading.month) &&
    reading.hour <= 23 &&
    reading.minute <= 59 &&
    reading.second <= 59
  )
}
