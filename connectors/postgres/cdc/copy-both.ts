import type { Duplex } from 'node:stream'
import type { Connection, Submittable } from 'pg'

const copyData = 0x64
const copyBoth = 0x57
const headerBytes = 5
/** A message of PostgreSQL is smaller than this. */
const largestMessage = 0x4000_0000

export interface CopyBothOptions {
  readonly sql: string
  /** Called with each message of the server, whose bytes are valid until it returns. */
  readonly onMessage: (bytes: Buffer, start: number, end: number) => void
  /** The server accepted the command. */
  readonly onStart: () => void
  /** Called once: with the error of the server, the network or `onMessage`; undefined at a regular end. */
  readonly onEnd: (thrown: unknown) => void
}

/**
 * Runs a replication command on a connection of pg: the messages are taken from the socket before pg's parser
 * would make an object of each.
 */
export class CopyBoth implements Submittable {
  readonly #options: CopyBothOptions
  #socket: Duplex | undefined
  #pgParse: (bytes: Buffer) => void = () => undefined
  /** The beginning of a message whose end has not come. */
  #part: Buffer = Buffer.alloc(0)
  #partLength = 0
  #hasEnded = false

  constructor(options: CopyBothOptions) {
    this.#options = options
  }

  /** Called by pg when it is the query's turn. */
  submit(connection: Connection): void {
    const socket = connection.stream
    this.#socket = socket
    const [pgListener] = socket.listeners('data')
    this.#pgParse = (bytes) => {
      if (pgListener !== undefined) Reflect.apply(pgListener, socket, [bytes])
    }
    socket.removeAllListeners('data')
    socket.on('data', this.#onData)
    connection.query(this.#options.sql)
  }

  readonly #onData = (chunk: Buffer): void => {
    try {
      this.#take(chunk)
    } catch (thrown) {
      this.#end(thrown)
      this.#socket?.destroy()
    }
  }

  #take(chunk: Buffer): void {
    let offset = this.#complete(chunk)
    while (chunk.length - offset >= headerBytes) {
      const size = sizeOf(chunk, offset)
      if (offset + size > chunk.length) break
      this.#give(chunk, offset, size)
      offset += size
    }
    if (offset < chunk.length) this.#keep(chunk, offset)
  }

  /** Adds the bytes that a message still lacks; returns where the rest of the chunk begins. */
  #complete(chunk: Buffer): number {
    let offset = 0
    while (this.#partLength > 0) {
      const hasSize = this.#partLength >= headerBytes
      const wanted = hasSize ? sizeOf(this.#part, 0) : headerBytes
      const missing = wanted - this.#partLength
      if (missing > 0) {
        if (offset === chunk.length) return offset
        this.#grow(wanted)
        const copied = chunk.copy(this.#part, this.#partLength, offset, offset + missing)
        this.#partLength += copied
        offset += copied
        if (copied < missing) return offset
      } else {
        const part = this.#part
        this.#part = Buffer.alloc(0)
        this.#partLength = 0
        this.#give(part, 0, wanted)
      }
    }
    return offset
  }

  #grow(size: number): void {
    if (this.#part.length >= size) return
    const larger = Buffer.allocUnsafe(size)
    this.#part.copy(larger, 0, 0, this.#partLength)
    this.#part = larger
  }

  #keep(chunk: Buffer, offset: number): void {
    this.#grow(chunk.length - offset)
    this.#partLength = chunk.copy(this.#part, 0, offset)
  }

  #give(bytes: Buffer, offset: number, size: number): void {
    const type = bytes[offset]
    if (type === copyData) {
      this.#options.onMessage(bytes, offset + headerBytes, offset + size)
      return
    }
    if (type === copyBoth) this.#options.onStart()
    else this.#pgParse(Buffer.from(bytes.subarray(offset, offset + size)))
  }

  #end(thrown: unknown): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#options.onEnd(thrown)
  }

  /** Called by pg: the server refused or failed the command, or the connection is gone. */
  handleError(error: unknown): void {
    this.#end(error)
  }

  /** Called by pg. */
  handleCommandComplete(): void {
    // The server ends the stream when it shuts down; ReadyForQuery or the end of the connection follows.
  }

  /** Called by pg: the session takes the next query. */
  handleReadyForQuery(): void {
    this.#end(undefined)
  }

  handleRowDescription(): void {
    this.#end(new Error('the columns of another query came'))
  }

  handleDataRow(): void {
    this.#end(new Error('a row of another query came'))
  }

  handleCopyInResponse(): void {
    this.#end(new Error('the server waits for rows'))
  }

  handleCopyData(): void {
    this.#end(new Error('a message came after the end'))
  }

  handleEmptyQuery(): void {
    this.#end(new Error('the server got no query'))
  }

  handlePortalSuspended(): void {
    this.#end(new Error('the server stopped in the middle'))
  }
}

function sizeOf(bytes: Buffer, offset: number): number {
  const size = bytes.readUInt32BE(offset + 1) + 1
  if (size < headerBytes || size > largestMessage)
    throw new RangeError(`a message says that it has ${size} bytes`)
  return size
}
