/** What stands after the backslash in COPY text for a byte that must be escaped; 0: the byte stands for itself; 1: U+0000, which Postgres cannot hold. */
export const copyEscapes = new Uint8Array(256)
copyEscapes[0x00] = 1
copyEscapes[0x08] = 0x62
copyEscapes[0x09] = 0x74
copyEscapes[0x0a] = 0x6e
copyEscapes[0x0b] = 0x76
copyEscapes[0x0c] = 0x66
copyEscapes[0x0d] = 0x72
copyEscapes[0x5c] = 0x5c

/** A NULL and a separator may follow what room was reserved for. */
const SEPARATORS = 16

/** A COPY that is being written: a buffer that grows where one value needs it. */
export class CopyOutput {
  #bytes: Buffer
  /** The same bytes. */
  view: DataView
  /** Where the next byte goes. */
  offset = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.view = viewOf(bytes)
  }

  get bytes(): Buffer {
    return this.#bytes
  }

  set bytes(bytes: Buffer) {
    this.#bytes = bytes
    this.view = viewOf(bytes)
  }

  /** Room for `count` more bytes, and for the few that separate fields and rows. */
  reserve(count: number): void {
    const needed = this.offset + count + SEPARATORS
    if (needed <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2))
    this.bytes.copy(larger, 0, 0, this.offset)
    this.bytes = larger
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.#bytes.set(bytes, this.offset)
    this.offset += bytes.length
  }

  /** ASCII without anything to escape. */
  ascii(text: string): void {
    this.reserve(text.length)
    this.offset += this.bytes.write(text, this.offset, 'latin1')
  }

  /** Any text that has no U+0000. */
  escaped(text: string): void {
    const source = Buffer.from(text)
    this.reserve(source.length * 2)
    for (const byte of source) {
      const escape = copyEscapes[byte] ?? 0
      if (escape !== 0) this.bytes[this.offset++] = 0x5c
      this.bytes[this.offset++] = escape === 0 ? byte : escape
    }
  }

  /** The two bytes of NULL in text. */
  nullValue(): void {
    this.bytes[this.offset++] = 0x5c
    this.bytes[this.offset++] = 0x4e
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

const letters: Readonly<Record<string, string>> = {
  b: '\b',
  t: '\t',
  n: '\n',
  v: '\v',
  f: '\f',
  r: '\r',
}

/** What a field of COPY text stands for. */
export function unescapeCopy(text: string): string {
  return text.replace(/\\([^])/g, (_escape, letter: string) => letters[letter] ?? letter)
}
