import { describe, expect, it } from 'vitest'
import {
  expiryOf,
  findInResponse,
} from '../../../../manifest-interpreter/components/auth/oauth-token-response.ts'
import { PyDateTime } from '../../../../manifest-interpreter/value/py-datetime.ts'
import vectors from './vectors.json' with { type: 'json' }
import type { Value } from '../../../../manifest-interpreter/value/value.ts'

interface Found {
  readonly body: Value
  readonly key: string
  readonly value?: Value
  readonly error?: string
}

interface Expiry {
  readonly moment: boolean
  readonly value: Value
  readonly expiry?: string
  readonly error?: string
}

const finds: readonly Found[] = vectors.find
const expiries: readonly Expiry[] = vectors.expiry
const now = PyDateTime.ofEpochMicros(1_740_787_200_000_000n)

describe('the answer of a token endpoint', () => {
  it.each(finds)('gives $key of $body as the reference finds it', ({ body, key, value, error }) => {
    const find = () => findInResponse(body, key)
    if (error === undefined) expect(find()).toEqual(value)
    else expect(find).toThrow('maximum level of recursion')
  })

  it.each(expiries)(
    'gives an expiry of $value (moment: $moment)',
    ({ moment, value, ...expected }) => {
      const read = () => expiryOf(value, moment ? 'moment' : 'seconds', now).isoFormat()
      if (expected.error === undefined) expect(read()).toBe(expected.expiry)
      else expect(read).toThrow(/Invalid (expires_in|token expiry)/)
    },
  )
})
