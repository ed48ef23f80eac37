import { once } from 'node:events'
import { DatabaseError, type Client } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'

/** One COPY … FROM STDIN at a time on a session, with back-pressure. */
export class CopySession {
  readonly #stream: ReturnType<typeof copyFrom>
  #failure: Error | undefined

  constructor(client: Client, statement: string) {
    this.#stream = client.query(copyFrom(statement))
    this.#stream.on('error', (error: Error) => {
      this.#failure ??= error
    })
  }

  /** Resolves when there is room for more. Throws when the server has refused a row before. */
  async write(chunk: Buffer): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#stream.write(chunk)) return
    await Promise.race([once(this.#stream, 'drain'), once(this.#stream, 'close')])
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Ends the COPY; the number of rows that the server took. */
  async end(): Promise<number> {
    if (this.#failure !== undefined) throw this.#failure
    const stream = this.#stream
    await new Promise<void>((resolve, reject) => {
      stream.once('finish', resolve)
      stream.once('error', reject)
      stream.end()
    })
    return stream.rowCount
  }
}

/** Which cell of the COPY the server refused, and that it was for its value; undefined for any other failure. */
export function refusedCell(
  error: unknown,
): { readonly line: number; readonly column: string } | undefined {
  if (!(error instanceof DatabaseError) || !/^(?:22|54)/.test(error.code ?? '')) return undefined
  const match = /, line (\d+), column ("(?:[^"]|"")*"|[^:]+)(?::|$)/.exec(error.where ?? '')
  if (match?.[1] === undefined || match[2] === undefined) return undefined
  return { line: Number(match[1]), column: match[2] }
}
