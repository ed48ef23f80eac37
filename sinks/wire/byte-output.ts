/** A NULL and a separator may follow what room was reserved for. */
const SEPARATORS = 16

/** Bytes that are being written: a buffer that grows when one value needs it. */
export class ByteOutput {
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
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
