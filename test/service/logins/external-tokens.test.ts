import { createPublicKey, createHmac } from 'node:crypto'
import { importJWK, SignJWT } from 'jose'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ConnectError } from '../../../protocol/index.ts'
import { ExternalLoginService } from '../../../service/logins/external-logins.ts'
import { remoteKeys } from '../../../service/logins/remote-keys.ts'
import {
  IdentityService,
  keyAlgorithms,
  newSigningKey,
  publicJwk,
} from '../../fakes/identity-service.ts'

let identity: IdentityService
beforeAll(async () => {
  identity = await IdentityService.start()
})
afterAll(async () => {
  await identity[Symbol.asyncDispose]()
})

let logged: string
beforeEach(() => {
  logged = ''
  identity.keySetStatus = undefined
  identity.keySetText = undefined
})

interface Clock {
  nowMs: number
}

/** A service that takes tokens of the identity service. */
function loginsOf(clock: Clock = { nowMs: Date.now() }, cooldownMs?: number): ExternalLoginService {
  const logger = pino({ level: 'info' }, { write: (line: string) => void (logged += line) })
  const now = (): number => clock.nowMs
  return new ExternalLoginService({
    url: identity.issuer,
    issuer: identity.issuer,
    audience: identity.audience,
    roleClaim: 'connect_role',
    keyOf: remoteKeys({
      url: identity.jwksUrl,
      logger,
      now,
      ...(cooldownMs !== undefined && { cooldownMs }),
    }),
    logger,
    now,
  })
}

/** Null, and the log says why without the token. */
async function expectRefused(token: string, reason: RegExp): Promise<void> {
  logged = ''
  expect(await loginsOf().authenticate(token)).toBeNull()
  expect(logged).toMatch(reason)
  for (const part of token.split('.').filter((text) => text.length > 20))
    expect(logged).not.toContain(part)
}

describe('a token of the Identity service', () => {
  test('stands for its user, with the role that it names', async () => {
    const token = await identity.token({ email: 'ada@example.com' })
    expect(await loginsOf().authenticate(token)).toEqual({
      kind: 'operator',
      id: 'user:ada',
      name: 'ada@example.com',
      via: 'jwt',
      scopes: null,
    })
  })

  test('that the authorization server itself made for a program is taken as well', async () => {
    expect(await loginsOf().authenticate(await identity.accessToken())).toMatchObject({
      kind: 'viewer',
      id: 'user:nightly-job',
    })
  })

  test.each(keyAlgorithms)('may be signed with %s', async (alg) => {
    const before = identity.key
    identity.useKey(await newSigningKey(alg))
    expect(await loginsOf().authenticate(await identity.token())).not.toBeNull()
    identity.useKey(before)
  })

  test.each([
    ['another issuer', { iss: 'https://elsewhere.example.com' }, /iss/],
    ['no issuer', { iss: undefined }, /iss/],
    ['another audience', { aud: 'another-service' }, /aud/],
    ['no audience', { aud: undefined }, /aud/],
    ['a time that is over', { exp: Math.floor(Date.now() / 1000) - 60 }, /exp/],
    ['no end', { exp: undefined }, /exp/],
    ['a time that has not come', { nbf: Math.floor(Date.now() / 1000) + 60 }, /nbf/],
    ['no subject', { sub: undefined }, /sub/],
    ['an empty subject', { sub: '' }, /subject/],
    ['a subject that no header could hold', { sub: 'a\nb' }, /subject/],
    ['a subject that is no text', { sub: 7 }, /sub/],
  ])('with %s is refused', async (_, claims, reason) => {
    await expectRefused(await identity.token(claims), reason)
  })

  test('may be half a minute off', async () => {
    const seconds = Math.floor(Date.now() / 1000)
    const token = await identity.token({ exp: seconds - 20, nbf: seconds + 20 })
    expect(await loginsOf().authenticate(token)).not.toBeNull()
  })

  test('of which a bit was changed is refused', async () => {
    const [header = '', payload = '', signature = ''] = (await identity.token()).split('.')
    const claims = Buffer.from(payload, 'base64url').toString()
    const admin = Buffer.from(claims.replace('operator', 'admin')).toString('base64url')
    await expectRefused(`${header}.${admin}.${signature}`, /SIGNATURE/)
    const flipped = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
    await expectRefused(`${header}.${payload}.${flipped}`, /SIGNATURE/)
  })

  test('that is signed by another key is refused, under its own name or that of the right key', async () => {
    const other = await newSigningKey('ES256')
    await expectRefused(await identity.token({}, other), /NO_MATCHING_KEY/)
    await expectRefused(await identity.token({}, { ...other, kid: identity.key.kid }), /SIGNATURE/)
  })

  test('that is not signed is refused, however it says so', async () => {
    const [, payload = ''] = (await identity.token()).split('.')
    for (const alg of ['none', 'None', 'NONE', '']) {
      const header = Buffer.from(JSON.stringify({ alg })).toString('base64url')
      await expectRefused(`${header}.${payload}.`, /ALG_NOT_ALLOWED|INVALID/)
    }
  })

  test('that is signed with the public key as a shared secret is refused', async () => {
    const jwk = publicJwk(identity.key)
    const pem = createPublicKey({ key: jwk, format: 'jwk' }).export({ format: 'pem', type: 'spki' })
    const secrets = [Buffer.from(pem), Buffer.from(JSON.stringify(jwk))]
    const [, payload = ''] = (await identity.token()).split('.')
    for (const secret of secrets) {
      const header = { alg: 'HS256', kid: identity.key.kid }
      const signed = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload}`
      const mac = createHmac('sha256', secret).update(signed).digest('base64url')
      await expectRefused(`${signed}.${mac}`, /ALG_NOT_ALLOWED/)
    }
  })

  test('that brings its own key, or says where one is, is refused', async () => {
    const other = await newSigningKey('ES256')
    const jwk = publicJwk(other)
    const token = await new SignJWT({ iss: identity.issuer, aud: identity.audience, sub: 'eve' })
      .setProtectedHeader({ alg: 'ES256', jwk, jku: 'http://127.0.0.1:1/jwks', kid: other.kid })
      .setExpirationTime('1h')
      .sign(await importJWK(other.jwk, 'ES256'))
    await expectRefused(token, /NO_MATCHING_KEY/)
  })

  test('whose key is of another algorithm than it says is refused', async () => {
    const [, payload = '', signature = ''] = (await identity.token()).split('.')
    for (const alg of ['RS256', 'EdDSA', 'ES384']) {
      const header = Buffer.from(JSON.stringify({ alg, kid: identity.key.kid }))
      await expectRefused(`${header.toString('base64url')}.${payload}.${signature}`, /KEY|SIG/)
    }
  })

  test('is nothing else: no text, no API key, no encrypted token is looked at', async () => {
    const before = identity.keySetRequests
    const logins = loginsOf()
    for (const token of [
      '',
      'a',
      'a.b',
      '..',
      'a.b.c.d.e',
      `key_${'0'.repeat(26)}_${'a'.repeat(43)}`,
    ])
      expect(await logins.authenticate(token)).toBeNull()
    expect(identity.keySetRequests).toBe(before)
  })
})

describe('the role', () => {
  test.each(['admin', 'operator', 'viewer', 'agent'])('%s is taken', async (role) => {
    const token = await identity.token({ connect_role: role })
    expect(await loginsOf().authenticate(token)).toMatchObject({ kind: role })
  })

  test('is found in a list of groups', async () => {
    const token = await identity.token({ connect_role: ['staff', 'viewer', 'berlin'] })
    expect(await loginsOf().authenticate(token)).toMatchObject({ kind: 'viewer' })
  })

  test.each([
    ['is left out', undefined],
    ['is unknown', 'root'],
    ['is written otherwise', 'Admin'],
    ['is empty', ''],
    ['is none of a list', ['staff']],
    ['is two of a list', ['viewer', 'admin']],
    ['is a list in a list', [['admin']]],
    ['is no text', true],
    ['is an object', { admin: true }],
  ])('that %s lets nobody in', async (_, role) => {
    const token = await identity.token({ connect_role: role })
    await expect(loginsOf().authenticate(token)).rejects.toMatchObject({
      code: 'role_missing',
      details: { claim: 'connect_role' },
    })
  })
})

describe('the keys', () => {
  test('are read once for many tokens, and again for a new key', async () => {
    const logins = loginsOf(undefined, 0)
    const before = identity.keySetRequests
    const token = await identity.token()
    await Promise.all(Array.from({ length: 20 }, () => logins.authenticate(token)))
    expect(identity.keySetRequests - before).toBe(1)
    const old = identity.key
    identity.useKey(await newSigningKey('ES256'), [old])
    expect(await logins.authenticate(await identity.token())).not.toBeNull()
    expect(await logins.authenticate(token)).not.toBeNull()
    expect(identity.keySetRequests - before).toBe(2)
  })

  test('that were taken away work no more once the keys are read anew', async () => {
    const logins = loginsOf(undefined, 0)
    const token = await identity.token()
    expect(await logins.authenticate(token)).not.toBeNull()
    identity.useKey(await newSigningKey('ES256'))
    expect(await logins.authenticate(await identity.token())).not.toBeNull()
    expect(await logins.authenticate(token)).toBeNull()
  })

  test('are not read again for each token with an unknown key', async () => {
    const logins = loginsOf()
    await logins.authenticate(await identity.token())
    const before = identity.keySetRequests
    const other = await newSigningKey('ES256')
    for (let count = 0; count < 20; count++)
      expect(await logins.authenticate(await identity.token({}, other))).toBeNull()
    expect(identity.keySetRequests).toBe(before)
  })

  test.each([500, 404, 302])(
    'that cannot be read (status %i) let nobody in, and are not asked for with every request',
    async (status) => {
      const clock = { nowMs: Date.now() }
      const logins = loginsOf(clock)
      const before = identity.keySetRequests
      identity.keySetStatus = status
      const token = await identity.token()
      for (let count = 0; count < 5; count++)
        await expect(logins.authenticate(token)).rejects.toMatchObject({
          code: 'identity_unreachable',
          details: {},
        })
      expect(identity.keySetRequests - before).toBe(1)
      expect(logged).toContain(`status ${status}`)
      identity.keySetStatus = undefined
      clock.nowMs += 2_001
      expect(await logins.authenticate(token)).not.toBeNull()
    },
  )

  test.each([
    ['no JSON', 'a page', 'is not JSON'],
    ['no key set', '{"keys":"none"}', 'is not a key set'],
    ['too large', `{"keys":[],"more":"${'x'.repeat(600_000)}"}`, 'too large'],
  ])(
    'that are %s let nobody in, and are not asked for with every request',
    async (_, text, why) => {
      const logins = loginsOf()
      const before = identity.keySetRequests
      identity.keySetText = text
      const token = await identity.token()
      for (let count = 0; count < 3; count++)
        await expect(logins.authenticate(token)).rejects.toMatchObject({
          code: 'identity_unreachable',
        })
      expect(identity.keySetRequests - before).toBe(1)
      expect(logged.match(/could not be read/g)).toHaveLength(1)
      expect(logged).toContain(why)
    },
  )

  test('that were read go on when the Identity service is away', async () => {
    const logins = loginsOf(undefined, 0)
    const token = await identity.token()
    await logins.authenticate(token)
    identity.keySetStatus = 503
    expect(await logins.authenticate(token)).not.toBeNull()
    const unknown = await identity.token({}, await newSigningKey('ES256'))
    await expect(logins.authenticate(unknown)).rejects.toBeInstanceOf(ConnectError)
    expect(await logins.authenticate(token)).not.toBeNull()
  })
})
