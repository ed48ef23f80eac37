import { from as copyFrom } from 'pg-copy-streams'
import type { Client } from 'pg'

/** One COPY … FROM STDIN. The server may refuse it at any time: the next call throws what it said. */
export class CopyIn {
  readonly #stream: ReturnType<typeof copyFrom>
  #failure: Error | undefined
  #reject: ((error: Error) => void) | undefined

  constructor(client: Client, sql: string) {
    this.#stream = client.query(copyFrom(sql))
    this.#stream.on('error', (error) => {
      this.#failure ??= error
      this.#reject?.(error)
    })
  }

  /**
   * Resolves when the chunk has left for the server: the bytes are free again, if they are more than the socket buffers
   * (64 KiB), else once `end` resolves.
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
    if (this.#failure !== undefined) return
    const failed = new Promise<void>((resolve) => {
      this.#stream.once('error', () => {
        resolve()
      })
    })
    this.#stream.destroy(new Error('the load was given up'))
    await failed
  }

  async #unlessItFails(start: (done: () => void) => void): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    await new Promise<void>((resolve, reject) => {
      this.#reject = reject
      start(resolve)
    }).finally(() => {
      this.#reject = undefined
    })
  }
}
