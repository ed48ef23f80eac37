import type { Duplex } from 'node:stream'
import type { Client } from 'pg'

/** What a statement of ours asks for is far less: rows of catalogs, checkpoints, examples. The records of a stream come by COPY, which takes no part in this. */
const mostBytes = 256_000_000

/** The driver's own way of taking what comes from the socket, which its types leave out. */
interface Listening {
  attachListeners: (stream: Duplex) => void
}

/**
 * Ends the session if the server sends what PostgreSQL does not, or more than 256 MB for one statement: the driver's parser throws where nobody
 * can catch it, which would end the process, and gathers without limit. To be called before the client connects.
 * @param lost the error for the call that waits
 */
export function guardResponses(
  client: Client,
  lost: (reason: string) => Error,
  limit = mostBytes,
): void {
  const connection = client.connection as unknown as Listening
  const attach = connection.attachListeners.bind(connection)
  let received = 0
  client.connection.on('readyForQuery', () => {
    received = 0
  })
  connection.attachListeners = (stream) => {
    const before = stream.listeners('data')
    attach(stream)
    const added = stream.listeners('data').filter((listener) => !before.includes(listener))
    for (const parse of added as ((bytes: Buffer) => void)[]) {
      stream.removeListener('data', parse)
      stream.on('data', (bytes: Buffer) => {
        received += bytes.length
        try {
          if (received > limit)
            throw new Error(`more than ${String(Math.round(limit / 1e6))} MB for one statement`)
          parse(bytes)
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error)
          stream.destroy(lost(`the server sent what PostgreSQL does not send: ${reason}`))
        }
      })
    }
  }
}
