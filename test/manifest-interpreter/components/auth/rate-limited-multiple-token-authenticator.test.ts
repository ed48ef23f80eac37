import { describe, expect, it } from 'vitest'
import {
  jsonResponse,
  simulatedEnvironment,
  START_MICROS,
  type Api,
} from '../../support/simulated-environment.ts'
import { simulatedBuilder } from '../../support/simulated-builder.ts'
import type { HttpRequest } from '../../../../manifest-interpreter/contracts.ts'
import type { PlainDict } from '../../../../manifest-interpreter/value/value.ts'

const start = START_MICROS / 1e6

const definition: PlainDict = {
  type: 'RateLimitedMultipleTokenAuthenticator',
  tokens: "{{ config['tokens'] }}",
  budget_min_reserve: 0,
  budget_reserve_fraction: 0,
  quota_status_source: { type: 'QuotaStatusSource', url: 'https://api.test/rate_limit' },
  quotas: [
    {
      type: 'TokenQuota',
      name: 'core',
      remaining_path: ['core', 'remaining'],
      reset_path: ['core', 'reset'],
      remaining_header: 'X-Remaining',
      exhaustion_status_codes: [429],
    },
  ],
}

/** Each token has this number of calls, and one more with each reset. */
function quotas(remaining: Readonly<Record<string, number>>, reset = start + 100): Api {
  return ({ headers }) => {
    const token = headers.get('Authorization')?.replace('Bearer ', '') ?? ''
    return jsonResponse({ core: { remaining: remaining[token] ?? 0, reset } })
  }
}

function build(api: Api, changes: PlainDict = {}) {
  const environment = simulatedEnvironment(api)
  const builder = simulatedBuilder(environment, { config: { tokens: 'a, b' } })
  const again = () =>
    builder.build('authenticator', { ...definition, ...changes }, { streamName: 'items' })
  const authenticator = again()
  const send = async (): Promise<HttpRequest> => {
    const request: HttpRequest = {
      method: 'GET',
      url: 'https://api.test/items',
      headers: new Map(),
      body: null,
    }
    await authenticator.authenticate(request)
    return request
  }
  const token = async () => (await send()).headers.get('Authorization')
  return { again, authenticator, environment, send, token }
}

describe('RateLimitedMultipleTokenAuthenticator', () => {
  it('uses a token while it has calls left, then the next one', async () => {
    const { token } = build(quotas({ a: 2, b: 1 }))
    expect([await token(), await token(), await token()]).toEqual([
      'Bearer a',
      'Bearer a',
      'Bearer b',
    ])
  })

  it('asks for the quotas of each token once, also for several streams', async () => {
    const { again, environment, token } = build(quotas({ a: 5, b: 5 }))
    await Promise.all([token(), token(), token()])
    const [first, second] = [again(), again()]
    expect(first).toBe(second)
    expect(environment.requests).toHaveLength(2)
  })

  it('waits for the reset where all calls are spent, and asks again', async () => {
    let calls = 0
    const { environment, token } = build((request, count) => {
      calls = count > 2 ? 1 : 0
      return quotas({ a: calls, b: 0 })(request, count)
    })
    expect(await token()).toBe('Bearer a')
    expect(environment.waits).toEqual([60, expect.closeTo(40)])
    expect(environment.requests).toHaveLength(4)
  })

  it('fails where the reset is too far away, as a failure that may pass', async () => {
    const { token } = build(quotas({}), { max_wait_time: 'PT1M' })
    await expect(token()).rejects.toMatchObject({ failureType: 'transient_error' })
  })

  it('spreads the last calls over the time until the reset', async () => {
    const { environment, token } = build(quotas({ a: 11, b: 10 }), { budget_min_reserve: 50 })
    await token()
    expect(environment.waits).toEqual([5])
  })

  it('leaves a token whose calls the API says are spent', async () => {
    const { authenticator, send, token } = build(quotas({ a: 9, b: 9 }))
    const request = await send()
    expect(authenticator.hasAlternative?.(request)).toBe(false)
    authenticator.observe?.(request, jsonResponse({}, { status: 429 }))
    expect(authenticator.hasAlternative?.(request)).toBe(true)
    expect(await token()).toBe('Bearer b')
  })

  it('uses tokens in turn where the API does not count', async () => {
    const { token } = build(() => jsonResponse({}, { status: 404 }), {
      quota_status_source: {
        type: 'QuotaStatusSource',
        url: 'https://api.test/rate_limit',
        unavailable_status_codes: [404],
      },
    })
    expect([await token(), await token(), await token()]).toEqual([
      'Bearer a',
      'Bearer b',
      'Bearer a',
    ])
  })

  it('fails where the answer has no quota at the path of the manifest', async () => {
    const { token } = build(() => jsonResponse({ other: 1 }))
    await expect(token()).rejects.toMatchObject({ failureType: 'system_error' })
  })
})
