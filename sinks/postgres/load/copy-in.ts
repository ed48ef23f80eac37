import { from as copyFrom } from 'pg-copy-streams'
import { DatabaseError, type Client } from 'pg'

/**
 * One COPY … FROM STDIN. The server may refuse it at any time: the next call throws the server's error, once
 * a query may follow.
 */
export class CopyIn {
  readonly #client: Client
  readonly #stream: ReturnType<typeof copyFrom>
  /** Resolves when the COPY has failed and the session is ready for the next query, or gone. */
  readonly #failure: Promise<Error>
  #isWaiting = false
  #hasFailed = false

  constructor(client: Client, sql: string) {
    this.#client = client
    this.#stream = client.query(copyFrom(sql))
    this.#failure = new Promise((resolve) => {
      this.#stream.on('error', (error) => {
        this.#hasFailed = true
        if (error instanceof DatabaseError) resolve(this.#ready().then(() => error))
        else resolve(error)
      })
    })
  }

  /**
   * Resolves when the chunk has left for the server: the bytes are free again, if they are more than the
   * socket buffers (64 KiB), else once `end` resolves.
   */
  async write(chunk: Uint8Array): Promise<void> {
    await this.#unlessItFails((done) => {
      this.#stream.write(chunk, () => {
        done()
      })
    })
  }

  /** The number of rows that the server counted. */
  async end(): Promise<number> {
    await this.#unlessItFails((done) => {
      this.#stream.end(done)
    })
    return this.#stream.rowCount
  }

  /** Makes the server refuse what was sent; resolves when it has. */
  async abort(): Promise<void> {
    if (this.#hasFailed) {
      await this.#failure
      return
    }
    const ready = this.#ready()
    this.#stream.destroy(new Error('the load was stopped'))
    await ready
  }

  /** The server has sent all responses (`drain` of the client), or the session is gone. */
  #ready(): Promise<void> {
    const client = this.#client
    return new Promise((resolve) => {
      const settle = (): void => {
        client.off('drain', settle)
        client.off('end', settle)
        resolve()
      }
      client.on('drain', settle)
      client.on('end', settle)
    })
  }

  /** Whether a response of the server is expected, or it accepts no more data. */
  get isWaiting(): boolean {
    return this.#isWaiting
  }

  async #unlessItFails(start: (done: () => void) => void): Promise<void> {
    this.#isWaiting = true
    const done = new Promise<undefined>((resolve) => {
      if (this.#hasFailed) return
      start(() => {
        resolve(undefined)
      })
    })
    const failure = await Promise.race([done, this.#failure])
    this.#isWaiting = false
    if (failure !== undefined) throw failure
  }
}
