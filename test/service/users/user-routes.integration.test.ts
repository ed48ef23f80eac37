import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { userWithPassword } from '../../../service/users/schema.ts'
import type { Answer } from '../../support/api-client.ts'
import { TestApi } from '../../support/test-api.ts'
import { email, password, tokenOf, withAda } from '../logins/ada.ts'

function errorOf({ body }: Answer): string | undefined {
  return z.object({ error: z.object({ code: z.string() }) }).safeParse(body).data?.error.code
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
      status: 409,
      body: { error: { code: 'name_taken' } },
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
