import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import type { AuditEntry } from '../../../service/platform/audit/schema.ts'
import { loginFrom, testIdentity, type TestIdentity } from '../../support/test-identity.ts'
import { ApiClient } from '../../support/api-client.ts'
import { TestApi } from '../../support/test-api.ts'
import { email, partsOf, password, post, tokenOf, withAda } from './ada.ts'
import { longTest } from '../../support/long.ts'

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
    { address = '192.0.2.1', login = email }: { address?: string; login?: string } = {},
  ): Promise<void> => {
    for (let index = 0; index < count; index++)
      await expect(
        logins.login({ email: login, password: 'wrong' }, loginFrom(address)),
      ).rejects.toMatchObject({
        code: 'login_refused',
      })
  }

  test.each([
    ['known', email],
    ['unknown', 'nobody@example.com'],
  ])(
    'from one address at an e-mail that is %s stop also the right password, for a while',
    async (_, login) => {
      await using api = await TestApi.start()
      const made = await identity(api)
      await fail(made, 10, { login })
      const attempt = made.logins.login({ email: login, password }, loginFrom('192.0.2.1'))
      const { details } = await throttledBy(attempt)
      expect(details.seconds).toBeGreaterThan(840)
      expect(details.seconds).toBeLessThanOrEqual(900)
      await made.logins.login({ email, password }, loginFrom('192.0.2.2'))
      await api.database.query(
        `UPDATE reactor_connect_service.login_attempts
         SET window_ends_at = window_ends_at - interval '15 minutes'`,
      )
      await fail(made, 1, { login })
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
    for (let user = 0; user < 100; user++) await fail(made, 1, { login: `u${user}@example.com` })
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
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(840)
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
        ...about,
        outcome: 'failed',
        status: 401,
        error: 'login_refused',
        details: { attempts: 3 },
      },
      done,
    ])
  })

  longTest('counts e-mails that are nobody’s together, and keeps none of them', async () => {
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
        action,
        name: email,
        outcome: 'denied',
        error: 'permission_denied',
        principal: { name: 'eyes', kind: 'viewer' },
      })
    }
  })

  longTest('stays small, from however many networks strangers come', async () => {
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
