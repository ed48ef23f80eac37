import type { Duplex } from 'node:stream'
import type { Client } from 'pg'

/**
 * Our statements ask for far less: rows of catalogs, checkpoints, examples. The records of a stream come by
 * COPY, which takes no part in this.
 */
const mostBytes = 256_000_000
/**
 * The driver's overhead for a message, and for a field of a row, besides its bytes: rows of two bytes took
 * twelve times their size on the wire (Node 24).
 */
const messageBytes = 150
const fieldBytes = 40
/** A statement's result, also of none. */
const resultBytes = 1_000

/** The driver's own way of taking what comes from the socket, which its types leave out. */
interface Listening {
  attachListeners: (stream: Duplex) => void
}

/**
 * Ends the session if the server sends what PostgreSQL does not, or more for one statement than fits into 256
 * MB of memory: the driver's parser would throw into the event loop, which ends the process, and gather
 * without limit. To be called before the client connects.
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
  client.connection.on('dataRow', ({ fieldCount }: { readonly fieldCount: number }) => {
    received += messageBytes + fieldCount * fieldBytes
  })
  for (const message of ['commandComplete', 'rowDescription', 'emptyQuery'])
    client.connection.on(message, () => {
      received += resultBytes
    })
  connection.attachListeners = (stream) => {
    attach(stream)
    const parse = stream.listeners('data').at(-1) as (bytes: Buffer) => void
    stream.removeListener('data', parse)
    stream.on('data', (bytes: Buffer) => {
      received += bytes.length
      if (received > limit) {
        const megabytes = String(Math.round(limit / 1e6))
        stream.destroy(lost(`the response to one statement takes more than ${megabytes} MB`))
        return
      }
      try {
        parse(bytes)
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        endForResponse(stream, lost, reason)
      }
    })
  }
}

/**
 * Ends a session whose server sent what PostgreSQL does not: whatever comes after it cannot be trusted.
 * Returns the error for the call that waits.
 * @param reason without contents of rows
 */
export function endForResponse(
  stream: Duplex,
  lost: (reason: string) => Error,
  reason: string,
): Error {
  const error = lost(`the server sent what PostgreSQL does not send: ${reason}`)
  stream.destroy(error)
  return error
}
