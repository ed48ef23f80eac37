import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A message from the server in the protocol of PostgreSQL. */
export interface ServerMessage {
  /** Its letter. */
  readonly type: string
  readonly payload: Buffer
}

/**
 * Returns the bytes that the client gets instead of a message; undefined: the message itself. `cut`: the
 * connection breaks before it. Called for every message of one connection, in order.
 */
export type Changes = (message: ServerMessage) => Buffer | 'cut' | undefined

export interface MessageProxy extends AsyncDisposable {
  readonly port: number
  /** For each connection that is opened from now on. Default: nothing is changed. */
  changes: () => Changes
}

/** The bytes of a message. */
export function messageOf(type: string, payload: Buffer): Buffer {
  const header = Buffer.alloc(5)
  header.write(type, 'latin1')
  header.writeInt32BE(payload.length + 4, 1)
  return Buffer.concat([header, payload])
}

/** In front of a PostgreSQL server on loopback, without TLS: changes what it sends. */
export async function messageProxy(serverPort: number): Promise<MessageProxy> {
  const sockets = new Set<Socket>()
  const proxy = { changes: (): Changes => () => undefined }
  const server = createServer((client) => {
    const upstream = connect({ host: '127.0.0.1', port: serverPort })
    const change = changer(proxy.changes())
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket)
      // Each side sees that the other one has gone.
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
    client.pipe(upstream)
    upstream.on('data', (bytes) => {
      const sent = change(bytes)
      if (sent === 'cut') client.destroy()
      else if (!client.write(sent)) upstream.pause()
    })
    client.on('drain', () => upstream.resume())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  return Object.assign(proxy, {
    port: address.port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  })
}

function changer(changes: Changes): (bytes: Buffer) => Buffer | 'cut' {
  let rest = Buffer.alloc(0)
  return (bytes) => {
    rest = Buffer.concat([rest, bytes])
    const sent: Buffer[] = []
    let position = 0
    while (rest.length - position >= 5) {
      const end = position + 1 + rest.readInt32BE(position + 1)
      if (end > rest.length) break
      const message = rest.subarray(position, end)
      const changed = changes({
        type: String.fromCharCode(rest[position] ?? 0),
        payload: message.subarray(5),
      })
      if (changed === 'cut') return 'cut'
      sent.push(changed ?? message)
      position = end
    }
    rest = rest.subarray(position)
    return Buffer.concat(sent)
  }
}
