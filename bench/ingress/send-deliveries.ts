import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { z } from 'zod'

/**
 * Sends deliveries on keep-alive connections, the next one as soon as the one before has its response. Bare
 * sockets, and one request made ahead in which only the id changes: only the server is measured.
 * Arguments: port, connections, seconds, a prefix for the ids, the request in base64 with the digits of the
 * id as zeros, and where they begin. Prints the figures.
 */
const [port, connections, seconds, idFrom] = z
  .tuple([z.coerce.number(), z.coerce.number(), z.coerce.number(), z.coerce.number()])
  .parse([...process.argv.slice(2, 5), process.argv[6]])
const template = Buffer.from(process.argv[5] ?? '', 'base64')
const idDigits = 12
const latencies: number[] = []
let failures = 0
let nextId = 0
const endAt = performance.now() + seconds * 1000

function request(): Buffer {
  const bytes = Buffer.from(template)
  bytes.write(String(nextId++).padStart(idDigits, '0'), idFrom, 'latin1')
  return bytes
}

/** Whether the text holds a whole response; its body is JSON of known length. */
function isWhole(text: string): boolean {
  const head = text.indexOf('\r\n\r\n')
  if (head === -1) return false
  const length = /content-length: (\d+)/i.exec(text)?.[1]
  return text.length >= head + 4 + Number(length)
}

async function send(socket: Socket): Promise<void> {
  let text = ''
  let sentAt = performance.now()
  const { promise, resolve } = Promise.withResolvers<undefined>()
  socket.on('data', (chunk: string) => {
    text += chunk
    if (!isWhole(text)) return
    const now = performance.now()
    latencies.push(now - sentAt)
    if (!text.startsWith('HTTP/1.1 200') || !text.endsWith('"repeated":false}')) failures += 1
    text = ''
    if (now >= endAt) {
      resolve(undefined)
      return
    }
    sentAt = now
    socket.write(request())
  })
  socket.on('error', () => {
    failures += 1
    resolve(undefined)
  })
  socket.write(request())
  await promise
  socket.destroy()
}

const sockets = await Promise.all(
  Array.from({ length: connections }, async () => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }).setEncoding('latin1')
    await once(socket, 'connect')
    return socket
  }),
)
const startedAt = performance.now()
await Promise.all(sockets.map(send))
const elapsedSeconds = (performance.now() - startedAt) / 1000
const sorted = latencies.toSorted((left, right) => left - right)
process.stdout.write(
  JSON.stringify({
    perSecond: latencies.length / elapsedSeconds,
    p50Ms: sorted[Math.floor(sorted.length * 0.5)] ?? Number.NaN,
    p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN,
    sent: latencies.length,
    failures,
  }),
)
