import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { newId } from '../../../service/platform/database/ids.ts'
import type { NewApiKey } from '../../../service/api-keys/contract.ts'
import type { AuthorizationStore } from '../../../service/oauth/contract.ts'
import { newInstance, openTestStore } from './open-test-store.ts'

function key(name: string): NewApiKey {
  const secretHash = randomBytes(32)
  return { id: newId('key'), name, kind: 'admin', scopes: null, expiresAt: null, secretHash }
}

describe('API keys', () => {
  test('a key is found by its id, with the hash of its secret', async () => {
    await using opened = await openTestStore()
    const { apiKeys } = opened.store
    const input = key('ci')
    const made = await apiKeys.create(input)
    expect(made).toMatchObject({ id: input.id, name: 'ci', lastUsedAt: null, revokedAt: null })
    const found = await apiKeys.find(input.id)
    expect(found?.apiKey).toEqual(made)
    expect(found?.secretHash.equals(input.secretHash)).toBe(true)
    expect(await apiKeys.find('key_x\0')).toBeNull()
  })

  test('a first key is made once, whatever keys there are', async () => {
    await using opened = await openTestStore()
    const { apiKeys } = opened.store
    await apiKeys.create(key('earlier'))
    const made = await Promise.all([1, 2, 3, 4].map(async (n) => apiKeys.createFirst(key(`${n}`))))
    const first = made.filter((apiKey) => apiKey !== null)
    expect(first).toHaveLength(1)
    await apiKeys.revoke(first[0]?.id ?? '')
    expect(await apiKeys.createFirst(key('again'))).toBeNull()
  })

  test('a key is revoked once and for all', async () => {
    await using opened = await openTestStore()
    const { apiKeys } = opened.store
    const { id } = await apiKeys.create(key('ci'))
    await apiKeys.revoke(id)
    const revokedAt = (await apiKeys.find(id))?.apiKey.revokedAt
    expect(revokedAt).not.toBeNull()
    await apiKeys.revoke(id)
    expect((await apiKeys.find(id))?.apiKey.revokedAt).toBe(revokedAt)
    await expect(apiKeys.revoke('key_x')).rejects.toMatchObject({ code: 'api_key_not_found' })
  })

  test('a use is noted once a minute', async () => {
    await using opened = await openTestStore()
    const { apiKeys } = opened.store
    const { id } = await apiKeys.create(key('ci'))
    const used = async (): Promise<string | null | undefined> =>
      (await apiKeys.find(id))?.apiKey.lastUsedAt
    await apiKeys.touch(id)
    const first = await used()
    expect(first).not.toBeNull()
    await apiKeys.touch(id)
    expect(await used()).toBe(first)
    await opened.database.query(
      `UPDATE reactor_connect_service.api_keys SET last_used_at = now() - interval '2 minutes'`,
    )
    await apiKeys.touch(id)
    expect(Date.parse((await used()) ?? '')).toBeGreaterThanOrEqual(Date.parse(first ?? ''))
    await apiKeys.touch('key_x')
  })

  test('lists begin with the newest', async () => {
    await using opened = await openTestStore()
    const { apiKeys } = opened.store
    for (const name of ['a', 'b', 'c']) await apiKeys.create(key(name))
    const { items, next } = await apiKeys.list({ limit: 2 })
    const rest = await apiKeys.list({ limit: 2, cursor: next ?? '' })
    expect([...items, ...rest.items].map(({ name }) => name)).toEqual(['c', 'b', 'a'])
    expect(rest.next).toBeNull()
  })
})

describe('authorizations', () => {
  const shop = { instance: 'shop', redirectUri: 'http://x/', sealed: 's' }
  const waiting = (
    stateHash: string,
    lifetimeMs = 60_000,
  ): Parameters<AuthorizationStore['create']>[0] => ({ ...shop, stateHash, lifetimeMs })

  test('a state works once', async () => {
    await using opened = await openTestStore()
    const { authorizations } = opened.store
    await newInstance(opened.store)
    await authorizations.create(waiting('a'))
    expect(await authorizations.isPending('a')).toBe(true)
    const taken = await Promise.all([1, 2, 3].map(async () => authorizations.take('a')))
    expect(taken.filter((one) => one !== null)).toEqual([{ ...shop, stateHash: 'a' }])
    expect(await authorizations.take('b')).toBeNull()
    expect(await authorizations.isPending('a')).toBe(false)
  })

  test('one that is too old is gone', async () => {
    await using opened = await openTestStore()
    const { authorizations, instances } = opened.store
    await newInstance(opened.store)
    await authorizations.create(waiting('a', 0))
    expect(await authorizations.isPending('a')).toBe(false)
    expect(await authorizations.take('a')).toBeNull()
    await authorizations.create(waiting('b'))
    await instances.delete('shop')
    expect(await authorizations.take('b')).toBeNull()
    await expect(authorizations.create(waiting('c'))).rejects.toMatchObject({
      code: 'instance_not_found',
    })
  })

  test('of one instance the newest wait', async () => {
    await using opened = await openTestStore()
    const { authorizations } = opened.store
    await newInstance(opened.store)
    await newInstance(opened.store, 'other')
    await authorizations.create({ ...waiting('of another'), instance: 'other' })
    for (let count = 1; count <= 8; count++) await authorizations.create(waiting(`${count}`))
    const kept = await opened.database.query(
      `SELECT state_hash FROM reactor_connect_service.oauth_states ORDER BY created_at`,
    )
    expect(kept.map((row) => row.state_hash)).toEqual(['of another', '4', '5', '6', '7', '8'])
  })
})

describe('idempotency keys', () => {
  const request = { principal: 'key_1', key: 'k', requestHash: 'h' }
  const answer = { status: 201, headers: { location: '/x' }, body: { nul: '\0', half: '\ud800' } }

  test('a request is done once and answered alike', async () => {
    await using opened = await openTestStore()
    const { idempotency } = opened.store
    const begun = await Promise.allSettled(
      [1, 2, 3, 4, 5].map(async () => idempotency.begin(request)),
    )
    const [first, ...more] = begun.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
    expect(more).toEqual([])
    for (const one of begun)
      if (one.status === 'rejected')
        expect(one.reason).toMatchObject({ code: 'idempotency_key_in_use' })
    if (first?.state !== 'began') throw new Error('nobody began')
    await idempotency.finish(first.ticket, answer)
    expect(await idempotency.begin(request)).toEqual({ state: 'done', answer })
  })

  test('another request under the key is refused; the key of another principal is another one', async () => {
    await using opened = await openTestStore()
    const { idempotency } = opened.store
    await idempotency.begin(request)
    await expect(idempotency.begin({ ...request, requestHash: 'i' })).rejects.toMatchObject({
      code: 'idempotency_key_reused',
    })
    expect(await idempotency.begin({ ...request, principal: 'key_2' })).toMatchObject({
      state: 'began',
    })
  })

  test('a key that was abandoned is free, an answer stays', async () => {
    await using opened = await openTestStore()
    const { idempotency } = opened.store
    const first = await idempotency.begin(request)
    if (first.state !== 'began') throw new Error('nobody began')
    await idempotency.abandon(first.ticket)
    const second = await idempotency.begin({ ...request, requestHash: 'i' })
    if (second.state !== 'began') throw new Error('nobody began')
    await idempotency.finish(second.ticket, answer)
    await idempotency.abandon(second.ticket)
    expect(await idempotency.begin({ ...request, requestHash: 'i' })).toMatchObject({
      state: 'done',
    })
  })

  test('where a process died, the same request may be done again after a minute', async () => {
    await using opened = await openTestStore()
    const { idempotency } = opened.store
    const first = await idempotency.begin(request)
    await opened.database.query(
      `UPDATE reactor_connect_service.idempotency_keys SET locked_until = now()`,
    )
    await expect(idempotency.begin({ ...request, requestHash: 'i' })).rejects.toMatchObject({
      code: 'idempotency_key_reused',
    })
    const second = await idempotency.begin(request)
    expect(second.state).toBe('began')
    await expect(idempotency.begin(request)).rejects.toMatchObject({
      code: 'idempotency_key_in_use',
    })
    // The first was not dead, only slow: its answer is not that of the second.
    if (first.state === 'began') await idempotency.finish(first.ticket, answer)
    await expect(idempotency.begin(request)).rejects.toMatchObject({
      code: 'idempotency_key_in_use',
    })
  })

  test('after a day a key is free', async () => {
    await using opened = await openTestStore()
    const { idempotency } = opened.store
    const first = await idempotency.begin(request)
    if (first.state === 'began') await idempotency.finish(first.ticket, answer)
    await opened.database.query(
      `UPDATE reactor_connect_service.idempotency_keys SET created_at = now() - interval '1 day'`,
    )
    expect(await idempotency.begin({ ...request, requestHash: 'i' })).toMatchObject({
      state: 'began',
    })
    await expect(idempotency.begin({ ...request, requestHash: 'i' })).rejects.toMatchObject({
      code: 'idempotency_key_in_use',
    })
  })
})
