import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify, SignJWT } from 'jose'
import { generateKeyPairSync } from 'node:crypto'
import { pino, type Logger } from 'pino'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import type { AuditEntry } from '../../../../service/platform/audit/schema.ts'
import type { Vault } from '../../../../service/platform/vault/vault.ts'
import type { Store } from '../../../../service/store/store.ts'
import { keySetDocument, loginDocument } from '../../../../service/logins/schema.ts'
import { userWithPassword } from '../../../../service/users/schema.ts'
import { loginFrom, testIdentity, type TestIdentity } from '../../../support/test-identity.ts'
import { ApiClient, type Answer } from '../api-client.ts'
import { fakerConfig, TestApi } from '../test-api.ts'
import { silent } from '../../../support/logger.ts'

const email = 'ada@example.com'
const password = 'correct horse battery'

async function withAda(role = 'operator'): Promise<TestApi> {
  const api = await TestApi.start()
  expect((await api.call('POST /users', { email, role, password })).status).toBe(201)
  return api
}

/** Without the API key. */
async function post(
  api: TestApi,
  route: string,
  { token, ...body }: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return api.asked(route, {
    body: JSON.stringify(body),
    headers: {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
  })
}

async function tokenOf(api: TestApi, given = { email, password }): Promise<string> {
  const { status, body } = await post(api, 'POST /auth/login', given)
  expect(status, JSON.stringify(body)).toBe(200)
  return loginDocument.parse(body).token
}

function partsOf({ store, vault }: TestApi): { store: Store; vault: Vault; logger: Logger } {
  return { store, vault, logger: silent }
}

function errorOf({ body }: Answer): string | undefined {
  return z.object({ error: z.object({ code: z.string() }) }).safeParse(body).data?.error.code
}

async function whoami(api: TestApi, token: string): Promise<Answer> {
  return api.asked('GET /auth/whoami', { headers: { authorization: `Bearer ${token}` } })
}

describe('users', () => {
  test('are added, listed, given another role and removed', async () => {
    await using api = await withAda()
    const made = await api.call('POST /users', { email: 'Bob@Example.com', role: 'viewer' })
    const bob = userWithPassword.parse(made.body)
    expect(bob).toMatchObject({ email: 'bob@example.com', role: 'viewer', last_login_at: null })
    expect(bob.password).toMatch(/^[\w-]{20}$/)
    await tokenOf(api, { email: 'bob@example.com', password: bob.password })
    const { body } = await api.call('GET /users?limit=1')
    expect(body).toMatchObject({ items: [{ email }], next_cursor: expect.anything() as unknown })
    expect(JSON.stringify(body)).not.toMatch(/password|scrypt/)
    const changed = await api.call('PATCH /users/bob%40example.com', { role: 'admin' })
    expect(changed.body).toMatchObject({ role: 'admin' })
    expect((await api.call('DELETE /users/BOB%40example.com')).status).toBe(204)
    for (const route of ['DELETE /users/bob%40example.com', 'PATCH /users/bob%40example.com']) {
      const gone = await api.call(route, route.startsWith('P') ? { role: 'admin' } : undefined)
      expect(gone).toMatchObject({ status: 404, body: { error: { code: 'user_not_found' } } })
    }
  })

  test('have an e-mail of their own, a role that exists and a password that is long enough', async () => {
    await using api = await withAda()
    expect(
      await api.call('POST /users', { email: 'ADA@example.com', role: 'admin' }),
    ).toMatchObject({
      ...{ status: 409, body: { error: { code: 'name_taken' } } },
    })
    const bob = { email: 'bob@example.com', role: 'viewer' }
    for (const change of [
      { email: 'bob' },
      { email: `${'b'.repeat(200)}@example.com` },
      { email: 'bob@example.com\0' },
      { role: 'root' },
      { role: undefined },
      { password: 'kit-short' },
      { password: 'k'.repeat(201) },
    ]) {
      const { status, body } = await api.call('POST /users', { ...bob, ...change })
      expect(status, JSON.stringify(change)).toBe(400)
      expect(JSON.stringify(body)).not.toContain('kit-short')
    }
  })

  test('are administered by admins, and by no key that could become more than it is', async () => {
    await using api = await withAda('admin')
    const { service } = api
    await service.users.create({ email: 'eve@example.com', role: 'viewer', password })
    const everything = [
      ['POST /users', { email: 'new@example.com', role: 'viewer' }],
      ['PATCH /users/ada%40example.com', { role: 'admin' }],
      ['POST /users/ada%40example.com/reset-password', {}],
      ['DELETE /users/ada%40example.com', undefined],
    ] as const
    const as = async (token: string, cases: readonly (typeof everything)[number][]) =>
      Promise.all(
        cases.map(async ([route, body]) => {
          const answer = await api.call(route, body, { authorization: `Bearer ${token}` })
          return errorOf(answer)
        }),
      )
    for (const kind of ['operator', 'viewer', 'agent'] as const) {
      const { key } = await service.apiKeys.create({ name: kind, kind })
      expect(await as(key, everything)).toEqual(everything.map(() => 'permission_denied'))
    }
    const eve = await tokenOf(api, { email: 'eve@example.com', password })
    expect(await as(eve, everything)).toEqual(everything.map(() => 'permission_denied'))
    expect(
      (await api.asked('GET /users', { headers: { authorization: `Bearer ${eve}` } })).status,
    ).toBe(403)
    const scopes = [{ action: 'users:*', names: null }]
    const scoped = await service.apiKeys.create({ name: 'scoped', kind: 'admin', scopes })
    expect(await as(scoped.key, everything.slice(0, 3))).toEqual(
      everything.slice(0, 3).map(() => 'api_key_too_strong'),
    )
    await tokenOf(api)
  })

  test('are never kept for a repetition: their creation takes no Idempotency-Key', async () => {
    await using api = await TestApi.start()
    const key = { 'idempotency-key': 'x' }
    expect((await api.call('POST /users', { email, role: 'viewer' }, key)).status).toBe(400)
  })
})

describe('a login', () => {
  test('repeats what an earlier login of the same user created', async () => {
    await using api = await withAda()
    const key = { 'idempotency-key': 'x' }
    const instance = { name: 'a', type: 'faker', config: fakerConfig }
    const answers = []
    for (let login = 0; login < 2; login++) {
      const token = await tokenOf(api)
      const authorization = `Bearer ${token}`
      answers.push(await api.call('POST /instances', instance, { ...key, authorization }))
    }
    expect(answers.map(({ status }) => status)).toEqual([201, 201])
    expect(answers[1]?.body).toEqual(answers[0]?.body)
    expect(answers[1]?.headers.get('idempotent-replayed')).toBe('true')
  })

  test('gives a token that stands for the user, for twelve hours', async () => {
    await using api = await withAda()
    const beforeMs = Date.now()
    const { body } = await post(api, 'POST /auth/login', { email: ' ADA@Example.com ', password })
    const { token, expires_at: expiresAt, user } = loginDocument.parse(body)
    expect(Date.parse(expiresAt) - beforeMs).toBeGreaterThanOrEqual(12 * 3_600_000)
    expect(user).toMatchObject({ email, role: 'operator' })
    expect((await whoami(api, token)).body).toEqual({
      ...{ kind: 'operator', id: user.id, name: email, via: 'jwt', scopes: null },
    })
    expect(decodeProtectedHeader(token)).toMatchObject({ alg: 'EdDSA' })
    expect(Object.keys(decodeJwt(token)).toSorted()).toEqual([
      ...['aud', 'exp', 'iat', 'iss', 'sub', 'token_version'],
    ])
    const set = keySetDocument.parse((await api.asked('GET /.well-known/jwks.json')).body)
    expect(JSON.stringify(set)).not.toContain('"d"')
    const { payload } = await jwtVerify(token, createLocalJWKSet(set), {
      ...{ issuer: 'reactor-connect', audience: 'reactor-connect' },
    })
    expect(payload.sub).toBe(user.id)
  })

  test('is refused in the same words for a wrong password and for a user that is unknown', async () => {
    await using api = await withAda()
    const answers = await Promise.all(
      [
        { email, password: 'wrong' },
        { email, password: password.toUpperCase() },
        { email: 'nobody@example.com', password },
        { email: 'no e-mail', password },
      ].map((given) => post(api, 'POST /auth/login', given)),
    )
    for (const { status, body } of answers) {
      expect(status).toBe(401)
      expect(JSON.stringify(body).replace(/"request_id":"[^"]*"/, '')).toBe(
        JSON.stringify(answers[0]?.body).replace(/"request_id":"[^"]*"/, ''),
      )
      expect(body).toMatchObject({ error: { code: 'login_refused' } })
    }
  })

  test.each([
    [
      'logging out',
      async (api: TestApi, token: string) => post(api, 'POST /auth/logout', { token }),
    ],
    ['a reset', async (api: TestApi) => api.call('POST /users/ada%40example.com/reset-password')],
    ['removal', async (api: TestApi) => api.call('DELETE /users/ada%40example.com')],
  ])('ends by %s, on every machine', async (_, end) => {
    await using api = await withAda()
    const tokens = [await tokenOf(api), await tokenOf(api)]
    for (const token of tokens) expect((await whoami(api, token)).status).toBe(200)
    expect((await end(api, tokens[0] ?? '')).status).toBeLessThan(300)
    for (const token of tokens) expect((await whoami(api, token)).status).toBe(401)
  })

  test('does not come back with a user who is added again', async () => {
    await using api = await withAda()
    const token = await tokenOf(api)
    await api.call('DELETE /users/ada%40example.com')
    await api.call('POST /users', { email, role: 'admin', password })
    expect((await whoami(api, token)).status).toBe(401)
  })

  test('has the role that the user has now', async () => {
    await using api = await withAda('admin')
    const token = await tokenOf(api)
    await api.call('PATCH /users/ada%40example.com', { role: 'viewer' })
    expect((await whoami(api, token)).body).toMatchObject({ kind: 'viewer' })
  })

  test('is over after twelve hours', async () => {
    await using api = await TestApi.start()
    const clock = { nowMs: Date.now() }
    const { users, logins } = testIdentity({ ...partsOf(api), now: () => clock.nowMs })
    await users.create({ email, role: 'viewer', password })
    const { token } = await logins.login({ email, password }, loginFrom())
    clock.nowMs += 12 * 3_600_000
    expect(await logins.authenticate(token)).not.toBeNull()
    clock.nowMs += 31_000
    expect(await logins.authenticate(token)).toBeNull()
  })

  test('cannot be made up: with another key, or with no signature', async () => {
    await using api = await withAda()
    const token = await tokenOf(api)
    const { kid = '' } = decodeProtectedHeader(token)
    const forged = await new SignJWT({ ...decodeJwt(token), sub: 'usr_of_an_admin' })
      .setProtectedHeader({ alg: 'EdDSA', kid })
      .sign(generateKeyPairSync('ed25519').privateKey)
    const none = Buffer.from('{"alg":"none"}').toString('base64url')
    for (const wrong of [forged, `${none}.${token.split('.')[1] ?? ''}.`, `${token}x`])
      expect((await whoami(api, wrong)).status).toBe(401)
  })

  test('of one service is none of another', async () => {
    await using api = await withAda()
    await using other = await withAda()
    expect((await whoami(other, await tokenOf(api))).status).toBe(401)
  })

  test('leaves neither password nor token in the log', async () => {
    await using api = await TestApi.start()
    let logged = ''
    const logger = pino({ level: 'trace' }, { write: (line: string) => void (logged += line) })
    const { users, logins } = testIdentity({ ...partsOf(api), logger })
    await users.create({ email, role: 'viewer', password })
    const { token } = await logins.login({ email, password }, loginFrom())
    // A password that was typed in the place of the e-mail.
    await expect(logins.login({ email: password, password }, loginFrom())).rejects.toBeDefined()
    expect(await logins.authenticate(`${token}x`)).toBeNull()
    expect(logged).toContain('a login was refused')
    for (const secret of [password, ...token.split('.').filter((part) => part.length > 20)])
      expect(logged).not.toContain(secret)
  })
})

describe('one’s own password', () => {
  const change = { password, new_password: 'another horse battery' }

  test('is changed by whoever knows it; other logins end', async () => {
    await using api = await withAda()
    const [here, elsewhere] = [await tokenOf(api), await tokenOf(api)]
    const { status, body } = await post(api, 'POST /auth/password', { ...change, token: here })
    expect(status).toBe(200)
    const { token } = loginDocument.parse(body)
    expect((await whoami(api, token)).status).toBe(200)
    for (const old of [here, elsewhere]) expect((await whoami(api, old)).status).toBe(401)
    expect((await post(api, 'POST /auth/login', { email, password })).status).toBe(401)
    await tokenOf(api, { email, password: change.new_password })
  })

  test('is not changed with a wrong one, a short one, or by an API key', async () => {
    await using api = await withAda()
    const token = await tokenOf(api)
    const wrong = { ...change, password: 'wrong' }
    expect(await post(api, 'POST /auth/password', { ...wrong, token })).toMatchObject({
      ...{ status: 401, body: { error: { code: 'login_refused' } } },
    })
    const short = { ...change, new_password: 'short' }
    expect((await post(api, 'POST /auth/password', { ...short, token })).status).toBe(400)
    for (const [route, body] of [
      ['POST /auth/password', change],
      ['POST /auth/logout', undefined],
    ] as const)
      expect(await api.call(route, body)).toMatchObject({
        ...{ status: 409, body: { error: { code: 'login_required' } } },
      })
    expect((await whoami(api, token)).status).toBe(200)
  })
})

describe('too many attempts', () => {
  const throttled = { code: 'login_throttled' }
  const throttledBy = async (attempt: Promise<unknown>) => {
    const error = await attempt.catch((thrown: unknown) => thrown)
    return z
      .object({ code: z.literal(throttled.code), details: z.object({ seconds: z.number() }) })
      .parse(error)
  }
  const identity = async (api: TestApi): Promise<TestIdentity> => {
    const made = testIdentity(partsOf(api))
    await made.users.create({ email, role: 'viewer', password })
    return made
  }
  const fail = async (
    { logins }: TestIdentity,
    count: number,
    { address = '192.0.2.1', at = email }: { address?: string; at?: string } = {},
  ): Promise<void> => {
    for (let index = 0; index < count; index++)
      await expect(
        logins.login({ email: at, password: 'wrong' }, loginFrom(address)),
      ).rejects.toMatchObject({
        code: 'login_refused',
      })
  }

  test.each([
    ['known', email],
    ['unknown', 'nobody@example.com'],
  ])(
    'from one address at an e-mail that is %s stop also the right password, for a while',
    async (_, at) => {
      await using api = await TestApi.start()
      const made = await identity(api)
      await fail(made, 10, { at })
      const attempt = made.logins.login({ email: at, password }, loginFrom('192.0.2.1'))
      const { details } = await throttledBy(attempt)
      expect(details.seconds).toBeGreaterThan(840)
      expect(details.seconds).toBeLessThanOrEqual(900)
      await made.logins.login({ email, password }, loginFrom('192.0.2.2'))
      await api.database.query(
        `UPDATE reactor_connect_service.login_attempts
         SET window_ends_at = window_ends_at - interval '15 minutes'`,
      )
      await fail(made, 1, { at })
    },
  )

  test('at one e-mail from everywhere stop it', async () => {
    await using api = await TestApi.start()
    const made = await identity(api)
    for (let host = 0; host < 10; host++) await fail(made, 10, { address: `192.0.2.${host}` })
    const attempt = made.logins.login({ email, password }, loginFrom('198.51.100.1'))
    await expect(attempt).rejects.toMatchObject(throttled)
  })

  test('from one address at many e-mails stop it', async () => {
    await using api = await TestApi.start()
    const made = await identity(api)
    for (let user = 0; user < 100; user++) await fail(made, 1, { at: `u${user}@example.com` })
    const attempt = made.logins.login({ email, password }, loginFrom('192.0.2.1'))
    await expect(attempt).rejects.toMatchObject(throttled)
    await made.logins.login({ email, password }, loginFrom('192.0.2.2'))
  })

  test('that succeed are no failures', async () => {
    await using api = await TestApi.start()
    const made = await identity(api)
    for (let count = 0; count < 120; count++)
      await made.logins.login({ email, password }, loginFrom('192.0.2.1'))
    await fail(made, 10)
  })

  test('made at once are counted one by one', async () => {
    await using api = await TestApi.start()
    const made = await identity(api)
    const codes = await Promise.all(
      Array.from({ length: 30 }, async () =>
        made.logins.login({ email, password: 'wrong' }, loginFrom('192.0.2.1')).then(
          () => 'in',
          (error: unknown) => z.object({ code: z.string() }).parse(error).code,
        ),
      ),
    )
    expect(codes.filter((code) => code === 'login_refused')).toHaveLength(10)
    expect(codes.filter((code) => code === 'login_throttled')).toHaveLength(20)
  })

  test('are answered with the time to wait', async () => {
    await using api = await withAda()
    for (let count = 0; count < 10; count++)
      await post(api, 'POST /auth/login', { email, password: 'wrong' })
    const { status, headers, body } = await post(api, 'POST /auth/login', { email, password })
    expect(status).toBe(429)
    expect(body).toMatchObject({ error: throttled })
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(890)
  })
})

describe('the audit log', () => {
  // Not at the end of a quarter of an hour.
  beforeEach(() => vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-11-27T10:01:00Z') }))
  afterEach(() => vi.useRealTimers())

  /** The oldest first. */
  const entriesOf = async ({ store }: TestApi): Promise<readonly AuditEntry[]> => {
    const { items } = await store.audit.list({ action: 'logins:create', limit: 200 })
    return items.toReversed()
  }
  const ada = { kind: 'operator', name: email, via: 'password' }

  test('has each login, and failed ones by the user whose e-mail it was', async () => {
    await using api = await withAda()
    await tokenOf(api)
    for (let count = 0; count < 3; count++)
      await post(api, 'POST /auth/login', { email: ' ADA@example.com', password: 'wrong' })
    await tokenOf(api)
    const about = { principal: ada, name: email, request: 'POST /connect/v1/auth/login' }
    const done = { ...about, outcome: 'done', status: 200, error: null, details: null }
    expect(await entriesOf(api)).toMatchObject([
      done,
      {
        ...{ ...about, outcome: 'failed', status: 401, error: 'login_refused' },
        details: { attempts: 3 },
      },
      done,
    ])
  })

  test('counts e-mails that are nobody’s together, and keeps none of them', async () => {
    await using api = await withAda()
    const typed = 'planted-password'
    for (let count = 0; count < 120; count++)
      await post(api, 'POST /auth/login', { email: `${typed}-${String(count)}`, password: typed })
    expect(await entriesOf(api)).toMatchObject([
      {
        ...{ principal: { kind: 'nobody', id: 'nobody' }, name: null, outcome: 'failed' },
        ...{ status: 401, error: 'login_refused', details: { attempts: 100 } },
      },
      { principal: { id: 'nobody' }, error: 'login_throttled', details: { attempts: 20 } },
    ])
    expect(JSON.stringify(await entriesOf(api))).not.toContain('planted')
  })

  test('begins another entry with the next quarter of an hour', async () => {
    await using api = await withAda()
    const wrong = { email, password: 'wrong' }
    await post(api, 'POST /auth/login', wrong)
    vi.setSystemTime(Date.parse('2026-11-27T10:15:00Z'))
    await post(api, 'POST /auth/login', wrong)
    expect(await entriesOf(api)).toMatchObject([
      { details: { attempts: 1 } },
      { details: { attempts: 1 } },
    ])
  })

  test('names the user of a change that was refused', async () => {
    await using api = await withAda()
    const { key } = await api.service.apiKeys.create({ name: 'eyes', kind: 'viewer' })
    const viewer = new ApiClient(api.url, key)
    const routes = [
      ['users:update', 'PATCH /users/ADA%40example.com', { role: 'admin' }],
      ['users:update', 'POST /users/ada%40example.com/reset-password', undefined],
      ['users:delete', 'DELETE /users/ada%40example.com', undefined],
    ] as const
    for (const [action, route, body] of routes) {
      expect((await viewer.call(route, body)).status).toBe(403)
      const { items } = await api.store.audit.list({ limit: 1 })
      expect(items[0]).toMatchObject({
        ...{ action, name: email, outcome: 'denied', error: 'permission_denied' },
        principal: { name: 'eyes', kind: 'viewer' },
      })
    }
  })

  test('stays small, from however many networks strangers come', async () => {
    const trustedProxies = ['127.0.0.1']
    await using api = await TestApi.start({ trustedProxies })
    for (let host = 0; host < 400; host++) {
      const from = `198.51.${String(host >> 8)}.${String(host & 255)}`
      const headers = { 'content-type': 'application/json', 'x-forwarded-for': from }
      const body = JSON.stringify({ email: `u${String(host)}@example.com`, password: 'wrong' })
      expect((await api.asked('POST /auth/login', { body, headers })).status).toBe(401)
    }
    const entries = await entriesOf(api)
    expect(entries.length).toBeLessThanOrEqual(100)
    expect(sum(entries.map(({ details }) => details?.attempts ?? 0))).toBe(400)
    expect(entries.map(({ address }) => address)).toContain('several')
  })
})

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
