import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { newId } from '../../../service/platform/database/ids.ts'
import type { NewApiKey } from '../../../service/api-keys/contract.ts'
import { openTestStore } from '../../support/open-test-store.ts'

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
