import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { clientConfig } from '../../postgres/client-config.ts'
import { PostgresSession } from '../../postgres/session.ts'
import { testDatabase } from '../support/postgres.ts'

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.write(type, 0)
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

/** A row description of one column `v` of type json, and a row whose value is not JSON. */
const notJson = Buffer.concat([
  message(
    'T',
    Buffer.concat([
      Buffer.from([0, 1]),
      Buffer.from('v\0'),
      Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 114, 255, 255, 255, 255, 255, 255, 0, 0]),
    ]),
  ),
  message('D', Buffer.concat([Buffer.from([0, 1, 0, 0, 0, 10]), Buffer.from('top secret')])),
])
const outOfTurn = message('C', Buffer.from('SELECT 1\0'))

test.each([
  ['a message out of turn', 'after', outOfTurn, 'Received unexpected commandComplete'],
  ['a value that is not JSON', 'before', notJson, 'a value that is not JSON'],
] as const)('%s is a lost session', async (_, when, wrong, reason) => {
  await using db = await testDatabase()
  let isAsked = false
  const proxy = createServer((client) => {
    const server = connect(db.address.port, db.address.host)
    client.on('error', () => server.destroy())
    server.on('error', () => client.destroy())
    client.on('close', () => server.destroy())
    client.on('data', (bytes) => {
      isAsked = bytes.includes('pg_sleep')
      if (isAsked && when === 'before') client.write(wrong)
      server.write(bytes)
    })
    server.on('data', (bytes) => {
      client.write(isAsked && when === 'after' ? Buffer.concat([bytes, wrong]) : bytes)
    })
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const { port } = proxy.address() as AddressInfo
  const session = new PostgresSession({
    config: clientConfig({ ...db.address, host: '127.0.0.1', port }),
    isCopyWaiting: () => false,
    onLockWait: () => undefined,
    lost: (why) => new Error(`lost: ${why}`),
  })
  try {
    await session.connect()
    const thrown = await session.results('SELECT pg_sleep(0)').then(
      () => session.lost,
      (error: unknown) => error,
    )
    expect(String(thrown)).toContain('lost: the server sent what PostgreSQL does not send')
    expect(String(thrown)).toContain(reason)
    expect(String(thrown)).not.toContain('top secret')
    expect(session.isLost).toBe(true)
  } finally {
    session.destroy()
    proxy.close()
  }
})
