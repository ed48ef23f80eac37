import type { Duplex } from 'node:stream'
import type { Connection, Submittable } from 'pg'
import { CopyMessages, type CopyChunk, type CopyOutFormat } from './copy-messages.ts'
import type { SocketReads } from './socket-reads.ts'

export interface CopyOutOptions {
  readonly toError: (thrown: unknown) => Error
  /**
   * The error for a response that PostgreSQL does not send. `counted`: the number of rows by its own count,
   * if another number came.
   */
  readonly toDamage: (reason: string, counted?: string) => Error
  readonly reads: SocketReads | undefined
  readonly format: CopyOutFormat
  /** The number of columns of the query. */
  readonly columns: number
  /** The problem of the rows of a chunk, if there is one. */
  readonly problemOf: (chunk: CopyChunk) => string | undefined
}

/**
 * Runs one `COPY … TO STDOUT` on a pg client and returns its rows as large chunks of whole lines.
 *
 * Ends well only if everything came that PostgreSQL sends: all rows whole, their end, and a tag with their
 * number. Anything else ends the session, and rows that were not taken until then are not returned.
 *
 * pg itself parses message by message; while the COPY runs the socket's bytes are taken here, and each is
 * copied once. `reads`: the reads of a socket without TLS.
 * While nobody asks for rows the socket is paused, so that the server stops sending.
 */
export class CopyOut implements Submittable {
  readonly #sql: string
  readonly #toError: (thrown: unknown) => Error
  readonly #toDamage: CopyOutOptions['toDamage']
  readonly #problemOf: CopyOutOptions['problemOf']
  readonly #reads: SocketReads | undefined
  readonly #messages: CopyMessages
  #socket: Duplex | undefined
  #pgParse: (bytes: Buffer) => void = () => undefined
  #outcome: 'done' | Error | undefined
  /** The command tag that the server sent at the end. */
  #tag: string | undefined
  #wake: (() => void) | undefined

  constructor(sql: string, options: CopyOutOptions) {
    const { format, columns } = options
    this.#sql = sql
    const forward = (bytes: Buffer): void => {
      this.#pgParse(bytes)
    }
    this.#messages = new CopyMessages(forward, format, columns)
    this.#toError = options.toError
    this.#toDamage = options.toDamage
    this.#problemOf = options.problemOf
    this.#reads = options.reads
  }

  /** The next rows; undefined at the end, or as soon as `signal` is aborted. Throws if the COPY failed. */
  async next(signal: AbortSignal): Promise<CopyChunk | undefined> {
    this.#messages.release()
    if (this.#outcome === undefined && !signal.aborted) await this.#moreRows(signal)
    if (signal.aborted) return undefined
    if (this.#outcome instanceof Error) throw this.#outcome
    const chunk = this.#messages.take()
    const problem = chunk && this.#problemOf(chunk)
    if (problem !== undefined) throw this.#fail(problem)
    return chunk
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
    const { damage } = this.#messages
    if (damage !== undefined) this.#fail(damage)
    else if (afterCopy !== undefined) {
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
    this.#outcome ??= this.#toError(error)
    this.#wake?.()
  }

  /** The session is of no use any more. */
  #fail(reason: string, counted?: string): Error {
    const before = this.#outcome
    const error = before instanceof Error ? before : this.#toDamage(reason, counted)
    this.#outcome = error
    this.#socket?.destroy()
    this.#wake?.()
    return error
  }

  /** Called by pg. */
  handleCommandComplete({ text }: { readonly text: string }): void {
    if (this.#tag !== undefined) this.#fail('the COPY ended twice')
    this.#tag = text
  }

  /** Called by pg: the session takes the next query. */
  handleReadyForQuery(): void {
    if (this.#outcome === undefined) this.#settle()
    this.#wake?.()
  }

  #settle(): void {
    const tag = this.#tag
    const { isDone, total } = this.#messages
    if (isDone && tag === `COPY ${total}`) this.#outcome = 'done'
    else if (!isDone || tag === undefined) this.#fail('the COPY did not come to its end')
    else {
      const counted = /^COPY (\d{1,19})$/.exec(tag)?.[1]
      if (counted === undefined) this.#fail('the COPY ended as another command')
      else this.#fail(`${total} rows came, and the server counted ${counted}`, counted)
    }
  }

  /** Called by pg for messages that no COPY TO has. */
  handleRowDescription(): void {
    this.#fail('the columns of another query came')
  }

  handleDataRow(): void {
    this.#fail('a row of another query came')
  }

  handleCopyInResponse(): void {
    this.#fail('the server waits for rows')
  }

  handleCopyData(): void {
    this.#fail('rows came after their end')
  }

  handleEmptyQuery(): void {
    this.#fail('the server got no query')
  }

  handlePortalSuspended(): void {
    this.#fail('the server stopped in the middle of the rows')
  }
}
