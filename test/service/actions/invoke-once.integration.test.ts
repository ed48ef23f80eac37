import { afterAll, beforeAll, expect, test } from 'vitest'
import { ConnectError } from '../../../protocol/index.ts'
import { invokeOnce, type InvokeOnceOptions } from '../../../service/actions/invoke-once.ts'
import type { Invocation } from '../../../service/actions/schema.ts'
import type { IdempotencyBegin } from '../../../service/platform/http/idempotency-contract.ts'
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

const key = () => new StoredKey(api.vault, 'actions/result-key')
const optionsOf = (mayRepeat: boolean): InvokeOnceOptions => {
  return { store: api.store.idempotency, key: key(), logger: silent, mayRepeat }
}

test.each(['action_outcome_unknown', 'action_response_unreadable', 'unexpected'] as const)(
  'a call that may not be repeated and ends with %s is not begun again under its key',
  async (code) => {
    const options = optionsOf(false)
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

test.each(['action_unavailable', 'action_response_unreadable', 'unexpected'] as const)(
  'a call that may be repeated and ends with %s is begun again as the same one, and another one is refused',
  async (code) => {
    const options = optionsOf(true)
    const request = { principal: 'key_2', key: code, requestHash: 'hash' }
    const begun: IdempotencyBegin[] = []
    const fail = (begin: IdempotencyBegin): Promise<never> => {
      begun.push(begin)
      return Promise.reject(new ConnectError(code, { details: { reason: 'a test' } }))
    }
    await expect(invokeOnce(request, fail, options)).rejects.toMatchObject({ code })
    const other = invokeOnce({ ...request, requestHash: 'other' }, fail, options)
    await expect(other).rejects.toMatchObject({ code: 'idempotency_key_reused' })
    const invocation = { action: 'test', output: 1, vendorRequestId: null }
    const work = (begin: IdempotencyBegin): Promise<Invocation> => {
      begun.push(begin)
      return Promise.resolve(invocation)
    }
    expect(await invokeOnce(request, work, options)).toEqual({ invocation, isReplayed: false })
    expect(await invokeOnce(request, work, options)).toEqual({ invocation, isReplayed: true })
    expect(begun.map(({ attempt }) => attempt)).toEqual([1, 2])
    expect(begun[1]?.firstTicket).toBe(begun[0]?.firstTicket)
  },
)

test('a call that is repeated is the same one for a day from its first attempt', async () => {
  const options = optionsOf(true)
  const request = { principal: 'key_4', key: 'day', requestHash: 'hash' }
  const attempts: number[] = []
  const fail = ({ attempt }: IdempotencyBegin): Promise<never> => {
    attempts.push(attempt)
    return Promise.reject(new ConnectError('action_unavailable', { details: { reason: 'a test' } }))
  }
  for (const hours of [23, 2, 0]) {
    await expect(invokeOnce(request, fail, options)).rejects.toMatchObject({
      code: 'action_unavailable',
    })
    await api.database.query(
      `UPDATE reactor_connect_service.idempotency_keys
       SET created_at = created_at - $1 * interval '1 hour' WHERE key = 'day'`,
      [hours],
    )
  }
  // The vendor forgets its key after a day, too.
  expect(attempts).toEqual([1, 2, 1])
})

test('a call that never reached the vendor leaves its key free, also if it may not be repeated', async () => {
  const request = { principal: 'key_3', key: 'unreached', requestHash: 'hash' }
  const fail = (): Promise<never> =>
    Promise.reject(new ConnectError('action_unavailable', { details: { reason: 'a test' } }))
  for (const requestHash of ['hash', 'other'])
    await expect(
      invokeOnce({ ...request, requestHash }, fail, optionsOf(false)),
    ).rejects.toMatchObject({ code: 'action_unavailable' })
})

test('a call that the vendor refused leaves its key free, and comes to the vendor as another one', async () => {
  const options = optionsOf(true)
  const request = { principal: 'key_1', key: 'refused', requestHash: 'hash' }
  const begun = new Set<string | null>()
  const work = ({ firstTicket }: IdempotencyBegin): Promise<never> => {
    begun.add(firstTicket)
    return Promise.reject(new ConnectError('action_refused', { details: { reason: 'a test' } }))
  }
  for (const expected of [1, 2]) {
    await expect(invokeOnce(request, work, options)).rejects.toMatchObject({
      code: 'action_refused',
    })
    expect(begun.size).toBe(expected)
  }
})
