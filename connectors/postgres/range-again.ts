import { ConnectError, type JsonValue } from '../../protocol/index.ts'
import type { CursorRange, RangeRequest } from '../connector.ts'
import { type CursorState, parseSavedCursor } from './states.ts'

/** `Connector.readRange`: the range comes after those that the state still has to read. */
export function addRange(state: JsonValue, asked: CursorRange, stream: string): RangeRequest {
  const saved = parseSavedCursor(state, stream)
  const { field: cursorField, again = [] } = saved
  const { from, to } = parseBounds(saved, asked, stream)
  const isKnown = again.some(
    ({ why, after, ...other }) =>
      why === 'asked' && after === undefined && other.from === from && other.to === to,
  )
  const added = isKnown ? again : [...again, { why: 'asked' as const, from, to }]
  return { state: { ...saved, again: added }, cursorField, from, to }
}

/** The bounds as PostgreSQL reads them. Throws `stream_range_invalid`. */
function parseBounds(
  { field, type, cursor }: CursorState,
  { from, to }: CursorRange,
  stream: string,
): CursorRange {
  const refuse = refusalOf(stream)
  if (cursor === null) throw refuse('streams', 'no row with a cursor value was read yet', runFirst)
  if (type === undefined)
    throw refuse('streams', 'its checkpoint is one of an earlier version', runFirst)
  const parse = parserOf(type)
  if (parse === undefined) {
    const problem = `the cursor ${field} has the type ${type}; bounds can be numbers, dates, timestamps, texts and UUIDs`
    throw refuse('from', problem, 'Leave out `from` and `to` to read the whole stream again.')
  }
  const bound = (name: 'from' | 'to', text: string | null): Bound | undefined => {
    if (text === null) return undefined
    const parsed = parse(text)
    if (parsed !== undefined) return parsed
    const fix = `Give a value of ${field}, such as \`${exampleOf(type)}\`.`
    throw refuse(name, `${JSON.stringify(text)} is no ${type}`, fix)
  }
  const [lower, upper] = [bound('from', from), bound('to', to)]
  if (lower !== undefined && upper !== undefined && isBefore(upper, lower))
    throw refuse('to', `${upper.text} is before ${lower.text}`, 'Exchange `from` and `to`.')
  return { from: lower?.text ?? null, to: upper?.text ?? null }
}

function isBefore({ order: left }: Bound, { order: right }: Bound): boolean {
  return left !== undefined && right !== undefined && left < right
}

const runFirst = 'Run the connection, and then reset the range.'

function refusalOf(stream: string) {
  return (field: string, problem: string, fix: string): ConnectError =>
    new ConnectError('stream_range_invalid', {
      details: { place: `stream ${stream}`, field, problem, fix },
    })
}

interface Bound {
  /** As PostgreSQL reads it with any setting. */
  readonly text: string
  /** Comparable with those of its type; absent for texts, whose order is that of a collation. */
  readonly order?: bigint | number
}

type Parse = (text: string) => Bound | undefined

/** The parser of the values of a type, as the source names it. */
function parserOf(type: string): Parse | undefined {
  const name = type.replace(/ COLLATE .+$/s, '').replace(/\([\d,-]+\)/, '')
  return parsers.get(name)
}

const integer =
  (bits: number): Parse =>
  (text) => {
    if (!/^[+-]?\d{1,30}$/.test(text)) return undefined
    const order = BigInt(text.replace('+', ''))
    return BigInt.asIntN(bits, order) === order ? { text: String(order), order } : undefined
  }

const decimal: Parse = (text) =>
  /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d{1,4})?$/i.test(text)
    ? { text, order: Number(text) }
    : undefined

/** The three forms of a moment: a date, a time without a zone, an instant. */
type MomentShape = 'date' | 'local' | 'zoned'

interface MomentParts {
  readonly day: string
  /** `18:30` or `18:30:00`; undefined for a date alone. */
  readonly time: string | undefined
  readonly fraction: string
  readonly zone: string
}

const moment =
  (shape: MomentShape): Parse =>
  (text) => {
    const parts = partsOf(text)
    if (parts === undefined || !isOfShape(parts, shape)) return undefined
    const { day, time = '00:00', fraction, zone } = parts
    const days = secondsOfDay(day)
    const clock = secondsOfClock(time)
    if (days === undefined || clock === undefined) return undefined
    const micros = Number(fraction.slice(1).padEnd(6, '0'))
    const order = (days + clock - offsetSeconds(zone)) * 1_000_000 + micros
    return { text: momentText({ ...parts, time }, shape), order }
  }

function partsOf(text: string): MomentParts | undefined {
  const match = momentForm.exec(text)
  if (match === null) return undefined
  const [, day = '', time, fraction = '', zone = ''] = match
  return { day, time, fraction, zone }
}

function isOfShape({ time, zone }: MomentParts, shape: MomentShape): boolean {
  if (shape === 'date') return time === undefined
  return shape === 'zoned' || zone === ''
}

function momentText(
  { day, time, fraction, zone }: MomentParts & { readonly time: string },
  shape: MomentShape,
): string {
  if (shape === 'date') return day
  const offset = /^z?$/i.test(zone) ? '+00' : zone
  return `${day} ${time.padEnd(8, ':00')}${fraction}${shape === 'zoned' ? offset : ''}`
}

/** Undefined for a day that no calendar has. An impossible day of a month is the next month's to Date. */
function secondsOfDay(day: string): number | undefined {
  const ms = Date.parse(`${day}T00:00:00Z`)
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day) ? ms / 1000 : undefined
}

function secondsOfClock(time: string): number | undefined {
  const [hours = 0, minutes = 0, seconds = 0] = time.split(':').map(Number)
  if (hours > 23 || minutes > 59 || seconds > 59) return undefined
  return hours * 3600 + minutes * 60 + seconds
}

const momentForm =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(\.\d{1,6})?\s?(Z|[+-]\d{2}(?::?\d{2})?)?)?$/i

function offsetSeconds(zone: string): number {
  const [, sign, hours = '0', minutes = '0'] = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone) ?? []
  const seconds = Number(hours) * 3600 + Number(minutes) * 60
  return sign === '-' ? -seconds : seconds
}

const anyText: Parse = (text) => (text.includes('\0') ? undefined : { text })
const uuid: Parse = (text) =>
  /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text) ? { text } : undefined

const parsers: ReadonlyMap<string, Parse> = new Map([
  ['smallint', integer(16)],
  ['integer', integer(32)],
  ['bigint', integer(64)],
  ['numeric', decimal],
  ['real', decimal],
  ['double precision', decimal],
  ['date', moment('date')],
  ['timestamp without time zone', moment('local')],
  ['timestamp with time zone', moment('zoned')],
  ['text', anyText],
  ['character varying', anyText],
  ['uuid', uuid],
])

function exampleOf(type: string): string {
  if (type.endsWith('without time zone')) return '2026-01-31 18:30:00'
  if (type.startsWith('timestamp')) return '2026-01-31T18:30:00Z'
  if (type === 'date') return '2026-01-31'
  return type === 'uuid' ? '8f14e45f-ceea-467f-9575-4ef0a2f2f5a8' : '1000'
}
