import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { IdentityService } from '../../fakes/identity-service.ts'
import { TestApi } from '../../support/test-api.ts'

let identity: IdentityService
beforeAll(async () => {
  identity = await IdentityService.start()
})
afterAll(async () => {
  await identity[Symbol.asyncDispose]()
})
beforeEach(() => {
  identity.keySetStatus = undefined
})

/** A service whose users the Identity service knows. */
function withIdentity(): Promise<TestApi> {
  return TestApi.start({
    environment: {
      REACTOR_CONNECT_IDENTITY_URL: identity.issuer,
      REACTOR_CONNECT_IDENTITY_JWKS_URL: identity.jwksUrl,
      REACTOR_CONNECT_IDENTITY_AUDIENCE: identity.audience,
    },
  })
}

describe('over HTTP', () => {
  test('a token is let in, and an answer says nothing of why another is not', async () => {
    await using api = await withIdentity()
    const ask = async (token: string): Promise<{ status: number; text: string }> => {
      const headers = { authorization: `Bearer ${token}` }
      const { status, body } = await api.asked('GET /auth/whoami', { headers })
      return { status, text: JSON.stringify(body).replace(/"request_id":"[^"]*"/, '') }
    }
    expect(await ask(await identity.token())).toMatchObject({ status: 200 })
    const refused = await ask('nothing')
    expect(refused.status).toBe(401)
    for (const claims of [{ aud: 'x' }, { iss: 'x' }, { exp: 1 }, { sub: undefined }])
      expect(await ask(await identity.token(claims))).toEqual(refused)
    const roleless = await ask(await identity.token({ connect_role: undefined }))
    expect(roleless).toMatchObject({ status: 403 })
    expect(roleless.text).toContain('role_missing')
    expect((await api.client.call('GET /auth/whoami')).status).toBe(200)
  })

  test('without keys to check it with a token is answered 503, and an API key works', async () => {
    identity.keySetStatus = 503
    await using api = await withIdentity()
    const headers = { authorization: `Bearer ${await identity.token()}` }
    const away = await api.asked('GET /instances', { headers })
    expect(away).toMatchObject({ status: 503, body: { error: { code: 'identity_unreachable' } } })
    expect(away.headers.get('retry-after')).toBe('5')
    expect(JSON.stringify(away.body)).not.toContain(identity.issuer)
    expect((await api.call('GET /instances')).status).toBe(200)
  })

  test('users and logins are the Identity service’s business', async () => {
    await using api = await withIdentity()
    const body = { email: 'ada@example.com', password: 'does not matter' }
    for (const route of ['POST /auth/login', 'POST /auth/logout'])
      expect(await api.call(route, route.endsWith('login') ? body : undefined)).toMatchObject({
        ...{ status: 409, body: { error: { code: 'identity_external' } } },
      })
    expect((await api.call('GET /.well-known/jwks.json')).body).toEqual({ keys: [] })
    expect((await api.asked('GET /auth')).body).toEqual({
      identity: 'external',
      login_url: `${identity.issuer}/auth/login`,
      audience: 'reactor-connect',
    })
  })
})
