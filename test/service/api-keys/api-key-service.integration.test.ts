import { describe, expect, it } from 'vitest'
import { StoredApiKeyService } from '../../../service/api-keys/api-key-service.ts'
import { openTestStore } from '../../support/open-test-store.ts'

describe('an API key', () => {
  it('is shown once; of its secret only the hash is kept', async () => {
    await using opened = await openTestStore()
    const keys = new StoredApiKeyService(opened.store.apiKeys)
    const { apiKey, key } = await keys.create({ name: 'ci', kind: 'admin' })
    expect(key).toMatch(new RegExp(`^${apiKey.id}_[\\w-]{43}$`))
    const secret = key.slice(apiKey.id.length + 1)
    const dump = JSON.stringify(
      await opened.database.query(
        'SELECT *, secret_hash::text AS hash FROM reactor_connect_service.api_keys',
      ),
    )
    expect(dump).not.toContain(secret)
    expect(dump).not.toContain(Buffer.from(secret, 'base64url').toString('hex'))
    expect((await keys.list({})).items).toEqual([apiKey])
  })

  it('lets in who has it, and nobody else', async () => {
    await using opened = await openTestStore()
    const keys = new StoredApiKeyService(opened.store.apiKeys)
    const { apiKey, key } = await keys.create({ name: 'ci', kind: 'admin' })
    const { key: other } = await keys.create({ name: 'other', kind: 'admin' })
    expect((await keys.authenticate(key))?.id).toBe(apiKey.id)
    const secret = key.slice(-43)
    for (const wrong of [
      '',
      'key',
      apiKey.id,
      `${apiKey.id}_`,
      `${apiKey.id}_${other.slice(-43)}`,
      `${apiKey.id}_${secret.slice(1)}`,
      `${key}x`,
      `${key}\n`,
      ` ${key}`,
      `key_${'0'.repeat(26)}_${secret}`,
      `${apiKey.id}' OR true --_${secret}`,
    ]) {
      expect(await keys.authenticate(wrong)).toBeNull()
    }
  })

  it('that is revoked lets nobody in', async () => {
    await using opened = await openTestStore()
    const keys = new StoredApiKeyService(opened.store.apiKeys)
    const { apiKey, key } = await keys.create({ name: 'ci', kind: 'admin' })
    await keys.revoke(apiKey.id)
    await keys.revoke(apiKey.id)
    expect(await keys.authenticate(key)).toBeNull()
    expect((await keys.list({})).items[0]?.revokedAt).not.toBeNull()
    await expect(keys.revoke('key_none')).rejects.toMatchObject({ code: 'api_key_not_found' })
  })

  it('notes its use, once a minute at most', async () => {
    await using opened = await openTestStore()
    const keys = new StoredApiKeyService(opened.store.apiKeys)
    const { key } = await keys.create({ name: 'ci', kind: 'admin' })
    const usedAt = async () => (await keys.list({})).items[0]?.lastUsedAt
    expect(await usedAt()).toBeNull()
    await keys.authenticate(key)
    const first = await usedAt()
    expect(first).toEqual(expect.any(String))
    await keys.authenticate(key)
    expect(await usedAt()).toBe(first)
  })

  it('is the first of one service only, however many start at once', async () => {
    await using opened = await openTestStore()
    const keys = new StoredApiKeyService(opened.store.apiKeys)
    const made = await Promise.all(Array.from({ length: 8 }, () => keys.createFirst('admin')))
    expect(made.filter((each) => each !== null)).toHaveLength(1)
  })
})
