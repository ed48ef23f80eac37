import { describe, expect, test } from 'vitest'
import type { AuthorizationStore } from '../../../service/oauth/contract.ts'
import { newInstance, openTestStore } from '../../support/open-test-store.ts'

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
    expect(taken.filter((each) => each !== null)).toEqual([{ ...shop, stateHash: 'a' }])
    expect(await authorizations.take('b')).toBeNull()
    expect(await authorizations.isPending('a')).toBe(false)
  })

  test('an authorization that is too old is gone', async () => {
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

  test('only the newest authorizations of an instance wait', async () => {
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
