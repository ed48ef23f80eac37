import type { ColumnKind } from '../../protocol/index.ts'
import { BACKSLASH } from './copy-escapes.ts'
import type { CopyTextWriter } from './copy-text-writer.ts'
import { storableJson } from './kept-value.ts'
import type { WireReader } from './wire-reader.ts'

const utc = Buffer.from('+00')
const QUOTE = 0x22

/** Writes a value of the wire as the text of one COPY field. */
export class FieldText {
  readonly #reader: WireReader
  readonly #writer: CopyTextWriter

  constructor(reader: WireReader, writer: CopyTextWriter) {
    this.#reader = reader
    this.#writer = writer
  }

  /** Returns whether the value had to be changed to be stored (U+0000 left out). */
  write(kind: ColumnKind, holds: ColumnKind): boolean {
    const quoted = holds === 'json' && isQuotedInJson(kind)
    if (quoted) {
      if (kind === 'string' || kind === 'timetz' || kind === 'bytes')
        return this.#quotedString(kind)
      this.#writer.byte(QUOTE)
    }
    const changed = this.#plain(kind)
    if (quoted) this.#writer.byte(QUOTE)
    return changed
  }

  skip(kind: ColumnKind): void {
    const reader = this.#reader
    switch (kind) {
      case 'boolean':
        reader.at += 1
        return
      case 'double':
        reader.at += 8
        return
      case 'integer':
      case 'date':
      case 'timestamptz':
      case 'timestamp':
      case 'time':
        reader.long()
        return
      case 'number':
      case 'string':
      case 'timetz':
      case 'bytes':
      case 'json': {
        // The length first: `at` moves while it is read.
        const length = reader.long()
        reader.at += length
      }
    }
  }

  #plain(kind: ColumnKind): boolean {
    const reader = this.#reader
    const writer = this.#writer
    switch (kind) {
      case 'integer':
        this.#integer(reader.long())
        return false
      case 'boolean':
        writer.byte(reader.byte() === 1 ? 0x74 : 0x66)
        return false
      case 'string':
      case 'timetz':
        return this.#text()
      case 'number':
        this.#digits()
        return false
      case 'timestamptz':
      case 'timestamp':
        this.#timestamp(reader.long(), kind)
        return false
      case 'json':
        return this.#json()
      case 'date':
        writer.date(reader.long())
        return false
      case 'time':
        this.#time(reader.long())
        return false
      case 'double':
        writer.string(String(reader.double()))
        writer.reserve(32)
        return false
      case 'bytes':
        this.#bytes()
        return false
    }
  }

  #integer(value: number): void {
    if (Number.isNaN(value)) this.#writer.string(String(this.#reader.big))
    else this.#writer.integer(value)
    this.#writer.reserve(32)
  }

  #text(): boolean {
    const reader = this.#reader
    const length = reader.long()
    const start = reader.at
    reader.at += length
    this.#writer.reserve(length * 2 + 32)
    return this.#writer.text(reader.bytes, start, reader.at)
  }

  #digits(): void {
    const reader = this.#reader
    const length = reader.long()
    const start = reader.at
    reader.at += length
    this.#writer.reserve(length + 32)
    this.#writer.raw(reader.bytes, start, reader.at)
  }

  #timestamp(micros: number, kind: 'timestamptz' | 'timestamp'): void {
    let seconds: number
    let fraction: number
    if (Number.isNaN(micros)) {
      const big = this.#reader.big ?? 0n
      const rest = ((big % 1_000_000n) + 1_000_000n) % 1_000_000n
      seconds = Number((big - rest) / 1_000_000n)
      fraction = Number(rest)
    } else {
      seconds = Math.floor(micros / 1_000_000)
      fraction = micros - seconds * 1_000_000
    }
    this.#writer.timestamp(seconds, fraction)
    if (kind === 'timestamptz') this.#writer.raw(utc, 0, 3)
  }

  #time(micros: number): void {
    const seconds = Math.floor(micros / 1_000_000)
    this.#writer.clock(seconds, micros - seconds * 1_000_000)
  }

  #bytes(): void {
    const reader = this.#reader
    const length = reader.long()
    const start = reader.at
    reader.at += length
    this.#writer.reserve(length * 2 + 32)
    this.#writer.hex(reader.bytes, start, reader.at)
  }

  /** JSON text as it is, unless it has an escape that jsonb refuses. */
  #json(): boolean {
    const reader = this.#reader
    const length = reader.long()
    const start = reader.at
    const end = start + length
    reader.at = end
    if (hasUnstorableEscape(reader.bytes, start, end)) {
      const text = Buffer.from(
        reader.bytes.buffer,
        reader.bytes.byteOffset + start,
        length,
      ).toString('utf8')
      const storable = storableJson(text)
      this.#writer.string(storable)
      this.#writer.reserve(32)
      return storable !== text
    }
    this.#writer.reserve(length * 2 + 32)
    return this.#writer.text(reader.bytes, start, end)
  }

  #quotedString(kind: 'string' | 'timetz' | 'bytes'): boolean {
    const text = kind === 'bytes' ? this.#base64() : this.#reader.string()
    const plain = text.replaceAll('\u0000', '')
    this.#writer.string(JSON.stringify(plain))
    this.#writer.reserve(32)
    return plain !== text
  }

  #base64(): string {
    const reader = this.#reader
    const length = reader.long()
    const text = Buffer.from(
      reader.bytes.buffer,
      reader.bytes.byteOffset + reader.at,
      length,
    ).toString('base64')
    reader.at += length
    return text
  }
}

function isQuotedInJson(kind: ColumnKind): boolean {
  return (
    kind !== 'json' &&
    kind !== 'integer' &&
    kind !== 'number' &&
    kind !== 'double' &&
    kind !== 'boolean'
  )
}

/** Whether the text may hold `\u0000` or half of a surrogate pair as an escape: those that begin with \u0 or \uD. A rough test. */
function hasUnstorableEscape(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end - 5; i++) {
    if (bytes[i] !== BACKSLASH) continue
    i += 1
    if (bytes[i] !== 0x75) continue
    const first = bytes[i + 1]
    if (first === 0x30 || first === 0x64 || first === 0x44) return true
  }
  return false
}
