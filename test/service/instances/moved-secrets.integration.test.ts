import { describe, expect, it } from 'vitest'
import { fakerConnector } from '../../../connectors/faker/connector.ts'
import { ConnectError, type JsonObject } from '../../../protocol/index.ts'
import { openTestInstances } from './open-test-instances.ts'

const PASSWORD = 'planted-password'
const shop = { host: 'localhost', user: 'reader', database: 'shop' }

async function errorOf(work: Promise<unknown>): Promise<ConnectError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof ConnectError) return error
  throw new TypeError('it did not fail with a ConnectError', { cause: error })
}

describe('an instance', () => {
  it.each<[string, JsonObject]>([
    ['another host', { ...shop, host: 'evil' }],
    ['another port', { ...shop, port: 5433 }],
    ['no encryption', { ...shop, ssl: 'disable' }],
    ['another authority', { ...shop, ca: 'mine' }],
  ])('sends its stored secrets to no other server: %s needs them again', async (_, config) => {
    await using world = await openTestInstances()
    const { instances } = world
    await instances.create({
      name: 'shop',
      type: 'postgres',
      config: { ...shop, password: PASSWORD },
    })
    const before = await instances.get('shop')
    const error = await errorOf(instances.update('shop', { config }))
    expect(error).toMatchObject({ code: 'secrets_needed_again', retryable: false })
    expect(error.suggestedFix).toContain('Give `/password` again')
    expect(JSON.stringify(error)).not.toContain(PASSWORD)
    expect(await instances.get('shop')).toEqual(before)
    expect(await world.secrets('shop')).toEqual({ '/password': PASSWORD })
    const given = await instances.update('shop', { config: { ...config, password: 'other' } })
    expect(given.config).toEqual(config)
    expect(await world.secrets('shop')).toEqual({ '/password': 'other' })
    const removed = await instances.update('shop', { config: { ...shop, password: null } })
    expect(removed).toMatchObject({ secrets: [], config: shop })
    expect(await world.secrets('shop')).toEqual({})
  })

  it('has the same server if a field is written out that had its default', async () => {
    await using world = await openTestInstances()
    const { instances } = world
    await instances.create({
      name: 'shop',
      type: 'postgres',
      config: { ...shop, password: PASSWORD },
    })
    await instances.update('shop', { config: { ...shop, port: 5432 } })
    expect(await world.secrets('shop')).toEqual({ '/password': PASSWORD })
  })

  it('of a manifest needs all of its secrets again with another host, or loses those that nobody knows', async () => {
    await using world = await openTestInstances()
    const { instances } = world
    const base_url = 'http://127.0.0.1:1'
    const oauth = { auth_type: 'oauth', client_id: 'i', client_secret: 's', refresh_token: 'r' }
    await instances.create({ name: 'crm', type: 'crm', config: { base_url, credentials: oauth } })
    const evil = 'http://127.0.0.1:2'
    for (const credentials of [
      { auth_type: 'oauth' },
      { auth_type: 'oauth', client_id: 'i', client_secret: 's' },
    ]) {
      const error = await errorOf(
        instances.update('crm', { config: { base_url: evil, credentials } }),
      )
      expect(error.code).toBe('secrets_needed_again')
      expect(error.message).toContain('`/credentials/refresh_token`')
    }
    const client = { auth_type: 'oauth', client_id: 'i', client_secret: 's', refresh_token: null }
    const moved = await instances.update('crm', { config: { base_url: evil, credentials: client } })
    expect(moved).toMatchObject({
      secrets: ['/credentials/client_id', '/credentials/client_secret'],
      credentials: 'missing',
    })
    // A new secret alone moves nothing.
    await instances.setCredentials('crm', { credentials: { refresh_token: 'new' } })
    expect(await world.secrets('crm')).toMatchObject({ '/credentials/refresh_token': 'new' })
  })

  it('with a server that is a secret needs the others when that changes', async () => {
    const secret = { type: 'string', airbyte_secret: true }
    await using world = await openTestInstances({
      descriptor: {
        ...fakerConnector.descriptor,
        type: 'vendor',
        spec: { type: 'object', properties: { url: secret, key: secret, days: {} } },
        addressFields: () => ['/url'],
      },
    })
    const { instances } = world
    const config = { url: 'a', key: 'planted' }
    await instances.create({ name: 'shop', type: 'vendor', config })
    const error = await errorOf(instances.setCredentials('shop', { url: 'b' }))
    expect(error).toMatchObject({ code: 'secrets_needed_again', details: { fields: '`/key`' } })
    await instances.setCredentials('shop', { key: 'other' })
    await instances.setCredentials('shop', { url: 'b', key: 'third' })
    expect(await world.secrets('shop')).toEqual({ '/url': 'b', '/key': 'third' })
  })

  it('of a connector whose address cannot be told needs them with any change', async () => {
    const secret = { type: 'string', airbyte_secret: true }
    await using world = await openTestInstances({
      descriptor: {
        ...fakerConnector.descriptor,
        type: 'vendor',
        spec: { type: 'object', properties: { one: secret, two: secret, days: {} } },
        addressFields: () => 'all',
      },
    })
    const { instances } = world
    await instances.create({
      name: 'shop',
      type: 'vendor',
      config: { one: '1', two: '2', days: 3 },
    })
    await instances.setCredentials('shop', { one: '11' })
    await instances.update('shop', { config: { days: 3, two: '22' } })
    const error = await errorOf(instances.update('shop', { config: { days: 4, two: '22' } }))
    expect(error).toMatchObject({ code: 'secrets_needed_again', details: { changed: '`/days`' } })
  })
})
