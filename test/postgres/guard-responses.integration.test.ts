import { Client } from 'pg'
import { expect, test } from 'vitest'
import { clientConfig } from '../../postgres/client-config.ts'
import { guardResponses } from '../../postgres/guard-responses.ts'
import { testDatabase } from '../support/postgres.ts'

test('a response that is larger than any of ours ends the session; many small ones do not', async () => {
  await using db = await testDatabase()
  const client = new Client(clientConfig(db.address))
  const lost: string[] = []
  guardResponses(
    client,
    (reason) => {
      lost.push(reason)
      return new Error(reason)
    },
    1_000_000,
  )
  const errors: Error[] = []
  client.on('error', (error) => errors.push(error))
  await client.connect()
  for (let round = 0; round < 5; round++)
    await client.query(`SELECT repeat('x', 1000) FROM generate_series(1, 500)`)
  const flood = client.query(`SELECT repeat('x', 1000) FROM generate_series(1, 5000)`)
  await expect(flood).rejects.toThrow('the response to one statement takes more than 1 MB')
  expect(lost).toHaveLength(1)
})

test('many small messages count with what the driver makes of them', async () => {
  await using db = await testDatabase()
  const client = new Client(clientConfig(db.address))
  guardResponses(client, (reason) => new Error(reason), 1_000_000)
  client.on('error', () => undefined)
  await client.connect()
  const wide = client.query('SELECT 1 AS a FROM generate_series(1, 3000)')
  expect((await wide).rows).toHaveLength(3000)
  // 240 kB on the wire.
  const flood = client.query('SELECT FROM generate_series(1, 20000)')
  await expect(flood).rejects.toThrow('the response to one statement takes more than 1 MB')
})
