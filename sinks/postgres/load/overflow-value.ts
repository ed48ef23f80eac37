import { integralOf } from '../../../protocol/avro/integral-number.ts'
import { integerOfText, isNumberText } from '../../../protocol/number-text.ts'
import { parseExact, isRawJson } from '../../../protocol/exact-json.ts'
import type { RecordValue } from '../../../protocol/index.ts'
import type { HeldType } from '../tables/column-types.ts'
import { sanitizeJson } from './sanitize-json.ts'

/** The value for the column: its text, and whether the text is less than the original value. */
export interface ColumnText {
  readonly text: string
  readonly truncated: boolean
}

const zone = String.raw`(?:Z|[-+]\d\d(?::?\d\d(?::?\d\d)?)?)`
const clock = String.raw`\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?`
const day = String.raw`[-+]?\d{4,7}-\d\d-\d\d`
const dateText = new RegExp(`^${day}(?: BC)?$`, 'i')
const momentText = new RegExp(`^(${day})[T ]${clock} ?(${zone})?(?: BC)?$`, 'i')
const timeText = new RegExp(`^${clock}$`)
const zonedTimeText = new RegExp(`^${clock} ?${zone}$`, 'i')
const infinity = /^[-+]?infinity$/i
const tooFine = /[.,]\d{6}\d*[1-9]/

const textOf: Readonly<Record<HeldType, (text: string, value: RecordValue) => string | undefined>> =
  {
    boolean: (_text, value) => (typeof value === 'boolean' ? String(value) : undefined),
    smallint: (text, value) => integer(text, value, 15),
    integer: (text, value) => integer(text, value, 31),
    bigint: (text, value) => integer(text, value, 63),
    numeric: number,
    float: number,
    text: (text) => text,
    date: (text) => (dateText.test(text) || infinity.test(text) ? era(text) : undefined),
    timestamp: (text) => moment(text, (given) => given === undefined),
    timestamptz: (text) => moment(text, () => true),
    time: (text) => (timeText.test(text) ? text : undefined),
    timetz: (text) => (zonedTimeText.test(text) || timeText.test(text) ? text : undefined),
    bytea: () => undefined,
    jsonb: (text) => text,
    json: (text) => text,
    uuid: (text) => text,
    enum: (text) => text,
    network: (text) => text,
    interval: (text) => text,
    money: (text) => text,
    oid: (text) => text,
    other: (text) => text,
  }

/**
 * The text for a column of this type that holds a value which the declared type could not hold (an overflow
 * entry of the wire, as JSON); undefined if the column cannot hold it either. What looks right here is still
 * Postgres' to refuse. Words such as `now` or `today`, which Postgres would replace by a value of its own,
 * are not taken.
 */
export function columnTextOf(json: string, held: HeldType): ColumnText | undefined {
  const clean = sanitizeJson(json)
  if (held === 'jsonb' || held === 'json') return { text: clean, truncated: clean !== json }
  const value = parseExact(clean)
  if (value === null) return undefined
  const source = typeof value === 'string' ? value.replaceAll('\0', '') : clean
  const text = textOf[held](source, value)
  if (text === undefined) return undefined
  const dated = held !== 'text' && held.startsWith('t')
  return { text, truncated: clean !== json || (dated && tooFine.test(text)) }
}

function integer(text: string, given: RecordValue, bits: number): string | undefined {
  const value = typeof given === 'string' ? integerOfText(text) : integralOf(text)
  if (value === undefined) return undefined
  const limit = 2n ** BigInt(bits)
  return value >= -limit && value < limit ? value.toString() : undefined
}

function number(text: string, value: RecordValue): string | undefined {
  const isNumeric =
    typeof value === 'string' ||
    typeof value === 'number' ||
    typeof value === 'bigint' ||
    isRawJson(value)
  return isNumeric && isNumberText(text) ? text : undefined
}

function moment(text: string, allows: (zone: string | undefined) => boolean): string | undefined {
  if (infinity.test(text)) return text
  const match = momentText.exec(text)
  if (match === null) return dateText.test(text) ? era(text) : undefined
  return allows(match[2]) ? era(text.replace(',', '.')) : undefined
}

/** ISO 8601 counts years BC from 0 down and marks long years with a sign; Postgres takes neither. */
function era(text: string): string {
  const match = /^([-+]?)(\d{4,7})(-.*)$/s.exec(text)
  if (match === null) return text
  const [, sign, year = '', rest = ''] = match
  const years = Number(year)
  if (sign === '-' || years === 0) return `${String(years + 1).padStart(4, '0')}${rest} BC`
  return `${year.replace(/^0+(?=\d{4})/, '')}${rest}`
}
