import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify, SignJWT } from 'jose'
import { generateKeyPairSync } from 'node:crypto'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { keySetDocument, loginDocument } from '../../../service/logins/schema.ts'
import { loginFrom, testIdentity } from '../../support/test-identity.ts'
import type { Answer } from '../../support/api-client.ts'
import { fakerConfig, TestApi } from '../../support/test-api.ts'
import { email, partsOf, password, post, tokenOf, withAda } from './ada.ts'

async function whoami(api: TestApi, token: string): Promise<Answer> {
  return api.asked('GET /auth/whoami', { headers: { authorization: `Bearer ${token}` } })
}

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
      kind: 'operator',
      id: user.id,
      name: email,
      via: 'jwt',
      scopes: null,
    })
    expect(decodeProtectedHeader(token)).toMatchObject({ alg: 'EdDSA' })
    expect(Object.keys(decodeJwt(token)).toSorted()).toEqual([
      ...['aud', 'exp', 'iat', 'iss', 'sub', 'token_version'],
    ])
    const set = keySetDocument.parse((await api.asked('GET /.well-known/jwks.json')).body)
    expect(JSON.stringify(set)).not.toContain('"d"')
    const { payload } = await jwtVerify(token, createLocalJWKSet(set), {
      issuer: 'reactor-connect',
      audience: 'reactor-connect',
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
      status: 401,
      body: { error: { code: 'login_refused' } },
    })
    const short = { ...change, new_password: 'short' }
    expect((await post(api, 'POST /auth/password', { ...short, token })).status).toBe(400)
    for (const [route, body] of [
      ['POST /auth/password', change],
      ['POST /auth/logout', undefined],
    ] as const)
      expect(await api.call(route, body)).toMatchObject({
        status: 409,
        body: { error: { code: 'login_required' } },
      })
    expect((await whoami(api, token)).status).toBe(200)
  })
})
