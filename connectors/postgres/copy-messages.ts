/**
 * Whole rows, one after the other, without the header and trailer of a binary COPY. The bytes are valid until
 * the next chunk is requested.
 */
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
/**
 * The buffer size at the start of a read: in a run with thousands of tables, most tables have no more bytes.
 */
const firstBytes = 16 * 1024
const headerBytes = 5
const newline = 0x0a
/** A call of `copy` takes as long as a loop over this number of bytes: 60 ns (2026-11). */
const fewBytes = 64
/**
 * A binary COPY begins with this signature, flags and the length of an extension, in the message of its first
 * row, …
 */
const copySignature = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1')
const copyHeaderBytes = 19
/** … and ends with a row of -1 fields, in a message of its own. */
const copyTrailer = 0xffff
const trailerBytes = 2
/** The flags that a reader must know. PostgreSQL sets none of them. */
const criticalFlags = 0xffff
const messageType = {
  copyData: 0x64,
  copyOutResponse: 0x48,
  copyDone: 0x63,
  errorResponse: 0x45,
} as const
/** Notices, changed parameters and notifications may come at any time. */
const betweenRows: ReadonlySet<number> = new Set([0x4e, 0x53, 0x41])
/** A message of PostgreSQL is smaller than this. */
const largestMessage = 0x4000_0000
/**
 * A response to COPY has three bytes, and two for each column; a table has at most 1,664 of them in a result.
 */
const largestResponse = 3 + 2 * 1664

/**
 * Splits the server's response to a COPY into rows: CopyData is gathered, everything else goes to `forward`
 * (pg's own parser). A message that PostgreSQL does not send in a COPY is `damage`: from then on nothing more
 * is taken, and no part of it can be trusted.
 */
export class CopyMessages {
  readonly #forward: (bytes: Buffer) => void
  readonly #format: CopyOutFormat
  readonly #columns: number | undefined
  #lines: Buffer = Buffer.allocUnsafe(firstBytes)
  #length = 0
  #given = 0
  #rows = 0
  /** Where the last whole row ends, and where it begins. */
  #whole = 0
  #lastRow = 0
  /** Rows of the chunks that were taken. */
  #taken = 0
  #hasBegun = false
  /** The trailer of a binary COPY has come. */
  #hasTrailer = false
  #isDone = false
  #damage: string | undefined
  /** How the server describes the COPY; undefined before it has begun to. */
  #response: Buffer | undefined
  /** The message that the bytes are in the middle of. */
  #type = 0
  #left = 0
  readonly #header = Buffer.allocUnsafe(headerBytes)
  #headerLength = 0

  /** @param columns how many the query has, if that is to be checked */
  constructor(forward: (bytes: Buffer) => void, format: CopyOutFormat = 'text', columns?: number) {
    this.#forward = forward
    this.#format = format
    this.#columns = columns
  }

  /** The part of the server's response that a COPY cannot have. */
  get damage(): string | undefined {
    return this.#damage
  }

  /** Whether the server said that all rows were sent. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** All rows so far. */
  get total(): number {
    return this.#taken + this.#rows
  }

  get full(): boolean {
    return this.#rows > 0 && this.#length >= chunkBytes
  }

  /**
   * Takes the bytes of one socket read. Returns the bytes from the end of the COPY on, once that has come.
   */
  push(chunk: Buffer): Buffer | undefined {
    let offset = 0
    while (offset < chunk.length && this.#damage === undefined) {
      if (this.#left > 0) {
        offset += this.#payload(chunk, offset)
        continue
      }
      if (this.#headerLength === 0) {
        offset = this.#wholeRows(chunk, offset)
        if (this.#isEnd(chunk[offset])) return chunk.subarray(offset)
        if (offset === chunk.length) break
      }
      offset += this.#startMessage(chunk, offset)
    }
    return undefined
  }

  #isEnd(type: number | undefined): boolean {
    if (this.#damage !== undefined) return false
    if (type !== messageType.copyDone) return type === messageType.errorResponse
    const isWhole = this.#format === 'text' || this.#hasTrailer
    if (this.#response === undefined) this.#fail('a COPY ended that had not begun')
    else if (isWhole) this.#isDone = true
    else this.#fail('the rows ended without their trailer')
    return this.#isDone
  }

  #fail(reason: string): void {
    this.#damage ??= reason
  }

  /**
   * Takes the rows whose messages are whole in the chunk, which are nearly all of them; returns the offset of
   * the rest.
   */
  #wholeRows(chunk: Buffer, from: number): number {
    let offset = from
    if (this.#response === undefined) return offset
    while (chunk[offset] === messageType.copyData && offset + headerBytes <= chunk.length) {
      const size = chunk.readInt32BE(offset + 1) - 4
      const start = offset + headerBytes
      if (size < 0 || start + size > chunk.length) break
      this.#append(chunk, start, size)
      if (!this.#endRow()) break
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
    const problem = this.#problemOf(this.#type, this.#left)
    if (problem !== undefined) {
      this.#fail(problem)
      return
    }
    if (this.#type === messageType.copyOutResponse) this.#response = Buffer.alloc(this.#left)
    if (this.#isForwarded())
      this.#forward(Buffer.from(header.subarray(offset, offset + headerBytes)))
  }

  #problemOf(type: number, size: number): string | undefined {
    if (size < 0 || size >= largestMessage) return `a message says that it has ${size} bytes`
    if (type === messageType.copyData) return this.#problemOfData(size)
    if (type === messageType.copyOutResponse) return this.#problemOfResponse(size)
    if (betweenRows.has(type)) return undefined
    return `a message of the type ${JSON.stringify(String.fromCharCode(type))} came in the middle of the rows`
  }

  #problemOfData(size: number): string | undefined {
    if (this.#response === undefined) return 'rows came before the COPY had begun'
    return size === 0 ? 'a message without a row' : undefined
  }

  #problemOfResponse(size: number): string | undefined {
    if (this.#response !== undefined) return 'the COPY began a second time'
    return size < 3 || size > largestResponse ? 'the COPY began in an unknown way' : undefined
  }

  #payload(chunk: Buffer, offset: number): number {
    const size = Math.min(this.#left, chunk.length - offset)
    this.#left -= size
    if (this.#type === messageType.copyData) {
      this.#append(chunk, offset, size)
      if (this.#left === 0) this.#endRow()
    } else if (this.#type === messageType.copyOutResponse) {
      const response = this.#response ?? Buffer.alloc(0)
      chunk.copy(response, response.length - this.#left - size, offset, offset + size)
      if (this.#left === 0) this.#begin(response)
    } else if (this.#isForwarded()) {
      this.#forward(chunk.subarray(offset, offset + size))
    }
    return size
  }

  /** The format of the whole, the number of columns, and the format of each of them. */
  #begin(response: Buffer): void {
    const format = this.#format === 'binary' ? 1 : 0
    const columns = response.readUInt16BE(1)
    let isAsked = response[0] === format && response.length === 3 + 2 * columns
    for (let position = 3; isAsked && position < response.length; position += 2)
      isAsked = response.readUInt16BE(position) === format
    if (!isAsked) this.#fail(`the COPY is not in the format that was asked for, ${this.#format}`)
    else if (columns !== (this.#columns ?? columns))
      this.#fail(`the rows have ${columns} columns instead of ${this.#columns ?? 0}`)
  }

  /** The protocol sends one row a message. False if the message was none that may come here. */
  #endRow(): boolean {
    const isRow = this.#format === 'binary' ? this.#isRow() : this.#isLine()
    if (this.#damage !== undefined) return false
    if (!isRow) {
      this.#length = this.#whole
      return true
    }
    this.#rows += 1
    this.#lastRow = this.#whole
    this.#whole = this.#length
    return true
  }

  #isLine(): boolean {
    // Behind the message are bytes of earlier ones.
    const end = this.#lines.indexOf(newline, this.#whole)
    const last = this.#length - 1
    if (end === last && last >= this.#whole) return true
    const hasSeveral = end >= 0 && end < last
    this.#fail(hasSeveral ? 'a message of more than one line' : 'a message without a whole line')
    return false
  }

  /** Whether the message has a row, once the header has gone. */
  #isRow(): boolean {
    const lines = this.#lines
    const isFirst = !this.#hasBegun
    if (isFirst && !this.#takeHeader()) return false
    const size = this.#length - this.#whole
    if (size === 0 && isFirst) return false
    if (this.#hasTrailer || size < trailerBytes) {
      this.#fail(this.#hasTrailer ? 'rows came after their trailer' : 'a message without a row')
      return false
    }
    if (lines.readUInt16BE(this.#whole) !== copyTrailer) return true
    this.#hasTrailer = size === trailerBytes
    if (!this.#hasTrailer) this.#fail('the trailer came in the middle of the rows')
    return false
  }

  #takeHeader(): boolean {
    const lines = this.#lines
    const start = this.#whole
    this.#hasBegun = true
    const isHeader =
      this.#length - start >= copyHeaderBytes &&
      lines.compare(copySignature, 0, copySignature.length, start, start + copySignature.length) ===
        0 &&
      (lines.readUInt16BE(start + copySignature.length) & criticalFlags) === 0 &&
      lines.readUInt32BE(start + copyHeaderBytes - 4) === 0
    if (isHeader) {
      this.#length -= copyHeaderBytes
      lines.copyWithin(start, start + copyHeaderBytes)
    } else this.#fail('the rows do not begin with the header of a binary COPY')
    return isHeader
  }

  /** Notices and changed parameters may come between rows. */
  #isForwarded(): boolean {
    return this.#type !== messageType.copyData && this.#type !== messageType.copyOutResponse
  }

  #append(chunk: Buffer, offset: number, size: number): void {
    const needed = this.#length + size
    if (needed > this.#lines.length) {
      // The size of a large message is known: twice as much would waste memory.
      const enough = this.#left > chunkBytes ? needed + this.#left : 2 * needed
      const larger = Buffer.allocUnsafe(Math.max(enough, chunkBytes + headroomBytes))
      this.#lines.copy(larger, 0, 0, this.#length)
      this.#lines = larger
    }
    const lines = this.#lines
    const start = this.#length
    if (size > fewBytes) chunk.copy(lines, start, offset, offset + size)
    else
      for (let index = 0; index < size; index++) lines[start + index] = chunk[offset + index] ?? 0
    this.#length = needed
  }

  /** The whole rows gathered so far; undefined if there are none. */
  take(): CopyChunk | undefined {
    this.#given = this.#whole
    if (this.#given === 0) return undefined
    const chunk = {
      bytes: this.#lines.subarray(0, this.#given),
      rows: this.#rows,
      lastRow: this.#lastRow,
    }
    this.#taken += this.#rows
    this.#rows = 0
    return chunk
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
