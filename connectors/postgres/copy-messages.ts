/** Whole rows, one after the other, without what a binary COPY has before and after them. The bytes are valid until the next chunk is asked for. */
export interface CopyChunk {
  readonly bytes: Buffer
  readonly rows: number
  /** Where the last row begins. */
  readonly lastRow: number
}

/** How the rows come. */
export type CopyOutFormat = 'text' | 'binary'

/** Bytes that are gathered before they are handed out; a socket returns at most 64 KiB at once. */
const chunkBytes = 128 * 1024
const headroomBytes = 64 * 1024
/** What a read begins with: most tables of a run with thousands of them have no more. */
const firstBytes = 16 * 1024
const headerBytes = 5
const newline = 0x0a
/** A call of `copy` takes as long as a loop over this number of bytes: 60 ns (2026-11). */
const fewBytes = 64
/** A binary COPY begins with `PGCOPY…`, flags and the length of an extension, in the message of its first row, … */
const copySignature = 0x5047
const copyHeaderBytes = 19
/** … and ends with a row of -1 fields. */
const copyTrailer = 0xffff
const messageType = {
  copyData: 0x64,
  copyOutResponse: 0x48,
  copyDone: 0x63,
  errorResponse: 0x45,
} as const

/** Splits the server's response to a COPY into rows: CopyData is gathered, everything else goes to `forward` (pg's own parser). */
export class CopyMessages {
  readonly #forward: (bytes: Buffer) => void
  readonly #format: CopyOutFormat
  #lines: Buffer = Buffer.allocUnsafe(firstBytes)
  #length = 0
  #given = 0
  #rows = 0
  /** Where the last whole row ends, and where it begins. */
  #whole = 0
  #lastRow = 0
  #hasBegun = false
  /** The message that the bytes are in the middle of. */
  #type = 0
  #left = 0
  readonly #header = Buffer.allocUnsafe(headerBytes)
  #headerLength = 0

  constructor(forward: (bytes: Buffer) => void, format: CopyOutFormat = 'text') {
    this.#forward = forward
    this.#format = format
  }

  get full(): boolean {
    return this.#rows > 0 && this.#length >= chunkBytes
  }

  /** Takes the bytes of one socket read. Returns the bytes from the end of the COPY on, once that has come. */
  push(chunk: Buffer): Buffer | undefined {
    let offset = 0
    while (offset < chunk.length) {
      if (this.#left > 0) {
        offset += this.#payload(chunk, offset)
        continue
      }
      if (this.#headerLength === 0) {
        offset = this.#wholeRows(chunk, offset)
        if (isEndOfCopy(chunk[offset])) return chunk.subarray(offset)
      }
      offset += this.#startMessage(chunk, offset)
    }
    return undefined
  }

  /** Takes the rows whose messages are whole in the chunk, which are nearly all of them; returns the offset of the rest. */
  #wholeRows(chunk: Buffer, from: number): number {
    let offset = from
    while (chunk[offset] === messageType.copyData && offset + headerBytes <= chunk.length) {
      const size = chunk.readInt32BE(offset + 1) - 4
      const start = offset + headerBytes
      if (size < 0 || start + size > chunk.length) break
      this.#append(chunk, start, size)
      this.#endRow()
      offset = start + size
    }
    return offset
  }

  #startMessage(chunk: Buffer, offset: number): number {
    if (this.#headerLength === 0 && chunk.length - offset >= headerBytes) {
      this.#enter(chunk, offset)
      return headerBytes
    }
    const taken = chunk.copy(this.#header, this.#headerLength, offset)
    this.#headerLength += taken
    if (this.#headerLength === headerBytes) {
      this.#headerLength = 0
      this.#enter(this.#header, 0)
    }
    return taken
  }

  #enter(header: Buffer, offset: number): void {
    this.#type = header[offset] ?? 0
    this.#left = header.readUInt32BE(offset + 1) - 4
    if (this.#isForwarded())
      this.#forward(Buffer.from(header.subarray(offset, offset + headerBytes)))
  }

  #payload(chunk: Buffer, offset: number): number {
    const size = Math.min(this.#left, chunk.length - offset)
    this.#left -= size
    if (this.#type === messageType.copyData) {
      this.#append(chunk, offset, size)
      if (this.#left === 0) this.#endRow()
    } else if (this.#isForwarded()) {
      this.#forward(chunk.subarray(offset, offset + size))
    }
    return size
  }

  /** The protocol sends one row a message. */
  #endRow(): void {
    if (this.#format === 'binary' && !this.#isRow()) {
      this.#length = this.#whole
      return
    }
    this.#rows += 1
    this.#lastRow = this.#whole
    this.#whole = this.#length
  }

  /** Whether the message has a row, once the header has gone. */
  #isRow(): boolean {
    const lines = this.#lines
    if (!this.#hasBegun) {
      this.#hasBegun = true
      if (lines.readUInt16BE(this.#whole) === copySignature) {
        this.#length -= copyHeaderBytes
        lines.copyWithin(this.#whole, this.#whole + copyHeaderBytes)
      }
    }
    return this.#length > this.#whole && lines.readUInt16BE(this.#whole) !== copyTrailer
  }

  /** Notices and changed parameters may come between rows. */
  #isForwarded(): boolean {
    return this.#type !== messageType.copyData && this.#type !== messageType.copyOutResponse
  }

  #append(chunk: Buffer, offset: number, size: number): void {
    const needed = this.#length + size
    if (needed > this.#lines.length) {
      const larger = Buffer.allocUnsafe(Math.max(2 * needed, chunkBytes + headroomBytes))
      this.#lines.copy(larger, 0, 0, this.#length)
      this.#lines = larger
    }
    const lines = this.#lines
    const at = this.#length
    if (size > fewBytes) chunk.copy(lines, at, offset, offset + size)
    else for (let index = 0; index < size; index++) lines[at + index] = chunk[offset + index] ?? 0
    this.#length = needed
  }

  /** The whole rows gathered so far; undefined if there are none. */
  take(): CopyChunk | undefined {
    this.#given = this.#format === 'binary' ? this.#whole : this.#lastLineEnd()
    if (this.#given === 0) return undefined
    const chunk = {
      bytes: this.#lines.subarray(0, this.#given),
      rows: this.#rows,
      lastRow: this.#lastRow,
    }
    this.#rows = 0
    return chunk
  }

  #lastLineEnd(): number {
    return this.#lines.subarray(0, this.#length).lastIndexOf(newline) + 1
  }

  /** The chunk that was taken is no longer used: its room is free again. */
  release(): void {
    if (this.#given === 0) return
    const rest = this.#lines.subarray(this.#given, this.#length)
    // One huge row must not keep its memory for the rest of the read.
    const isHuge = this.#lines.length > 8 * chunkBytes && rest.length < chunkBytes
    const target = isHuge ? Buffer.allocUnsafe(chunkBytes + headroomBytes) : this.#lines
    rest.copy(target)
    this.#lines = target
    this.#length = rest.length
    // Rows may have come since the chunk was taken.
    this.#whole -= this.#given
    this.#lastRow -= this.#given
    this.#given = 0
  }
}

function isEndOfCopy(type: number | undefined): boolean {
  return type === messageType.copyDone || type === messageType.errorResponse
}
