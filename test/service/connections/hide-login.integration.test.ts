import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { ConnectError } from '../../../protocol/index.ts'
import { testService } from '../../support/test-service.ts'

const password = 'hunter2-of-the-loader'

test('a server that writes the login into its error reveals it to nobody', async () => {
  const server = await echoingServer()
  try {
    const { port } = server.address() as AddressInfo
    const url = `postgres://loader:${password}@127.0.0.1:${String(port)}/shop`
    const environment = { REACTOR_CONNECT_POSTGRES_HOSTILE_URL: url }
    await using test = await testService({ environment })
    const { instances, connections } = test.service
    await instances.create({
      name: 'fake',
      type: 'faker',
      config: { streams: [{ name: 'a', rows: 1 }] },
    })
    const input = { name: 'shop', from: 'fake' }
    const destination = 'postgres:hostile'
    const created = await failure(connections.create({ ...input, destination }))
    await connections.create({ ...input, destination: 'data:shop' })
    const updated = await failure(connections.update('shop', { destination }))
    for (const error of [created, updated]) {
      expect(error.code).toBe('destination_credentials_refused')
      const shown = JSON.stringify([error.message, error.toJSON()])
      expect(shown).toContain('is wrong')
      expect(shown).toContain('***')
      expect(shown).not.toContain(password)
      expect(shown).not.toContain(Buffer.from(password).toString('base64'))
    }
    expect(test.logged.join('')).not.toContain(password)
  } finally {
    server.close()
  }
})

async function failure(work: Promise<unknown>): Promise<ConnectError> {
  const result: unknown = await work.catch((error: unknown) => error)
  if (result instanceof ConnectError) return result
  throw new Error('it did not fail with an error of ours')
}

/** Speaks enough of PostgreSQL's protocol to get a password in clear text, and refuses it with its text. */
async function echoingServer(): Promise<Server> {
  const server = createServer((socket) => {
    refuse(socket).catch(() => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

async function refuse(socket: Socket): Promise<void> {
  const first = await next(socket)
  if (first.readInt32BE(4) === sslRequest) {
    socket.write('N')
    await next(socket)
  }
  socket.write(message('R', Buffer.from([0, 0, 0, 3])))
  const given = (await next(socket)).subarray(5, -1).toString()
  const text = `password "${given}" is wrong, ${Buffer.from(given).toString('base64')} too`
  socket.end(message('E', Buffer.from(`SFATAL\0C28P01\0M${text}\0Ddetail ${given}\0\0`)))
}

const sslRequest = 80877103

async function next(socket: Socket): Promise<Buffer> {
  const [data] = (await once(socket, 'data')) as [Buffer]
  return data
}

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.write(type)
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}
