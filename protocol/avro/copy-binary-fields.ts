import { civilOfDays } from './iso-moment.ts'
import type { WireKind } from './record-layout.ts'
import type { WireWriter } from './wire-writer.ts'

/** 2000-01-01, from where Postgres counts: days and microseconds since 1970. */
const EPOCH_DAYS = 10_957
const EPOCH_MICROS = 946_684_800_000_000
const TWO_32 = 2 ** 32
/** Longs up to this size are numbers, larger ones are bigints. */
const MAX_NUMBER = 2 ** 52
/** 0001-01-01 and 9999-12-31 as days since 1970: the range of the wire. */
const FIRST_DAY = -719_162
const LAST_DAY = 2_932_896
const FIRST_MICRO = BigInt(FIRST_DAY) * 86_400_000_000n
const LAST_MICRO = BigInt(LAST_DAY + 1) * 86_400_000_000n - 1n
const ZERO = 0x30
const MINUS = 0x2d
const QUOTE = 0x22
const BACKSLASH = 0x5c
const NEGATIVE = 0x4000
const notFinite: ReadonlyMap<number, string> = new Map([
  [0xc000, 'NaN'],
  [0xd000, 'Infinity'],
  [0xf000, '-Infinity'],
])
const hexDigits = Buffer.from('0123456789abcdef')

/**
 * The types of a column whose binary form is read, by their names in pg_catalog. `text`: anything that sends
 * its text.
 */
export type BinaryType =
  | 'int2'
  | 'int4'
  | 'int8'
  | 'bool'
  | 'numeric'
  | 'float8'
  | 'text'
  | 'uuid'
  | 'date'
  | 'timestamp'
  | 'timestamptz'
  | 'time'
  | 'bytea'
  | 'json'
  | 'jsonb'

/** The kind that a column of a type must be declared as. */
export const kindOfBinaryType: Readonly<Record<BinaryType, WireKind>> = {
  int2: 'integer',
  int4: 'integer',
  int8: 'integer',
  bool: 'boolean',
  numeric: 'number',
  float8: 'double',
  text: 'string',
  uuid: 'string',
  date: 'date',
  timestamp: 'timestamp',
  timestamptz: 'timestamptz',
  time: 'time',
  bytea: 'bytes',
  json: 'json',
  jsonb: 'json',
}

/**
 * One field of a row of binary COPY to one field of the wire: the same bytes as `CopyFields` makes of its
 * text. The caller has made room: as much as the row is long and 48 bytes more for each field.
 */
export class CopyBinaryFields {
  readonly #writer: WireWriter
  #rows: Uint8Array = new Uint8Array(0)
  #view = new DataView(this.#rows.buffer)

  constructor(writer: WireWriter) {
    this.#writer = writer
  }

  /** The rows that the fields are in. */
  get rows(): Uint8Array {
    return this.#rows
  }

  set rows(rows: Uint8Array) {
    this.#rows = rows
    this.#view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength)
  }

  get view(): DataView {
    return this.#view
  }

  /**
   * An upper bound of the row's length: the rest of the rows, unless that is so much that adding up its
   * fields pays off.
   */
  roomFor(start: number, enough: number): number {
    const view = this.#view
    const rest = view.byteLength - start
    if (rest <= enough) return rest
    let position = start + 2
    for (let left = view.getInt16(start); left > 0; left--)
      position += 4 + Math.max(0, view.getInt32(position))
    return position - start
  }

  /** False if the wire cannot hold the value: then what was written is to be taken back. */
  write(type: BinaryType, position: number, length: number): boolean {
    const writer = this.#writer
    if (type === 'text') {
      writer.long(length)
      this.#copy(position, position + length)
    } else if (type === 'int8') this.#int64(position)
    else if (type === 'int4') writer.long(this.#view.getInt32(position))
    else if (type === 'bool') writer.byte(this.#rows[position] ?? 0)
    else if (type === 'timestamptz' || type === 'timestamp') return this.#timestamp(position)
    else if (type === 'jsonb') this.#json(position + 1, position + length)
    else if (type === 'float8') writer.double(this.#view.getFloat64(position))
    else if (type === 'numeric') this.#numeric(position)
    else return this.#rare(type, position, length)
    return true
  }

  /**
   * A value that `write` refused (infinity, a year that is not of four digits), as JSON of the text that
   * Postgres prints.
   */
  json(type: BinaryType, position: number): string {
    return JSON.stringify(
      type === 'date' ? this.#dateText(position) : this.#timestampText(type, position),
    )
  }

  #rare(
    type: 'date' | 'uuid' | 'int2' | 'time' | 'json' | 'bytea',
    position: number,
    length: number,
  ): boolean {
    const writer = this.#writer
    if (type === 'date') return this.#date(position)
    if (type === 'uuid') this.#uuid(position)
    else if (type === 'int2') writer.long(this.#view.getInt16(position))
    else if (type === 'time') this.#int64(position)
    else if (type === 'json') this.#json(position, position + length)
    else {
      writer.long(length)
      this.#copy(position, position + length)
    }
    return true
  }

  #int64(position: number): void {
    const high = this.#view.getInt32(position)
    if (high >= -0x10_0000 && high < 0x10_0000) {
      this.#writer.long(high * TWO_32 + this.#view.getUint32(position + 4))
    } else {
      this.#writer.bigLong(this.#view.getBigInt64(position))
    }
  }

  #date(position: number): boolean {
    const days = this.#view.getInt32(position) + EPOCH_DAYS
    if (days < FIRST_DAY || days > LAST_DAY) return false
    this.#writer.long(days)
    return true
  }

  #timestamp(position: number): boolean {
    const high = this.#view.getInt32(position)
    const micros = high * TWO_32 + this.#view.getUint32(position + 4) + EPOCH_MICROS
    if (Math.abs(micros) < MAX_NUMBER) {
      this.#writer.long(micros)
      return true
    }
    const exact = this.#micros(position)
    if (exact < FIRST_MICRO || exact > LAST_MICRO) return false
    this.#writer.bigLong(exact)
    return true
  }

  #micros(position: number): bigint {
    return this.#view.getBigInt64(position) + BigInt(EPOCH_MICROS)
  }

  #copy(start: number, end: number): void {
    const writer = this.#writer
    const { bytes, view: target } = writer
    const view = this.#view
    let to = writer.position
    let position = start
    for (; position <= end - 4; position += 4, to += 4) target.setInt32(to, view.getInt32(position))
    while (position < end) bytes[to++] = this.#rows[position++] ?? 0
    writer.position = to
  }

  #uuid(position: number): void {
    const writer = this.#writer
    writer.long(36)
    writer.position = writeUuid(this.#rows, position, { bytes: writer.bytes, to: writer.position })
  }

  /**
   * Digits to the base 10,000, of which the first stands for 10,000 to the power of the weight, and a number
   * of decimals.
   */
  #numeric(position: number): void {
    const view = this.#view
    const writer = this.#writer
    const groups = view.getUint16(position)
    const weight = view.getInt16(position + 2)
    const sign = view.getUint16(position + 4)
    const scale = view.getUint16(position + 6)
    const named = notFinite.get(sign)
    if (named !== undefined) {
      writer.text(named)
      return
    }
    writer.reserve(Math.max(0, weight + 1) * 4 + scale + 64)
    const { bytes } = writer
    const lengthAt = writer.position
    let to = lengthAt + 1
    if (sign === NEGATIVE) bytes[to++] = MINUS
    if (weight < 0) bytes[to++] = ZERO
    for (let index = 0; index <= weight; index++) {
      const group = index < groups ? view.getInt16(position + 8 + 2 * index) : 0
      to = index === 0 ? firstGroup(bytes, to, group) : fullGroup(bytes, to, group)
    }
    if (scale > 0) to = this.#decimals(position, to)
    writer.endText(lengthAt, to)
  }

  /** Returns the position after them. */
  #decimals(position: number, start: number): number {
    const view = this.#view
    const { bytes } = this.#writer
    const groups = view.getUint16(position)
    bytes[start] = 0x2e
    const end = start + 1 + view.getUint16(position + 6)
    let to = start + 1
    for (let index = view.getInt16(position + 2) + 1; to < end; index++) {
      const group = index >= 0 && index < groups ? view.getInt16(position + 8 + 2 * index) : 0
      to = fullGroup(bytes, to, group)
    }
    return end
  }

  /** The document without the white space between its tokens, as the object path prints it. */
  #json(start: number, end: number): void {
    const writer = this.#writer
    const { bytes } = writer
    const rows = this.#rows
    const lengthAt = writer.position
    let to = lengthAt + 1
    let position = start
    while (position < end) {
      const byte = rows[position++] ?? 0
      if (byte > 0x20) bytes[to++] = byte
      if (byte !== QUOTE) continue
      for (let isEscaped = false; position < end;) {
        const inside = rows[position++] ?? 0
        bytes[to++] = inside
        if (inside === QUOTE && !isEscaped) break
        isEscaped = inside === BACKSLASH && !isEscaped
      }
    }
    writer.endText(lengthAt, to)
  }

  #dateText(position: number): string {
    const days = this.#view.getInt32(position)
    if (days === 0x7fff_ffff) return 'infinity'
    if (days === -0x8000_0000) return '-infinity'
    const { text, isBc } = dayText(days + EPOCH_DAYS)
    return isBc ? `${text} BC` : text
  }

  #timestampText(type: BinaryType, position: number): string {
    const raw = this.#view.getBigInt64(position)
    if (raw === 2n ** 63n - 1n) return 'infinity'
    if (raw === -(2n ** 63n)) return '-infinity'
    const micros = this.#micros(position)
    const within = ((micros % 86_400_000_000n) + 86_400_000_000n) % 86_400_000_000n
    const { text, isBc } = dayText(Number((micros - within) / 86_400_000_000n))
    const clock = new Date(Number(within / 1000n)).toISOString().slice(11, 19)
    const fraction = String(within % 1_000_000n)
      .padStart(6, '0')
      .replace(/0+$/, '')
    const zone = type === 'timestamptz' ? '+00' : ''
    return `${text} ${clock}${fraction === '' ? '' : `.${fraction}`}${zone}${isBc ? ' BC' : ''}`
  }
}

/** The text of the 16 bytes at `position`; returns where it ends. */
export function writeUuid(
  from: Uint8Array,
  position: number,
  { bytes, to }: { readonly bytes: Uint8Array; readonly to: number },
): number {
  let end = to
  for (let index = 0; index < 16; index++) {
    if (index === 4 || index === 6 || index === 8 || index === 10) bytes[end++] = MINUS
    const byte = from[position + index] ?? 0
    bytes[end++] = hexDigits[byte >> 4] ?? 0
    bytes[end++] = hexDigits[byte & 15] ?? 0
  }
  return end
}

/** As Postgres prints it. */
function dayText(days: number): { readonly text: string; readonly isBc: boolean } {
  const { year, month, day } = civilOfDays(days)
  const isBc = year <= 0
  const two = (n: number): string => String(n).padStart(2, '0')
  const shown = String(isBc ? 1 - year : year).padStart(4, '0')
  return { text: `${shown}-${two(month)}-${two(day)}`, isBc }
}

function firstGroup(bytes: Uint8Array, start: number, group: number): number {
  let to = start
  if (group >= 1000) return fullGroup(bytes, start, group)
  if (group >= 100) bytes[to++] = ZERO + ((group / 100) | 0)
  if (group >= 10) bytes[to++] = ZERO + (((group / 10) | 0) % 10)
  bytes[to++] = ZERO + (group % 10)
  return to
}

function fullGroup(bytes: Uint8Array, to: number, group: number): number {
  const high = (group / 100) | 0
  const low = group - high * 100
  const tens = (high / 10) | 0
  const lowTens = (low / 10) | 0
  bytes[to] = ZERO + tens
  bytes[to + 1] = ZERO + high - tens * 10
  bytes[to + 2] = ZERO + lowTens
  bytes[to + 3] = ZERO + low - lowTens * 10
  return to + 4
}
