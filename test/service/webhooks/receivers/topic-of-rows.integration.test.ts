import { expect, test } from 'vitest'
import type { Scope } from '../../../../service/platform/access/principal.ts'
import { testKafka } from '../../../support/kafka.ts'
import { testDatabase } from '../../../support/postgres.ts'
import { TestApi } from '../../../support/test-api.ts'
import { code, makeReceiver, refused } from './receiver-api.ts'

/**
 * Events are not written among the rows of a connection, because the creator of a receiver may have no right
 * on the connection.
 */
async function openShop(): Promise<{ api: TestApi; name: string } & AsyncDisposable> {
  const { brokers, prefix: name } = testKafka()
  const api = await TestApi.start({
    environment: { REACTOR_CONNECT_KAFKA_BROKERS: brokers.join() },
  })
  const source = await testDatabase()
  await source.query('CREATE TABLE orders (id bigint PRIMARY KEY, body text)')
  const config = { ...source.address, schemas: ['public'] }
  await api.service.instances.create({ name, type: 'postgres', config })
  return {
    api,
    name,
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]()
      await source[Symbol.asyncDispose]()
    },
  }
}

test('a topic that a connection loads is no target of a receiver, also not for whoever may not see the connection', async () => {
  await using shop = await openShop()
  const { api, name } = shop
  const destination = `topic:${name}.{stream}`
  await api.service.connections.create({ name, from: name, destination, activate: false })
  const scopes: Scope[] = [{ action: 'receivers:*', names: null }]
  const stranger = await api.clientOf({ name: 'stranger', kind: 'operator', scopes })
  const hidden = await stranger.call(`GET /connections/${name}`)
  expect(hidden.status).toBe(403)
  const rows = [{ target: `topic:${name}.orders` }]
  const body = { name: 'events', dispatch: rows }
  const answer = await stranger.call('POST /receivers', body)
  expect(answer).toMatchObject({ status: 422, body: code('target_not_available') })
  expect(JSON.stringify(answer.body)).not.toContain(`connection ${name}`)
  expect(await refused(api, 'POST /receivers', body)).toMatchObject(code('target_not_available'))
  const events = [{ target: `topic:${name}.events` }]
  await makeReceiver(api, { name: 'events', dispatch: events })
  const change = await stranger.call('PATCH /receivers/events', { dispatch: [...events, ...rows] })
  expect(change).toMatchObject({ status: 422, body: code('target_not_available') })
  // When the connection loads other topics, the name is free.
  await api.service.connections.update(name, { destination: `topic:${name}-2.{stream}` })
  expect((await stranger.call('PATCH /receivers/events', { dispatch: rows })).status).toBe(200)
})

test('a connection gets no topic that a receiver writes events to', async () => {
  await using shop = await openShop()
  const { api, name } = shop
  await makeReceiver(api, { name: 'events', dispatch: [{ target: `topic:${name}.orders` }] })
  const { connections } = api.service
  const wanted = { name, from: name, destination: `topic:${name}.{stream}`, activate: false }
  const refusal = { code: 'destination_topic_shared', details: { topic: `${name}.orders` } }
  await expect(connections.create(wanted)).rejects.toMatchObject(refusal)
  await connections.create({ ...wanted, destination: `topic:${name}-2.{stream}` })
  await expect(connections.update(name, { destination: wanted.destination })).rejects.toMatchObject(
    refusal,
  )
  await api.call('DELETE /receivers/events')
  await connections.update(name, { destination: wanted.destination })
})
