import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { Transform } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

export interface SlowProxy extends AsyncDisposable {
  readonly port: number
  /** How many bytes of the server a second are passed on, for each connection. Default: all. */
  bytesPerSecond: number
  /** Ends all connections at once. */
  cut(): void
}

/**
 * In front of a server on loopback. It makes a small table take as long to read as a large one.
 * @param port default: one that is free
 */
export async function slowProxy(serverPort: number, port = 0): Promise<SlowProxy> {
  const sockets = new Set<Socket>()
  const proxy = { bytesPerSecond: Infinity }
  const server = createServer((client) => {
    const upstream = connect({ host: '127.0.0.1', port: serverPort })
    const paced = new Transform({
      transform: (chunk: Buffer, _, passOn) => {
        void sleep((chunk.length / proxy.bytesPerSecond) * 1_000).then(() => {
          passOn(null, chunk)
        })
      },
    })
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
    upstream.pipe(paced).pipe(client)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return Object.assign(proxy, {
    port: address.port,
    cut,
    [Symbol.asyncDispose]: async () => {
      cut()
      server.close()
      await once(server, 'close')
    },
  })
}
