import { describe, expect, test } from 'vitest'
import { newConnection, newInstance, openTestStore } from '../../support/open-test-store.ts'

describe('instances', () => {
  test('an instance is kept as it was given', async () => {
    await using opened = await openTestStore()
    const { instances } = opened.store
    const made = await newInstance(opened.store, 'shop', {
      type: 'postgres',
      config: { z: 1, a: { deep: [null, 'ü'] }, nul: 'a\0b', half: '\ud800' },
      secrets: ['/password'],
      credentials: 'missing',
    })
    expect(made).toMatchObject({ name: 'shop', version: 1, createdAt: made.updatedAt })
    expect(made.id).toMatch(/^ins_[0-9A-Z]{26}$/)
    const kept = await instances.get('shop')
    expect(kept).toEqual(made)
    expect(Object.keys(kept.config)).toEqual(['z', 'a', 'nul', 'half'])
    expect(kept.config).toMatchObject({ nul: 'a\0b', half: '\ud800' })
  })

  test('a name is given once', async () => {
    await using opened = await openTestStore()
    await newInstance(opened.store)
    await expect(newInstance(opened.store)).rejects.toMatchObject({
      code: 'name_taken',
      details: { kind: 'instance', name: 'shop' },
    })
  })

  test('a change increases the version and leaves the rest as it is', async () => {
    await using opened = await openTestStore()
    const { instances } = opened.store
    const made = await newInstance(opened.store, 'shop', { config: { host: 'a' } })
    const changed = await instances.update('shop', { credentials: 'reauthorize' }, 1)
    expect(changed).toEqual({
      ...made,
      credentials: 'reauthorize',
      version: 2,
      updatedAt: changed.updatedAt,
    })
    await expect(instances.update('shop', { config: {} }, 1)).rejects.toMatchObject({
      code: 'version_conflict',
      details: { name: 'shop', expected: 1, actual: 2 },
    })
    await expect(instances.delete('shop', 1)).rejects.toMatchObject({ code: 'version_conflict' })
    expect(await instances.update('shop', { config: {} })).toMatchObject({ version: 3, config: {} })
  })

  test('one of several changes of the same version is made', async () => {
    await using opened = await openTestStore()
    const { instances } = opened.store
    await newInstance(opened.store)
    const results = await Promise.allSettled(
      [1, 2, 3, 4].map(async (by) => instances.update('shop', { config: { by } }, 1)),
    )
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect((await instances.get('shop')).version).toBe(2)
  })

  test('an instance that a connection reads stays', async () => {
    await using opened = await openTestStore()
    const { instances, connections } = opened.store
    await newInstance(opened.store)
    await newConnection(opened.store, 'c')
    await expect(instances.delete('shop')).rejects.toMatchObject({ code: 'instance_in_use' })
    await connections.delete('c')
    expect(await instances.delete('shop', 1)).toMatchObject({ name: 'shop' })
    await expect(instances.get('shop')).rejects.toMatchObject({ code: 'instance_not_found' })
    await expect(instances.delete('shop')).rejects.toMatchObject({ code: 'instance_not_found' })
  })

  test.each(['a\0', 'shop\0', '\ud800', "'; DROP TABLE x; --", 'x'.repeat(100_000)])(
    'a name that nothing has is not found: %#',
    async (name) => {
      await using opened = await openTestStore()
      await newInstance(opened.store)
      await expect(opened.store.instances.get(name)).rejects.toMatchObject({
        code: 'instance_not_found',
      })
      await expect(newConnection(opened.store, 'c', { from: name })).rejects.toMatchObject({
        code: 'instance_not_found',
      })
    },
  )
})

describe('discoveries', () => {
  const catalog = {
    streams: [{ name: 'n\0', json_schema: { b: 1, a: 2 }, supported_sync_modes: [] }],
  }

  test('the last discovery is kept, with the order of its properties', async () => {
    await using opened = await openTestStore()
    const { id } = await newInstance(opened.store)
    const { discoveries } = opened.store
    expect(await discoveries.get(id)).toBeNull()
    await discoveries.put(id, 1, { streams: [] })
    const put = await discoveries.put(id, 1, catalog)
    const kept = await discoveries.get(id)
    expect(kept).toEqual(put)
    expect(JSON.stringify(kept?.catalog)).toBe(JSON.stringify(catalog))
  })

  test('a change of the configuration forgets it, a change of the credentials does not', async () => {
    await using opened = await openTestStore()
    const { discoveries, instances } = opened.store
    const { id } = await newInstance(opened.store)
    await discoveries.put(id, 1, catalog)
    await instances.update('shop', { credentials: 'missing' })
    expect(await discoveries.get(id)).not.toBeNull()
    await instances.update('shop', { config: { host: 'b' } })
    expect(await discoveries.get(id)).toBeNull()
  })

  test('a discovery of an older configuration is not kept', async () => {
    await using opened = await openTestStore()
    const { discoveries, instances } = opened.store
    const { id } = await newInstance(opened.store)
    await instances.update('shop', { config: { host: 'b' } })
    await discoveries.put(id, 1, catalog)
    expect(await discoveries.get(id)).toBeNull()
    await instances.delete('shop')
    await discoveries.put(id, 2, catalog)
    expect(await discoveries.get(id)).toBeNull()
  })
})
