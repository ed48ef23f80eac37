import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { kafkaClient } from '../../kafka/kafka-client.ts'
import { brokerSocketFactory } from '../../kafka/kafka-cluster.ts'
import { kafkaError } from '../../kafka/kafka-errors.ts'
import { ResponseFrames } from '../../kafka/response-frames.ts'
import { freePort } from '../../service/platform/postgres/free-port.ts'
import { usually } from '../support/long.ts'

test('the socket of a broker that is gone gathers no listeners, however often it is left', async () => {
  const port = await freePort()
  const socket = brokerSocketFactory()({
    host: '127.0.0.1',
    port,
    ssl: {},
    onConnect: () => undefined,
  })
  socket.on('error', () => undefined)
  await new Promise((resolve) => socket.once('close', resolve))
  for (let times = 0; times < 20; times++) socket.unref()
  expect(socket.listenerCount('connect')).toBeLessThan(5)
})

/** Returns the error of a client if the server sends these bytes in response to every request. */
async function errorFor(
  bytes: Buffer,
): Promise<{ readonly code: string; readonly message: string }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', () => socket.write(bytes))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const servers = { brokers: [`127.0.0.1:${String(port)}`], clientId: 'test', ssl: false }
  const admin = kafkaClient(servers, pino({ level: 'silent' })).admin({ retry: { retries: 0 } })
  try {
    await admin.connect()
    throw new Error('it connected')
  } catch (error) {
    const { code, message } = kafkaError(error, { servers, doing: 'reading', target: 'topics' })
    return { code, message }
  } finally {
    await admin.disconnect()
    server.close()
  }
}

test.each(
  usually(2, [
    ['an empty response', Buffer.from([0, 0, 0, 0]), '0'],
    ['half of a number', Buffer.from([0, 0, 0, 2, 0, 0]), '2'],
    ['a negative length', Buffer.from([0xff, 0xff, 0xff, 0xff]), '-1'],
    [
      'two gigabytes',
      Buffer.concat([Buffer.from([0x7f, 0xff, 0xff, 0xff]), Buffer.alloc(65_536)]),
      '2147483647',
    ],
    ['a server of HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), '1213486160'],
    ['TLS', Buffer.from([0x15, 3, 3, 0, 2, 2, 70]), '352518912'],
  ]),
)('%s is an error that says who does not speak Kafka', async (_, bytes, length) => {
  const refusal = await errorFor(bytes)
  expect(refusal.code).toBe('kafka_unreachable')
  expect(refusal.message).toContain('does not speak Kafka')
  expect(refusal.message).toContain(`a response of ${length} bytes`)
})

test('lengths are found in any pieces', () => {
  const frame = (length: number): Buffer => {
    const bytes = Buffer.alloc(4 + length)
    bytes.writeInt32BE(length)
    return bytes
  }
  const good = Buffer.concat([frame(4), frame(100), frame(5)])
  for (const size of [1, 2, 3, 7, 50, 1_000]) {
    const frames = new ResponseFrames()
    for (let position = 0; position < good.length; position += size)
      expect(frames.take(good.subarray(position, position + size))).toBeUndefined()
    expect(frames.take(Buffer.from([0, 0]))).toBeUndefined()
    expect(frames.take(Buffer.from([0, 3]))).toBe(3)
  }
})

test('a broker that stops in the middle is one that cannot be reached', () => {
  const servers = { brokers: ['a:9092'], clientId: 'test', ssl: false }
  const thrown = new Error('wrapped', { cause: new Error('Broker not connected') })
  const { code } = kafkaError(thrown, { servers, doing: 'creating', target: 'topic a' })
  expect(code).toBe('kafka_unreachable')
})
