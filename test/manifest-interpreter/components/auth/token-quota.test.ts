import { describe, expect, it } from 'vitest'
import {
  compileQuota,
  updateFromResponse,
  type QuotaState,
} from '../../../../manifest-interpreter/components/auth/token-quota.ts'
import { HttpResponse } from '../../../../manifest-interpreter/http/http-response.ts'
import { ResponseHeaders } from '../../../../manifest-interpreter/http/response-headers.ts'
import vectors from './vectors.json' with { type: 'json' }

const quota = compileQuota({
  name: 'core',
  remaining_path: ['remaining'],
  reset_path: ['reset'],
  remaining_header: 'X-Rem',
  reset_header: 'X-Reset',
  limit_header: 'X-Lim',
  exhaustion_status_codes: [403, 429],
})

function response(status: number, headers: object): HttpResponse {
  return new HttpResponse({
    status,
    headers: new ResponseHeaders(Object.entries(headers)),
    url: 'https://api.test/',
    body: new Uint8Array(),
  })
}

describe('updateFromResponse', () => {
  it('follows the reference through sequences of responses', () => {
    for (const { start, steps } of vectors.quota) {
      const state: QuotaState = { ...start, resetAt: start.resetAt * 1e6, tracked: true }
      for (const { status, headers, ...expected } of steps) {
        updateFromResponse(state, quota, response(status, headers))
        expect(state).toEqual({ ...expected, resetAt: expected.resetAt * 1e6, tracked: true })
      }
    }
  })

  it('leaves a pool alone whose calls the API does not count', () => {
    const state: QuotaState = { remaining: 0, resetAt: 0, limit: 0, tracked: false }
    updateFromResponse(state, quota, response(200, { 'X-Rem': '9', 'X-Lim': '10' }))
    expect(state).toEqual({ remaining: 0, resetAt: 0, limit: 0, tracked: false })
  })
})
