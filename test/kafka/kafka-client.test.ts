import { expect, test } from 'vitest'
import { calmSocketFactory } from '../../kafka/kafka-client.ts'
import { freePort } from '../../service/platform/postgres/free-port.ts'

test('the socket of a broker that is gone gathers no listeners, however often it is left', async () => {
  const port = await freePort()
  const socket = calmSocketFactory()({
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
