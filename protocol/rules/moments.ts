import {
  formatDate,
  formatTime,
  formatTimestamp,
  MomentParser,
  parseDate,
} from '../avro/iso-moment.ts'
import type { ColumnKind } from '../columns.ts'

/** The kinds of columns that hold a moment, and whose values are compared by it. */
export type MomentKind = 'date' | 'time' | 'timestamp' | 'timestamptz'

const momentKinds: ReadonlySet<string> = new Set(['date', 'time', 'timestamp', 'timestamptz'])

/** Whether values of the kind are moments. */
export function isMomentKind(kind: ColumnKind): kind is MomentKind {
  return momentKinds.has(kind)
}

const parser = new MomentParser()
const ascii = new Uint8Array(48)

/**
 * The moment of a text, as a number that orders it: days, or microseconds. PostgreSQL's infinities are
 * infinite numbers. Undefined if the text is none, or the column of this kind cannot hold it: a year before
 * 1 or after 9999.
 */
export function momentOf(kind: MomentKind, text: string): number | bigint | undefined {
  if (text === 'infinity') return kind === 'time' ? undefined : Number.POSITIVE_INFINITY
  if (text === '-infinity') return kind === 'time' ? undefined : Number.NEGATIVE_INFINITY
  const length = toAscii(text)
  if (length === 0) return undefined
  if (kind === 'date') return unlessNaN(parseDate(ascii, 0, length))
  if (kind === 'time') return unlessNaN(parser.time(ascii, 0, length))
  if (parser.timestamp(ascii, 0) !== length) return undefined
  if (kind === 'timestamp' && parser.zoned) return undefined
  return BigInt(parser.seconds) * 1_000_000n + BigInt(parser.micros)
}

const day = String.raw`\d{4}-\d\d-\d\d`
const dayAlone = new RegExp(`^${day}$`)
const withoutSeconds = new RegExp(
  `^((?:${day}[T ])?\\d\\d:\\d\\d)((?:Z|[-+]\\d\\d(?::?\\d\\d)?)?)$`,
  'i',
)

/** As `momentOf`; PostgreSQL also reads a time without seconds, and a day as its midnight. */
export function heldMoment(kind: MomentKind, text: string): number | bigint | undefined {
  const moment = momentOf(kind, text)
  if (moment !== undefined || kind === 'date') return moment
  if (kind !== 'time' && dayAlone.test(text)) return momentOf(kind, `${text}T00:00:00`)
  const [, start = '', zone = ''] = withoutSeconds.exec(text) ?? []
  return start === '' ? undefined : momentOf(kind, `${start}:00${zone}`)
}

/** A moment in the one form that all of its texts have in common. */
export function momentText(kind: MomentKind, moment: number | bigint): string {
  if (moment === Number.POSITIVE_INFINITY) return 'infinity'
  if (moment === Number.NEGATIVE_INFINITY) return '-infinity'
  if (kind === 'date') return formatDate(Number(moment))
  if (kind === 'time') return formatTime(Number(moment))
  const text = formatTimestamp(BigInt(moment))
  return kind === 'timestamptz' ? `${text}Z` : text
}

function unlessNaN(value: number): number | undefined {
  return Number.isNaN(value) ? undefined : value
}

/** Returns the length, and ends the text with a zero; 0 if it is too long or not ASCII. */
function toAscii(text: string): number {
  if (text.length >= ascii.length) return 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code > 127) return 0
    ascii[index] = code
  }
  ascii[text.length] = 0
  return text.length
}
