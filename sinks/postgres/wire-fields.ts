import { copyEscapes, type CopyOutput } from './copy-output.ts'
import { writeInteger, writePadded } from './digits.ts'
import { MomentText } from './moment-text.ts'
import { sanitizeJson } from './sanitize-json.ts'

const BACKSLASH = 0x5c
const LETTER_U = 0x75
/** Carriage return: of the control characters that COPY escapes, the last. */
const LAST_ESCAPED = 0x0d
const hexDigits = Buffer.from('0123456789abcdef')
const trueText = Buffer.from('true')
const falseText = Buffer.from('false')

/** Transcodes single fields: reads Avro at `at` of `input`, writes COPY text to the output. No strings in the usual cases. */
export class WireFields {
  input: Buffer = Buffer.alloc(0)
  at = 0
  /** The last text had a U+0000 (or its JSON escape, or half of a surrogate pair in JSON), which was left out. */
  stripped = false
  readonly #out: CopyOutput
  readonly #moments = new MomentText()
  /** Of the last long beyond 2^52: its size is millions * 10^6 + units. */
  #negative = false
  #millions = 0
  #units = 0

  constructor(out: CopyOutput) {
    this.#out = out
  }

  /** Reads a long; NaN where it is beyond 2^52 in size, which then stands in the three fields above. */
  long(): number {
    const { input } = this
    let at = this.at
    let byte = input[at++] ?? 0
    let low = byte & 0x7f
    let shift = 7
    while (byte >= 0x80 && shift < 28) {
      byte = input[at++] ?? 0
      low |= (byte & 0x7f) << shift
      shift += 7
    }
    this.at = at
    return byte < 0x80 ? (low >>> 1) ^ -(low & 1) : this.#largeLong(low)
  }

  #largeLong(low: number): number {
    const { input } = this
    let at = this.at
    let byte = 0x80
    let middle = 0
    let high = 0
    for (let shift = 0; byte >= 0x80; shift += 7) {
      byte = input[at++] ?? 0
      if (shift < 28) middle |= (byte & 0x7f) << shift
      else high |= (byte & 0x7f) << (shift - 28)
    }
    this.at = at
    const upper = high * 2 ** 28 + middle
    const negative = (low & 1) === 1
    if (upper < 2 ** 25) {
      const zigzag = upper * 2 ** 28 + low
      return negative ? -(zigzag + 1) / 2 : zigzag / 2
    }
    this.#split(upper, low, negative)
    return NaN
  }

  /** Divides upper * 2^28 + low (zigzag) by two and by 10^6 in steps that a double holds exactly. */
  #split(upper: number, low: number, negative: boolean): void {
    // Half of it: upper's lowest bit becomes the highest of low; a negative is one larger in size.
    const half = Math.floor(upper / 2)
    const lower = (low >>> 1) + (upper % 2) * 2 ** 27 + (negative ? 1 : 0)
    const quotient = Math.floor(half / 1e6)
    const rest = (half - quotient * 1e6) * 2 ** 28 + lower
    const millions = Math.floor(rest / 1e6)
    this.#millions = quotient * 2 ** 28 + millions
    this.#units = rest - millions * 1e6
    this.#negative = negative
  }

  integer(): void {
    const value = this.long()
    const out = this.#out
    if (value === value) {
      writeInteger(out, value)
      return
    }
    if (this.#negative) out.bytes[out.at++] = 0x2d
    writeInteger(out, this.#millions)
    writePadded(out, this.#units, 6)
  }

  boolean(): void {
    const text = this.input[this.at++] === 1 ? trueText : falseText
    this.#out.at += text.copy(this.#out.bytes, this.#out.at)
  }

  date(): void {
    this.#moments.date(this.#out, this.long())
  }

  time(): void {
    const micros = this.long()
    const seconds = Math.floor(micros / 1e6)
    this.#moments.time(this.#out, seconds, micros - seconds * 1e6)
  }

  timestamp(zone: '' | '+00'): void {
    const value = this.long()
    let seconds = Math.floor(value / 1e6)
    let micros = value - seconds * 1e6
    if (value !== value) {
      seconds = this.#negative ? -this.#millions : this.#millions
      micros = this.#units
      if (this.#negative && micros > 0) {
        seconds -= 1
        micros = 1e6 - micros
      }
    }
    this.#moments.timestamp(this.#out, { seconds, micros }, zone)
  }

  double(): void {
    const value = this.input.readDoubleLE(this.at)
    this.at += 8
    if (Number.isSafeInteger(value)) writeInteger(this.#out, value)
    else this.#out.ascii(String(value))
  }

  text(): void {
    const { input } = this
    const out = this.#out
    const length = this.long()
    out.reserve(length * 2)
    const { bytes } = out
    let at = this.at
    let to = out.at
    const end = at + length
    while (at < end) {
      const byte = input[at++] ?? 0
      // Two comparisons for nearly every byte cost less than the table (2026-11: 0.1 us a row).
      if (byte > BACKSLASH || (byte > LAST_ESCAPED && byte !== BACKSLASH)) {
        bytes[to++] = byte
        continue
      }
      const escape = copyEscapes[byte] ?? 0
      if (escape === 0) {
        bytes[to++] = byte
      } else if (escape === 1) {
        this.stripped = true
      } else {
        bytes[to++] = BACKSLASH
        bytes[to++] = escape
      }
    }
    this.at = end
    out.at = to
  }

  /** JSON for a json or jsonb column: as it is, without the escapes that jsonb refuses. */
  json(): void {
    const { input } = this
    const out = this.#out
    const length = this.long()
    out.reserve(length * 2)
    const { bytes } = out
    const start = this.at
    const outStart = out.at
    const end = start + length
    let at = start
    let to = outStart
    while (at < end) {
      const byte = input[at++] ?? 0
      const escape = byte > BACKSLASH ? 0 : (copyEscapes[byte] ?? 0)
      if (escape === 0) {
        bytes[to++] = byte
        continue
      }
      if (escape === 1 || (byte === BACKSLASH && isRefused(input, at))) {
        this.at = start
        this.#sanitized(end)
        return
      }
      bytes[to++] = BACKSLASH
      bytes[to++] = escape
      if (byte !== BACKSLASH) continue
      // The character after a backslash belongs to it: `\\u0000` is a backslash and a text.
      const next = input[at++] ?? 0
      if (next === BACKSLASH) bytes[to++] = BACKSLASH
      bytes[to++] = next
    }
    this.at = end
    out.at = to
  }

  #sanitized(end: number): void {
    const text = this.input.toString('utf8', this.at, end)
    const clean = sanitizeJson(text)
    this.at = end
    if (clean !== text) this.stripped = true
    this.#out.escaped(clean)
  }

  bytea(): void {
    const { input } = this
    const out = this.#out
    const length = this.long()
    out.reserve(length * 2 + 3)
    const { bytes } = out
    let to = out.at
    bytes[to++] = BACKSLASH
    bytes[to++] = BACKSLASH
    bytes[to++] = 0x78
    const end = this.at + length
    for (let at = this.at; at < end; at++) {
      const byte = input[at] ?? 0
      bytes[to++] = hexDigits[byte >> 4] ?? 0
      bytes[to++] = hexDigits[byte & 15] ?? 0
    }
    this.at = end
    out.at = to
  }

  /** Reads a string as a JS string: what is rare. */
  string(): string {
    const length = this.long()
    const start = this.at
    this.at += length
    return this.input.toString('utf8', start, this.at)
  }
}

/** `\u0000` or a surrogate: the byte at `at` follows a backslash. */
function isRefused(input: Uint8Array, at: number): boolean {
  if (input[at] !== LETTER_U) return false
  const first = input[at + 1] ?? 0
  if ((first | 0x20) === 0x64) return true
  return (
    first === 0x30 && input[at + 2] === 0x30 && input[at + 3] === 0x30 && input[at + 4] === 0x30
  )
}
