import { describe, expect, test } from 'vitest'
import { TestApi } from '../../../support/test-api.ts'

describe('a principal that asks too much', () => {
  test('is told when to ask again; others are served', async () => {
    await using api = await TestApi.start({
      limits: { requestsPerMinute: 3, failedLoginsPerMinute: 0 },
    })
    for (let count = 0; count < 3; count++) {
      expect((await api.call('GET /catalog')).status).toBe(200)
    }
    const { status, headers, body } = await api.call('GET /catalog')
    expect(status).toBe(429)
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
    expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(60)
    expect(body).toMatchObject({
      error: {
        code: 'rate_limited',
        failure_type: 'transient_error',
        suggested_fix: expect.stringContaining('limits.requests_per_minute') as unknown,
      },
    })
    const other = await api.service.apiKeys.create({ name: 'other', kind: 'viewer' })
    const headersOfOther = { authorization: `Bearer ${other.key}` }
    expect((await api.asked('GET /catalog', { headers: headersOfOther })).status).toBe(200)
    expect((await api.asked('GET //healthz')).status).toBe(200)
  })
})

describe('an address that sends wrong tokens', () => {
  const limits = { requestsPerMinute: 0, failedLoginsPerMinute: 3 }

  test('is refused before they are looked at; a token that has worked goes on', async () => {
    await using api = await TestApi.start({ limits })
    let lookups = 0
    const { apiKeys } = api.service
    const authenticate = apiKeys.authenticate.bind(apiKeys)
    apiKeys.authenticate = (key) => {
      lookups += 1
      return authenticate(key)
    }
    expect((await api.call('GET /catalog')).status).toBe(200)
    const unseen = await apiKeys.create({ name: 'unseen', kind: 'viewer' })
    const ask = async (token: string): Promise<number> =>
      (await api.asked('GET /catalog', { headers: { authorization: `Bearer ${token}` } })).status
    expect([await ask('a'), await ask('b'), await ask('c')]).toEqual([401, 401, 401])
    const before = lookups
    expect([await ask('d'), await ask(unseen.key)]).toEqual([429, 429])
    expect(lookups).toBe(before)
    expect((await api.call('GET /catalog')).status).toBe(200)
    await apiKeys.revoke(api.keyId)
    expect((await api.call('GET /catalog')).status).toBe(401)
  })

  test('is told by a trusted proxy, and by nobody else', async () => {
    const ask = async (api: TestApi, address: string): Promise<number> => {
      const headers = { authorization: 'Bearer wrong', 'x-forwarded-for': address }
      return (await api.asked('GET /catalog', { headers })).status
    }
    await using trusting = await TestApi.start({ limits, trustedProxies: ['127.0.0.0/8'] })
    for (let count = 0; count < 3; count++) await ask(trusting, '192.0.2.1')
    expect(await ask(trusting, '192.0.2.1')).toBe(429)
    expect(await ask(trusting, '192.0.2.2')).toBe(401)
    await using other = await TestApi.start({ limits })
    for (let count = 0; count < 3; count++) await ask(other, `192.0.2.${count}`)
    expect(await ask(other, '192.0.2.9')).toBe(429)
  })
})
