import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { describe, expect, it } from 'vitest'
import type { OAuth2Scheme } from '../../../connectors/connector.ts'
import { ConnectError, type JsonObject } from '../../../protocol/index.ts'
import { InstanceOAuth } from '../../../service/oauth/instance-oauth.ts'
import type { OAuthInstance } from '../../../service/oauth/oauth.ts'
import { openFileVault, type FileVault } from '../../../service/platform/vault/file-vault.ts'
import { instancePath, type Vault } from '../../../service/platform/vault/vault.ts'
import {
  AuthorizationServer,
  type AuthorizationServerOptions,
} from '../../fakes/authorization-server.ts'
import { newInstance, openTestStore, type TestStore } from '../../support/open-test-store.ts'
import { descriptorOf, instanceOf } from './oauth-connector.ts'
import { newFolder } from '../../support/new-folder.ts'

const callbackUrl = 'http://127.0.0.1:1/connect/v1/oauth/callback'
const HOUR_MS = 3_600_000

interface World extends AsyncDisposable {
  readonly server: AuthorizationServer
  readonly test: TestStore
  readonly vault: FileVault
  readonly folder: string
  readonly oauth: InstanceOAuth
  readonly instance: OAuthInstance
  /** Moves the clock of the service. */
  advance(ms: number): void
  now(): number
  authorize(redirectUri?: string): Promise<Record<string, string>>
  secrets(): Promise<JsonObject>
}

async function openWorld(
  options: Partial<AuthorizationServerOptions> & { scheme?: Partial<OAuth2Scheme> } = {},
): Promise<World> {
  await using stack = new AsyncDisposableStack()
  const server = stack.use(
    await AuthorizationServer.start({ redirectUris: [callbackUrl], ...options }),
  )
  const test = stack.use(await openTestStore())
  const root = await newFolder('oauth')
  const folder = join(root, 'vault')
  const vault = stack.use(await openFileVault({ folder }))
  const { id } = await newInstance(test.store, 'crm', { type: 'vendor' })
  const instance = instanceOf(id, descriptorOf(server, options.scheme))
  let now = Date.now()
  const oauth = stack.use(
    new InstanceOAuth({
      store: test.store,
      vault,
      allowedNetworks: ['127.0.0.1/32'],
      callbackUrl,
      find: () => Promise.resolve(instance),
      now: () => now,
    }),
  )
  await vault.put(instancePath(id), {
    '/client_id': server.clientId,
    ...(server.clientSecret !== null && { '/client_secret': server.clientSecret }),
  })
  const moved = stack.move()
  return {
    server,
    test,
    vault,
    folder,
    oauth,
    instance,
    advance: (ms) => {
      now += ms
    },
    now: () => now,
    authorize: async (redirectUri = callbackUrl) => {
      const { authorizeUrl } = await oauth.begin(instance, redirectUri)
      return server.browse(authorizeUrl, redirectUri)
    },
    secrets: async () => (await vault.get(instancePath(id)))?.secrets ?? {},
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  }
}

function callbackOf({ state = '', ...rest }: Record<string, string>): { state: string } {
  return { state, ...rest }
}

async function errorOf(work: Promise<unknown>): Promise<ConnectError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof ConnectError) return error
  throw new TypeError('it did not fail with a ConnectError', { cause: error })
}

describe('an authorization', () => {
  it('ends with tokens in the vault, and nothing of it in the database', async () => {
    await using world = await openWorld()
    const { authorizeUrl, state } = await world.oauth.begin(world.instance, callbackUrl)
    const asked = new URL(authorizeUrl).searchParams
    expect(asked.get('code_challenge_method')).toBe('S256')
    expect(state).toMatch(/^[\w-]{43}$/)
    const rows = await world.test.database.query(
      'SELECT * FROM reactor_connect_service.oauth_states',
    )
    expect(rows).toHaveLength(1)
    expect(JSON.stringify(rows)).not.toContain(state)
    const callback = await world.server.browse(authorizeUrl, callbackUrl)
    const authorized = await world.oauth.complete(callbackOf(callback))
    expect(authorized).toEqual({
      instance: 'crm',
      pointers: [
        '/access_token',
        '/client_id',
        '/client_secret',
        '/refresh_token',
        '/token_expiry_date',
      ],
    })
    const secrets = await world.secrets()
    expect(secrets['/token_expiry_date']).toBe(new Date(world.now() + HOUR_MS).toISOString())
    expect(await world.oauth.freshSecrets(world.instance)).toEqual(secrets)
  })

  it('works for a public client, and for a command line that listens on loopback', async () => {
    const redirectUri = 'http://127.0.0.1:49152/callback'
    await using world = await openWorld({ clientSecret: null, redirectUris: [redirectUri] })
    await world.oauth.complete(callbackOf(await world.authorize(redirectUri)))
    expect(Object.keys(await world.secrets())).toContain('/refresh_token')
  })

  it('that the user refuses is denied, and its state is used up', async () => {
    await using world = await openWorld()
    world.server.consents = false
    const callback = callbackOf(await world.authorize())
    expect(await errorOf(world.oauth.complete(callback))).toMatchObject({
      code: 'oauth_denied',
      details: { instance: 'crm', reason: 'access_denied' },
    })
    expect((await errorOf(world.oauth.complete(callback))).code).toBe('oauth_state_invalid')
  })

  it('needs a state that this service gave, once, within 10 minutes', async () => {
    await using world = await openWorld()
    const callback = callbackOf(await world.authorize())
    const wrong = { ...callback, state: 'x'.repeat(43) }
    expect((await errorOf(world.oauth.complete(wrong))).code).toBe('oauth_state_invalid')
    await world.oauth.complete(callback)
    expect((await errorOf(world.oauth.complete(callback))).code).toBe('oauth_state_invalid')
    const late = callbackOf(await world.authorize())
    await world.test.database.query(
      "UPDATE reactor_connect_service.oauth_states SET expires_at = now() - interval '1 second'",
    )
    expect((await errorOf(world.oauth.complete(late))).code).toBe('oauth_state_invalid')
  })

  it('that is completed twice at once is completed once', async () => {
    await using world = await openWorld()
    const callback = callbackOf(await world.authorize())
    const results = await Promise.allSettled([1, 2, 3].map(() => world.oauth.complete(callback)))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(world.server.tokenRequests).toEqual(['authorization_code'])
  })

  it('takes no code that belongs to another authorization: PKCE', async () => {
    await using world = await openWorld()
    const mine = callbackOf(await world.authorize())
    const stolen = await world.authorize()
    const error = await errorOf(world.oauth.complete({ ...mine, code: stolen.code ?? '' }))
    expect(error.code).toBe('oauth_exchange_failed')
    expect(error.message).toContain('invalid_grant')
    expect(await world.secrets()).not.toHaveProperty('/access_token')
  })

  it('whose answer comes from another vendor is refused', async () => {
    await using world = await openWorld()
    const callback = callbackOf(await world.authorize())
    const error = await errorOf(world.oauth.complete({ ...callback, iss: 'https://evil.example' }))
    expect(error.code).toBe('oauth_exchange_failed')
    expect(world.server.tokenRequests).toEqual([])
  })

  it('sends the browser to its own callback or to this machine, nowhere else', async () => {
    await using world = await openWorld()
    for (const redirectUri of [
      'https://evil.example/callback',
      'http://127.0.0.1.evil.example/callback',
      'http://user@127.0.0.1/callback',
      'http://127.0.0.1:1/callback?to=evil',
      'http://127.0.0.1:1/#x',
      'javascript:alert(1)',
      'callback',
    ]) {
      const error = await errorOf(world.oauth.begin(world.instance, redirectUri))
      expect(error.code).toBe('oauth_redirect_invalid')
    }
    for (const redirectUri of ['http://127.0.0.1:1/x', 'http://[::1]:9', 'http://localhost/a']) {
      const { authorizeUrl } = await world.oauth.begin(world.instance, redirectUri)
      const sent = new URL(authorizeUrl).searchParams.get('redirect_uri')
      expect(sent).toBe(new URL(redirectUri).href)
    }
  })

  it('says what is missing: a client, or OAuth at all', async () => {
    await using world = await openWorld()
    const { id } = world.instance
    await world.vault.delete(instancePath(id))
    const error = await errorOf(world.oauth.begin(world.instance, callbackUrl))
    expect(error.code).toBe('oauth_client_missing')
    expect(error.suggestedFix).toContain('"client_id"')
    const plain = instanceOf(id, { ...world.instance.descriptor, auth: [{ kind: 'none' }] })
    expect((await errorOf(world.oauth.begin(plain, callbackUrl))).code).toBe('oauth_not_supported')
  })

  it('is not made with an address inside of the network of the operator', async () => {
    await using world = await openWorld({ scheme: { tokenUrl: 'https://169.254.169.254/token' } })
    const error = await errorOf(world.oauth.complete(callbackOf(await world.authorize())))
    expect(error.code).toBe('oauth_exchange_failed')
    expect(error.message).toContain('private or reserved')
  })

  it('takes no token endpoint without encryption', async () => {
    await using world = await openWorld({ scheme: { tokenUrl: 'http://vendor.example/token' } })
    const error = await errorOf(world.oauth.complete(callbackOf(await world.authorize())))
    expect(error.message).toContain('https://')
  })

  it.each([
    { status: 200, body: '{"ok":false,"error":"invalid_code"}', reason: 'invalid_code' },
    { status: 200, body: '<html>planted-SECRET</html>', reason: 'not JSON' },
    { status: 401, body: '<html>planted-SECRET</html>', reason: 'status 401' },
    { status: 200, body: '{"scope":"planted-SECRET"}', reason: 'contains no access token' },
    {
      status: 400,
      body: '{"error":"invalid_client","error_description":"planted-client-secret is wrong"}',
      reason: '*** is wrong',
    },
  ])('says what the vendor answered: $status $reason', async ({ status, body, reason }) => {
    await using world = await openWorld()
    const callback = callbackOf(await world.authorize())
    world.server.tokenAnswers.push({ status, body })
    const error = await errorOf(world.oauth.complete(callback))
    expect(error.code).toBe('oauth_exchange_failed')
    expect(error.message).toContain(reason)
    expect(JSON.stringify(error)).not.toMatch(/planted/)
  })

  it('takes tokens of vendors who do not keep to the standard', async () => {
    await using world = await openWorld()
    const callback = callbackOf(await world.authorize())
    const body = {
      access_token: 'a',
      expires_in: '60',
      refresh_token: null,
      scope: ['x'],
      id_token: 'x',
    }
    world.server.tokenAnswers.push({ status: 201, body: JSON.stringify(body) })
    await world.oauth.complete(callback)
    expect(await world.secrets()).toMatchObject({
      '/access_token': 'a',
      '/token_expiry_date': new Date(world.now() + 60_000).toISOString(),
    })
  })
})

describe('a refresh', () => {
  async function authorized(options: Parameters<typeof openWorld>[0] = {}): Promise<World> {
    const world = await openWorld(options)
    await world.oauth.complete(callbackOf(await world.authorize()))
    world.server.tokenRequests.length = 0
    return world
  }

  it('comes before the token expires, and keeps the rotated refresh token', async () => {
    await using world = await authorized()
    const first = await world.secrets()
    world.advance(HOUR_MS - 301_000)
    expect(await world.oauth.freshSecrets(world.instance)).toEqual(first)
    world.advance(2_000)
    const second = await world.oauth.freshSecrets(world.instance)
    expect(second['/access_token']).not.toBe(first['/access_token'])
    expect(second['/refresh_token']).not.toBe(first['/refresh_token'])
    expect(await world.secrets()).toEqual(second)
    world.advance(2 * HOUR_MS)
    await world.oauth.freshSecrets(world.instance)
    expect(world.server.tokenRequests).toEqual(['refresh_token', 'refresh_token'])
  })

  it('is made once for all who ask at the same time', async () => {
    await using world = await authorized()
    world.advance(HOUR_MS)
    const asked = Array.from({ length: 20 }, () => world.oauth.freshSecrets(world.instance))
    const tokens = new Set((await Promise.all(asked)).map((secrets) => secrets['/access_token']))
    expect(tokens.size).toBe(1)
    expect(world.server.tokenRequests).toEqual(['refresh_token'])
  })

  it('is made once for processes that ask at the same time', async () => {
    await using world = await authorized()
    const { instance, server, test, folder } = world
    world.advance(HOUR_MS)
    const script = join(import.meta.dirname, 'refresh-once.ts')
    const args = [test.database.url, folder, server.issuer, instance.id, String(world.now())]
    const children = [1, 2, 3].map(() => {
      const child = spawn(process.execPath, [script, ...args], {
        stdio: ['pipe', 'pipe', 'inherit'],
      })
      const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
      return { child, lines, exited: once(child, 'exit') }
    })
    for (const { lines } of children) expect((await lines.next()).value).toBe('ready')
    for (const { child } of children) child.stdin.end('go\n')
    const tokens = await Promise.all(children.map(async ({ lines }) => (await lines.next()).value))
    const { '/access_token': kept } = await world.secrets()
    expect(new Set(tokens)).toEqual(new Set([JSON.stringify(kept)]))
    expect(server.tokenRequests).toEqual(['refresh_token'])
    await Promise.all(children.map(({ exited }) => exited))
  })

  it('that is refused for good asks for a new authorization', async () => {
    await using world = await authorized()
    const path = instancePath(world.instance.id)
    const kept = await world.vault.get(path)
    await world.vault.put(path, { ...kept?.secrets, '/refresh_token': 'planted-revoked' })
    world.advance(HOUR_MS)
    const error = await errorOf(world.oauth.freshSecrets(world.instance))
    expect(error).toMatchObject({ code: 'reauthorization_required', retryable: false })
    expect(error.suggestedFix).toContain('reactor connect instances credentials crm')
    expect(JSON.stringify(error)).not.toContain('planted')
  })

  it('that is refused because another one was faster takes what that one got', async () => {
    await using world = await authorized()
    const path = instancePath(world.instance.id)
    world.advance(HOUR_MS)
    const before = await world.secrets()
    const theirs = await world.oauth.freshSecrets(world.instance)
    // The vault as a process sees it that read just before: its first look shows the old tokens.
    let isFirst = true
    const { vault } = world
    const stale: Vault = {
      get: (asked) => {
        const isOld = asked === path && isFirst
        isFirst = false
        return isOld ? Promise.resolve({ secrets: before, version: 2 }) : vault.get(asked)
      },
      put: (place, secrets, options) => vault.put(place, secrets, options),
      delete: (place) => vault.delete(place),
      check: () => vault.check(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }
    await using late = new InstanceOAuth({
      store: { ...world.test.store, runExclusively: (_, work) => ((isFirst = true), work()) },
      vault: stale,
      allowedNetworks: ['127.0.0.1/32'],
      callbackUrl,
      find: () => Promise.resolve(world.instance),
      now: () => world.now(),
    })
    expect(await late.freshSecrets(world.instance)).toEqual(theirs)
    expect(world.server.tokenRequests).toEqual(['refresh_token', 'refresh_token'])
  })

  it.each([
    ['a failure', 503, '{}'],
    ['a page', 200, '<html>'],
    ['too many requests', 429, '{"error":"slow_down"}'],
  ])('that may pass leaves the tokens as they are: %s', async (_, status, body) => {
    await using world = await authorized()
    const before = await world.secrets()
    world.advance(HOUR_MS)
    world.server.tokenAnswers.push({ status, body })
    const error = await errorOf(world.oauth.freshSecrets(world.instance))
    expect(error).toMatchObject({ code: 'oauth_refresh_failed', retryable: true })
    expect(await world.secrets()).toEqual(before)
    await world.oauth.freshSecrets(world.instance)
  })

  it('of a vendor whose tokens live for a minute is not made by everyone anew', async () => {
    await using world = await authorized()
    world.advance(HOUR_MS)
    for (let n = 0; n < 2; n += 1) {
      const body = { access_token: `short-${n}`, expires_in: 60 }
      world.server.tokenAnswers.push({ status: 200, body: JSON.stringify(body) })
    }
    const asked = Array.from({ length: 5 }, () => world.oauth.freshSecrets(world.instance))
    const tokens = (await Promise.all(asked)).map((secrets) => secrets['/access_token'])
    expect(new Set(tokens)).toEqual(new Set(['short-0']))
  })

  it('does not undo an authorization that was made while it went on', async () => {
    await using world = await authorized()
    const path = instancePath(world.instance.id)
    world.advance(HOUR_MS)
    const kept = await world.vault.get(path)
    const refresh = world.oauth.freshSecrets(world.instance)
    // Whichever comes first: the user's tokens stay.
    for (;;) {
      const now = await world.vault.get(path)
      const anew = {
        ...kept?.secrets,
        '/refresh_token': 'of the user',
        '/access_token': 'of the user',
      }
      try {
        await world.vault.put(path, anew, { ifVersion: now?.version ?? 0 })
        break
      } catch (error) {
        expect(error).toMatchObject({ code: 'vault_conflict' })
      }
    }
    await refresh.catch(() => undefined)
    expect(await world.secrets()).toMatchObject({ '/refresh_token': 'of the user' })
  })
})
