import { afterAll, beforeAll, expect, test } from 'vitest'
import { ConnectError } from '../../../protocol/index.ts'
import { invokeOnce } from '../../../service/actions/invoke-once.ts'
import { StoredKey } from '../../../service/platform/vault/stored-key.ts'
import { silent } from '../../support/logger.ts'
import { TestApi } from '../../support/test-api.ts'

let api: TestApi
beforeAll(async () => {
  api = await TestApi.start()
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

test.each(['action_outcome_unknown', 'action_response_unreadable', 'unexpected'] as const)(
  'a call that ends with %s may have been carried out: it is not begun again under its key',
  async (code) => {
    const key = new StoredKey(api.vault, 'actions/result-key')
    const options = { store: api.store.idempotency, key, logger: silent }
    const request = { principal: 'key_1', key: code, requestHash: 'hash' }
    let begun = 0
    const work = (): Promise<never> => {
      begun += 1
      return Promise.reject(new ConnectError(code, { details: { reason: 'a test' } }))
    }
    await expect(invokeOnce(request, work, options)).rejects.toMatchObject({ code })
    await expect(invokeOnce(request, work, options)).rejects.toMatchObject({ code })
    expect(begun).toBe(1)
  },
)

test('a call that the vendor refused leaves its key free', async () => {
  const key = new StoredKey(api.vault, 'actions/result-key')
  const options = { store: api.store.idempotency, key, logger: silent }
  const request = { principal: 'key_1', key: 'refused', requestHash: 'hash' }
  let begun = 0
  const work = (): Promise<never> => {
    begun += 1
    return Promise.reject(new ConnectError('action_refused', { details: { reason: 'a test' } }))
  }
  for (const expected of [1, 2]) {
    await expect(invokeOnce(request, work, options)).rejects.toMatchObject({
      code: 'action_refused',
    })
    expect(begun).toBe(expected)
  }
})
