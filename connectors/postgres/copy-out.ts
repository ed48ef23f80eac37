import type { Duplex } from 'node:stream'
import type { Connection, Submittable } from 'pg'
import { CopyMessages, type CopyChunk, type CopyOutFormat } from './copy-messages.ts'
import type { SocketReads } from './socket-reads.ts'

/**
 * Runs one `COPY … TO STDOUT` on a pg client and gives its rows as large chunks of whole lines.
 *
 * pg itself parses message by message; while the COPY runs the socket's bytes are taken here, and each is copied once. `reads`:
 * of a socket without TLS.
 * While nobody asks for rows the socket is paused, so that the server stops sending.
 */
export class CopyOut implements Submittable {
  readonly #sql: string
  readonly #toError: (thrown: unknown) => Error
  readonly #reads: SocketReads | undefined
  readonly #messages: CopyMessages
  #socket: Duplex | undefined
  #pgParse: (bytes: Buffer) => void = () => undefined
  #outcome: 'done' | Error | undefined
  #wake: (() => void) | undefined

  constructor(
    sql: string,
    options: {
      readonly toError: (thrown: unknown) => Error
      readonly reads: SocketReads | undefined
      readonly format: CopyOutFormat
    },
  ) {
    this.#sql = sql
    this.#messages = new CopyMessages((bytes) => {
      this.#pgParse(bytes)
    }, options.format)
    this.#toError = options.toError
    this.#reads = options.reads
  }

  /** The next rows; undefined at the end, or as soon as `signal` is aborted. Throws if the COPY failed. */
  async next(signal: AbortSignal): Promise<CopyChunk | undefined> {
    this.#messages.release()
    if (this.#outcome === undefined && !signal.aborted) await this.#moreRows(signal)
    if (signal.aborted) return undefined
    if (this.#outcome instanceof Error) throw this.#outcome
    return this.#messages.take()
  }

  /** Whether `next` waits for the server. */
  get isWaiting(): boolean {
    return this.#wake !== undefined
  }

  async #moreRows(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const wake = (): void => {
      resolve(undefined)
    }
    this.#wake = wake
    signal.addEventListener('abort', wake, { once: true })
    this.#socket?.resume()
    await promise
    signal.removeEventListener('abort', wake)
    this.#wake = undefined
  }

  /** Called by pg when it is the query's turn. */
  submit(connection: Connection): void {
    const socket = connection.stream
    this.#socket = socket
    if (this.#reads === undefined) this.#takeData(socket)
    else this.#divert(this.#reads)
    connection.query(this.#sql)
    if (this.#wake === undefined) socket.pause()
  }

  #divert(reads: SocketReads): void {
    this.#pgParse = (bytes) => {
      reads.socket.emit('data', Buffer.from(bytes))
    }
    reads.divert(this.#onData)
  }

  #takeData(socket: Duplex): void {
    const [pgListener] = socket.listeners('data')
    if (pgListener !== undefined) {
      this.#pgParse = (bytes) => {
        Reflect.apply(pgListener, socket, [bytes])
      }
    }
    socket.removeAllListeners('data')
    socket.on('data', this.#onData)
  }

  readonly #onData = (chunk: Buffer): void => {
    const afterCopy = this.#messages.push(chunk)
    if (afterCopy !== undefined) {
      this.#giveBack()
      this.#pgParse(afterCopy)
    } else if (this.#messages.full) {
      this.#socket?.pause()
      this.#wake?.()
    }
  }

  #giveBack(): void {
    if (this.#reads === undefined) {
      this.#socket?.removeListener('data', this.#onData)
      this.#socket?.on('data', this.#pgParse)
    } else {
      this.#reads.divert(undefined)
    }
    this.#socket?.resume()
  }

  /** Called by pg: the server refused or failed the COPY, or the connection is gone. */
  handleError(error: unknown): void {
    this.#outcome = this.#toError(error)
    this.#wake?.()
  }

  /** Called by pg: the number of rows is known from the rows. */
  handleCommandComplete(): void {
    return undefined
  }

  /** Called by pg: the session takes the next query. */
  handleReadyForQuery(): void {
    this.#outcome ??= 'done'
    this.#wake?.()
  }
}
