import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ConnectError, type JsonObject } from '../../../protocol/index.ts'
import { instancePath, type Vault } from '../../../service/platform/vault/vault.ts'
import { AuthorizationServer } from '../../fakes/authorization-server.ts'
import { testDatabase, type TestDatabase } from '../../support/postgres.ts'
import { descriptorOf } from '../oauth/oauth-connector.ts'
import { newConnection } from '../../support/open-test-store.ts'
import { callbackUrl, openTestInstances } from './open-test-instances.ts'

const PASSWORD = 'planted-password'
const shop = { host: 'localhost', user: 'reader', database: 'shop' }
const key = { auth_type: 'key', api_key: 'planted-key' }

async function errorOf(work: Promise<unknown>): Promise<ConnectError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof ConnectError) return error
  throw new TypeError('it did not fail with a ConnectError', { cause: error })
}

function configOf({ address }: TestDatabase): JsonObject {
  const { host, port, user, password, database } = address
  return { host, port, user, password, database, ssl: 'disable' }
}

describe('an instance', () => {
  it('is made with its secrets in the vault and the rest in the store', async () => {
    await using world = await openTestInstances()
    const { instances } = world
    const made = await instances.create({
      name: 'shop',
      type: 'postgres',
      config: { ...shop, password: PASSWORD },
    })
    expect(made).toMatchObject({
      name: 'shop',
      config: shop,
      secrets: ['/password'],
      credentials: 'ready',
    })
    expect(await world.secrets('shop')).toEqual({ '/password': PASSWORD })
    expect(await instances.get('shop')).toEqual(made)
    const { items } = await instances.list({})
    expect(items[0]).not.toHaveProperty('config')
    expect(items.map((item) => ({ ...item, config: made.config }))).toEqual([made])
    expect(await instances.resolveConfig('shop')).toEqual({
      type: 'postgres',
      config: { ...shop, password: PASSWORD },
      secrets: [PASSWORD],
    })
  })

  it('is not made of a connector that there is none of, or a path', async () => {
    await using world = await openTestInstances()
    for (const type of ['nothing', 'manifest:/etc/passwd', '../crm', '__proto__', 'constructor']) {
      const error = await errorOf(world.instances.create({ name: 'a', type, config: {} }))
      expect(error.code).toBe('unknown_connector')
    }
  })

  it.each<[string, JsonObject, string]>([
    ['a field of the wrong type', { ...shop, port: PASSWORD }, '`/port` must be a whole number'],
    ['a field that is missing', { host: 'a' }, '`/user`, `/database` are missing'],
    [
      'a field that is unknown',
      { ...shop, pasword: PASSWORD },
      '`/pasword` is not a field of this connector. Did you mean `/password`?',
    ],
    ['a value that is none of those', { ...shop, ssl: PASSWORD }, '`/ssl` must be one of'],
    ['a secret of the wrong type', { ...shop, password: [PASSWORD] }, '`/password` must be text'],
    [
      'a password in the URL of a plain field',
      { ...shop, host: `postgres://reader:${PASSWORD}@db` },
      '`/host` is stored and shown as it is, and it holds a user name or password in its URL: put secrets into `/password`',
    ],
    [
      'a Unix socket of the machine of the service',
      { ...shop, host: '/var/run/planted' },
      'the setting `allowed_sockets`',
    ],
  ])('is refused with %s, which is not quoted', async (_, config, problem) => {
    await using world = await openTestInstances()
    const error = await errorOf(world.instances.create({ name: 'a', type: 'postgres', config }))
    expect(error.code).toBe('instance_config_invalid')
    expect(error.message).toContain(problem)
    expect(JSON.stringify(error)).not.toContain('planted')
    expect((await world.instances.list({})).items).toEqual([])
  })

  it('whose name is taken leaves the secrets of the other as they are', async () => {
    await using world = await openTestInstances()
    const config = { ...shop, password: PASSWORD }
    await world.instances.create({ name: 'shop', type: 'postgres', config })
    const again = { name: 'shop', type: 'postgres', config: { ...shop, password: 'other' } }
    expect((await errorOf(world.instances.create(again))).code).toBe('name_taken')
    expect(await world.secrets('shop')).toEqual({ '/password': PASSWORD })
  })

  it('is not there where the vault did not take its secrets', async () => {
    const failing = new ConnectError('vault_unreachable', { details: { url: 'x', reason: 'down' } })
    await using world = await openTestInstances({
      vault: (vault) => ({
        get: (path) => vault.get(path),
        put: () => Promise.reject(failing),
        delete: (path) => vault.delete(path),
        check: () => vault.check(),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
    })
    const config = { ...shop, password: PASSWORD }
    const error = await errorOf(world.instances.create({ name: 'a', type: 'postgres', config }))
    expect(error.code).toBe('vault_unreachable')
    expect((await world.instances.list({})).items).toEqual([])
  })

  it('is not there either if the vault is gone, and can be made once it is back', async () => {
    await using world = await openTestInstances()
    const { instances, folder } = world
    await rename(join(folder, 'vault'), join(folder, 'away'))
    const input = { name: 'a', type: 'postgres', config: { ...shop, password: PASSWORD } }
    expect((await errorOf(instances.create(input))).code).toBe('vault_unreachable')
    expect((await instances.list({})).items).toEqual([])
    await rename(join(folder, 'away'), join(folder, 'vault'))
    expect(await instances.create(input)).toMatchObject({ credentials: 'ready' })
    expect(await world.secrets('a')).toEqual({ '/password': PASSWORD })
  })

  it('stays if somebody gave it credentials before the vault refused those of its maker', async () => {
    const late = Promise.withResolvers<number>()
    const asked = Promise.withResolvers<undefined>()
    await using world = await openTestInstances({
      vault: (vault) => ({
        get: (path) => vault.get(path),
        put: (path, secrets, options) => {
          if (secrets['/password'] !== PASSWORD) return vault.put(path, secrets, options)
          asked.resolve(undefined)
          return late.promise
        },
        delete: (path) => vault.delete(path),
        check: () => vault.check(),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
    })
    const config = { ...shop, password: PASSWORD }
    const making = errorOf(world.instances.create({ name: 'a', type: 'postgres', config }))
    await asked.promise
    await world.instances.setCredentials('a', { password: 'given meanwhile' })
    late.reject(new ConnectError('vault_unreachable', { details: { url: 'x', reason: 'down' } }))
    expect((await making).code).toBe('vault_unreachable')
    expect(await world.instances.get('a')).toMatchObject({ credentials: 'ready' })
    expect(await world.secrets('a')).toEqual({ '/password': 'given meanwhile' })
  })

  it('keeps secrets that an update leaves out, and loses those that it sets to null', async () => {
    await using world = await openTestInstances()
    const { instances } = world
    const config = { ...shop, password: PASSWORD }
    const made = await instances.create({ name: 'shop', type: 'postgres', config })
    const changed = { ...shop, database: 'db2' }
    const moved = await instances.update('shop', { config: changed }, made.version)
    expect(moved).toMatchObject({ config: changed, secrets: ['/password'] })
    expect(moved.version).toBeGreaterThan(made.version)
    const stale = instances.update('shop', { config: shop }, made.version)
    expect((await errorOf(stale)).code).toBe('version_conflict')
    await instances.update('shop', { config: { ...shop, password: 'another' } })
    expect(await world.secrets('shop')).toEqual({ '/password': 'another' })
    const invalid = instances.update('shop', { config: { ...shop, password: null, port: 'x' } })
    expect((await errorOf(invalid)).code).toBe('instance_config_invalid')
    expect(await world.secrets('shop')).toEqual({ '/password': 'another' })
  })

  it('loses the secrets of a choice that it no longer takes', async () => {
    await using world = await openTestInstances()
    const { instances } = world
    const base_url = 'http://127.0.0.1:1'
    const oauth = { auth_type: 'oauth', client_id: 'i', client_secret: 's', refresh_token: 'r' }
    await instances.create({ name: 'crm', type: 'crm', config: { base_url, credentials: oauth } })
    const after = await instances.update('crm', { config: { base_url, credentials: key } })
    expect(after).toMatchObject({
      config: { base_url, credentials: { auth_type: 'key' } },
      secrets: ['/credentials/api_key'],
      credentials: 'ready',
    })
    expect(await world.secrets('crm')).toEqual({ '/credentials/api_key': 'planted-key' })
  })

  it('goes with its secrets, but not while a connection reads it', async () => {
    await using world = await openTestInstances()
    const { instances, test, vault } = world
    const config = { ...shop, password: PASSWORD }
    const { id, version } = await instances.create({ name: 'shop', type: 'postgres', config })
    const { name } = await newConnection(test.store)
    expect(await errorOf(instances.delete('shop'))).toMatchObject({
      code: 'instance_in_use',
      message: `Instance shop is used by connection ${name}`,
    })
    expect(await world.secrets('shop')).toEqual({ '/password': PASSWORD })
    await test.store.connections.delete(name)
    expect((await errorOf(instances.delete('shop', { ifVersion: version + 1 }))).code).toBe(
      'version_conflict',
    )
    await instances.delete('shop', { ifVersion: version })
    expect(await vault.get(`instances/${id}`)).toBeNull()
    expect((await errorOf(instances.get('shop'))).code).toBe('instance_not_found')
  })

  it('is changed by many at once without losing a secret', async () => {
    await using world = await openTestInstances()
    const config = { base_url: 'http://127.0.0.1:1', credentials: { auth_type: 'oauth' } }
    await world.instances.create({ name: 'crm', type: 'crm', config })
    const fields = ['client_id', 'client_secret', 'refresh_token']
    await Promise.all(
      fields.map((field) =>
        world.instances.setCredentials('crm', { credentials: { [field]: field } }),
      ),
    )
    expect(await world.instances.get('crm')).toMatchObject({
      secrets: fields.map((field) => `/credentials/${field}`),
      credentials: 'ready',
    })
  })
})

describe('credentials', () => {
  it('that are missing are named, and can be set', async () => {
    await using world = await openTestInstances()
    const { instances } = world
    const config = { base_url: 'http://127.0.0.1:1', credentials: { auth_type: 'key' } }
    const made = await instances.create({ name: 'crm', type: 'crm', config })
    expect(made).toMatchObject({ credentials: 'missing', secrets: [] })
    const error = await errorOf(instances.resolveConfig('crm'))
    expect(error).toMatchObject({
      code: 'credentials_missing',
      details: { instance: 'crm', fields: '/credentials/api_key' },
    })
    const status = await instances.check('crm')
    expect(status).toMatchObject({ status: 'FAILED' })
    expect(status.message).toContain('`reactor connect instances credentials crm`')
    expect((await errorOf(instances.discover('crm', { refresh: false }))).code).toBe(error.code)
    const set = await instances.setCredentials('crm', { credentials: key })
    expect(set).toMatchObject({ credentials: 'ready', secrets: ['/credentials/api_key'] })
    const removed = await instances.setCredentials('crm', { credentials: { api_key: null } })
    expect(removed).toMatchObject({ credentials: 'missing', secrets: [] })
  })

  it('are secret fields and nothing else', async () => {
    await using world = await openTestInstances()
    const { instances } = world
    await instances.create({ name: 'shop', type: 'postgres', config: shop })
    for (const wrong of [{ host: 'planted' }, { pasword: 'planted' }, { password: { a: null } }]) {
      const error = await errorOf(instances.setCredentials('shop', wrong))
      expect(['credentials_invalid', 'instance_config_invalid']).toContain(error.code)
      expect(JSON.stringify(error)).not.toContain('planted')
    }
    expect(await instances.get('shop')).toMatchObject({ secrets: [], config: shop })
  })
})

describe('a configuration that a connector changed', () => {
  it('is kept: secrets in the vault, the rest in the store, what somebody else changed as it is', async () => {
    await using world = await openTestInstances()
    const { instances } = world
    const base_url = 'http://127.0.0.1:1'
    const oauth = { auth_type: 'oauth', client_id: 'i', client_secret: 's', refresh_token: 'r1' }
    await instances.create({ name: 'crm', type: 'crm', config: { base_url, credentials: oauth } })
    const { config: given } = await instances.resolveConfig('crm')
    await instances.setCredentials('crm', { credentials: { client_secret: 's2' } })
    const changed = {
      ...given,
      base_url: 'http://127.0.0.1:2',
      credentials: { ...oauth, refresh_token: 'r2', access_token: 'planted', extra: 'planted' },
    }
    await instances.keepConfig('crm', changed, given)
    expect(await instances.get('crm')).toMatchObject({
      config: { base_url: 'http://127.0.0.1:2', credentials: { auth_type: 'oauth' } },
      credentials: 'ready',
    })
    expect(await world.secrets('crm')).toEqual({
      '/credentials/client_id': 'i',
      '/credentials/client_secret': 's2',
      '/credentials/refresh_token': 'r2',
      '/credentials/access_token': 'planted',
      '/credentials/extra': 'planted',
    })
  })
})

describe('a source', () => {
  it('is checked with its credentials, which no answer shows', async () => {
    await using world = await openTestInstances()
    await using source = await testDatabase()
    await source.query('CREATE TABLE items (id int PRIMARY KEY)')
    const { instances } = world
    await instances.create({ name: 'shop', type: 'postgres', config: configOf(source) })
    expect(await instances.check('shop')).toEqual({ status: 'SUCCEEDED' })
    await instances.setCredentials('shop', { password: PASSWORD })
    const status = await instances.check('shop')
    expect(status).toMatchObject({ status: 'FAILED' })
    expect(status.message).not.toContain(PASSWORD)
  })

  it('is discovered once an hour, or when it is asked for, or was changed', async () => {
    await using world = await openTestInstances()
    await using source = await testDatabase()
    await source.query('CREATE TABLE items (id int PRIMARY KEY)')
    const { instances } = world
    await instances.create({ name: 'shop', type: 'postgres', config: configOf(source) })
    const discover = (refresh = false) => instances.discover('shop', { refresh })
    const [first, together] = await Promise.all([discover(), discover()])
    expect(first.catalog.streams.map(({ name }) => name)).toEqual(['items'])
    expect(first).toMatchObject({ fromCache: false })
    expect(together).toEqual(first)
    await source.query('CREATE TABLE orders (id int PRIMARY KEY)')
    expect(await discover()).toEqual({ ...first, fromCache: true })
    expect((await discover(true)).catalog.streams).toHaveLength(2)
    await source.query('DROP TABLE orders')
    world.advance(3_599_000)
    expect(await discover()).toMatchObject({ fromCache: true })
    world.advance(2_000)
    expect(await discover()).toMatchObject({ fromCache: false })
    const { password, ...config } = configOf(source)
    await instances.update('shop', { config: { ...config, parallel: 2, password: password ?? '' } })
    world.advance(-3_601_000)
    expect(await discover()).toMatchObject({ fromCache: false })
  })

  it('that cannot be reached is an error of the connector', async () => {
    await using world = await openTestInstances()
    const config = { ...shop, host: '127.0.0.1', port: 1, password: PASSWORD, ssl: 'disable' }
    await world.instances.create({ name: 'shop', type: 'postgres', config })
    const error = await errorOf(world.instances.discover('shop', { refresh: false }))
    expect(error).toMatchObject({ code: 'source_unreachable', retryable: true })
    expect(await world.instances.check('shop')).toMatchObject({ status: 'FAILED' })
  })
})

describe('a connector with OAuth', () => {
  it('is authorized in the browser, read, and keeps the refresh tokens that it gets', async () => {
    await using world = await openTestInstances()
    await using server = await AuthorizationServer.start({ redirectUris: [callbackUrl] })
    const { instances, vault } = world
    const { clientId: client_id, clientSecret: client_secret, issuer: base_url } = server
    const config = { base_url, credentials: { auth_type: 'oauth', client_id, client_secret } }
    const made = await instances.create({ name: 'crm', type: 'crm', config })
    expect(made).toMatchObject({ credentials: 'missing' })
    const { authorizeUrl } = await instances.beginAuthorization('crm')
    const { state = '', ...back } = await server.browse(authorizeUrl, callbackUrl)
    const authorized = await instances.completeAuthorization({ state, ...back })
    expect(authorized).toMatchObject({ credentials: 'ready' })
    expect(await instances.check('crm')).toEqual({ status: 'SUCCEEDED' })
    expect(server.tokenRequests).toEqual(['authorization_code'])
    // The token is over: the connector gets another one, with another refresh token, which is stored.
    const path = `instances/${made.id}`
    const before = (await vault.get(path))?.secrets ?? {}
    await vault.put(path, {
      ...before,
      '/credentials/token_expiry_date': new Date(Date.now() - 1000).toISOString(),
    })
    expect(await instances.check('crm')).toEqual({ status: 'SUCCEEDED' })
    expect(server.tokenRequests).toEqual(['authorization_code', 'refresh_token'])
    const after = (await vault.get(path))?.secrets ?? {}
    expect(Object.keys(after)).toEqual(Object.keys(before))
    expect(after['/credentials/refresh_token']).not.toBe(before['/credentials/refresh_token'])
    expect((await instances.get('crm')).config).toEqual({
      base_url,
      credentials: { auth_type: 'oauth' },
    })
  })

  it('that is refused keeps what it had', async () => {
    await using world = await openTestInstances()
    await using server = await AuthorizationServer.start({ redirectUris: [callbackUrl] })
    const { clientId: client_id, clientSecret: client_secret, issuer: base_url } = server
    const config = { base_url, credentials: { auth_type: 'oauth', client_id, client_secret } }
    await world.instances.create({ name: 'crm', type: 'crm', config })
    server.consents = false
    const { authorizeUrl } = await world.instances.beginAuthorization('crm')
    const { state = '', ...back } = await server.browse(authorizeUrl, callbackUrl)
    const error = await errorOf(world.instances.completeAuthorization({ state, ...back }))
    expect(error.code).toBe('oauth_denied')
    expect(await world.instances.get('crm')).toMatchObject({ credentials: 'missing' })
  })

  it('whose vendor ends the authorization says so until it is authorized anew', async () => {
    await using server = await AuthorizationServer.start({ redirectUris: [callbackUrl] })
    await using world = await openTestInstances({ descriptor: descriptorOf(server) })
    const { instances } = world
    const client = { client_id: server.clientId, client_secret: server.clientSecret }
    await instances.create({ name: 'crm', type: 'vendor', config: client })
    const authorize = async () => {
      const { authorizeUrl } = await instances.beginAuthorization('crm')
      const { state = '', ...back } = await server.browse(authorizeUrl, callbackUrl)
      return instances.completeAuthorization({ state, ...back })
    }
    expect(await authorize()).toMatchObject({ credentials: 'ready' })
    await instances.setCredentials('crm', { refresh_token: 'planted-revoked' })
    world.advance(3_600_000)
    const error = await errorOf(instances.resolveConfig('crm'))
    expect(error.code).toBe('reauthorization_required')
    expect(await instances.get('crm')).toMatchObject({ credentials: 'reauthorize' })
    const { config } = await instances.get('crm')
    expect(await instances.update('crm', { config })).toMatchObject({ credentials: 'reauthorize' })
    const status = await instances.check('crm')
    expect(status).toMatchObject({ status: 'FAILED' })
    expect(status.message).toContain('`reactor connect instances credentials crm`')
    expect(await authorize()).toMatchObject({ credentials: 'ready' })
    expect((await instances.resolveConfig('crm')).config).toHaveProperty('access_token')
  })
})

/** A vault of which `get` is another one. */
function readingBy(get: (path: string, vault: Vault) => ReturnType<Vault['get']>) {
  return {
    vault: (vault: Vault): Vault => ({
      get: (path) => get(path, vault),
      put: (...input) => vault.put(...input),
      delete: (path) => vault.delete(path),
      check: () => vault.check(),
      [Symbol.asyncDispose]: () => vault[Symbol.asyncDispose](),
    }),
  }
}

describe('a vault without the secrets that the store knows of', () => {
  it('is noticed, and noticed again when the right one is back', async () => {
    let isGone = false
    await using world = await openTestInstances(
      readingBy((path, vault) => (isGone ? Promise.resolve(null) : vault.get(path))),
    )
    const { instances } = world
    await instances.create({
      name: 'shop',
      type: 'postgres',
      config: { ...shop, password: PASSWORD },
    })
    await instances.create({ name: 'open', type: 'postgres', config: shop })
    expect(await world.noteLostSecrets()).toEqual({ lost: [], damaged: [] })
    isGone = true
    // The specification of the connector needs no password: only the store knows that there was one.
    expect(await errorOf(instances.resolveConfig('shop'))).toMatchObject({
      code: 'credentials_missing',
      details: { instance: 'shop', fields: '/password' },
    })
    expect(await world.noteLostSecrets()).toEqual({ lost: ['shop'], damaged: [] })
    expect(await instances.get('shop')).toMatchObject({
      credentials: 'missing',
      secrets: ['/password'],
    })
    expect(await instances.get('open')).toMatchObject({ credentials: 'ready' })
    isGone = false
    expect(await world.noteLostSecrets()).toEqual({ lost: [], damaged: [] })
    expect(await instances.get('shop')).toMatchObject({ credentials: 'ready' })
    expect((await instances.resolveConfig('shop')).secrets).toEqual([PASSWORD])
  })

  it('is noticed although the secrets of another instance are damaged', async () => {
    const damaged = new Set<string>()
    await using world = await openTestInstances(
      readingBy((path, vault) => {
        if (damaged.size === 0) return vault.get(path)
        if (!damaged.has(path)) return Promise.resolve(null)
        return Promise.reject(new ConnectError('vault_corrupt', { details: { path } }))
      }),
    )
    for (const name of ['damaged', 'lost']) {
      const config = { ...shop, password: PASSWORD }
      await world.instances.create({ name, type: 'postgres', config })
    }
    damaged.add(instancePath((await world.instances.get('damaged')).id))
    expect(await world.noteLostSecrets()).toEqual({ lost: ['lost'], damaged: ['damaged'] })
    for (const name of ['damaged', 'lost'])
      expect(await world.instances.get(name)).toMatchObject({ credentials: 'missing' })
  })
})
