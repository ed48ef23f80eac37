import { invalidComponent, list, optionalText, text } from '../../definition.ts'
import { abDatetimeParse } from '../../datetime/ab-datetime.ts'
import { isPlainDict } from '../../value/dict.ts'
import { contains } from '../../value/equality.ts'
import { PythonError, valueError } from '../../value/python-error.ts'
import { compileRequestMatcher, type RequestMatcher } from '../requesters/request-matcher.ts'
import type { HttpResponse } from '../../http/http-response.ts'
import type { PlainDict, Value } from '../../value/value.ts'

/** TokenQuota: a pool of calls that each token has, for the requests that a matcher fits. */
export interface TokenQuota {
  readonly name: string
  readonly matchers: readonly RequestMatcher[]
  readonly remainingPath: readonly Value[]
  readonly resetPath: readonly Value[]
  readonly limitPath: readonly Value[]
  readonly remainingHeader: string | undefined
  readonly resetHeader: string | undefined
  readonly limitHeader: string | undefined
  /** Statuses that mean that the calls are spent. */
  readonly exhaustionStatusCodes: readonly Value[]
}

export function compileQuota(definition: Value): TokenQuota {
  if (!isPlainDict(definition))
    throw invalidComponent('the quotas of an authenticator', 'each of them must be an object.')
  return {
    name: text(definition, 'name'),
    matchers: list(definition, 'matchers').filter(isPlainDict).map(compileRequestMatcher),
    remainingPath: list(definition, 'remaining_path'),
    resetPath: list(definition, 'reset_path'),
    limitPath: list(definition, 'limit_path'),
    ...headersOf(definition),
    exhaustionStatusCodes: list(definition, 'exhaustion_status_codes'),
  }
}

function headersOf(definition: PlainDict) {
  return {
    remainingHeader: optionalText(definition, 'remaining_header'),
    resetHeader: optionalText(definition, 'reset_header'),
    limitHeader: optionalText(definition, 'limit_header'),
  }
}

/** The calls that a token may still make in a pool. */
export interface QuotaState {
  remaining: number
  /** Microseconds since 1970. */
  resetAt: number
  limit: number
  /** False if the API counts no calls here: `remaining` is 0 and means nothing. */
  readonly tracked: boolean
}

/**
 * How far behind the known reset that of a response may be and still mean the same window, in microseconds.
 */
const RESET_TOLERANCE = 60_000_000

/** Brings a pool in line with what a response says about it. */
export function updateFromResponse(
  state: QuotaState,
  quota: TokenQuota,
  response: HttpResponse,
): void {
  if (!state.tracked) return
  const { isExhausted, limit, remaining, resetAt } = reportOf(response, quota, state)
  const isOlderWindow = resetAt < state.resetAt
  if (limit > 0 && !isOlderWindow) state.limit = limit
  if (resetAt > state.resetAt) {
    state.resetAt = resetAt
    state.remaining = remaining ?? state.limit
  } else if (remaining !== undefined) {
    const isThisWindow = resetAt >= state.resetAt - RESET_TOLERANCE
    // Responses come out of order: within a window the count only falls. A report that all calls are spent is
    // believed for any window.
    if (isThisWindow || (remaining <= 0 && isExhausted))
      state.remaining = Math.min(state.remaining, remaining)
  }
}

/** Reads the quota from the headers. A missing reset is the known one, a missing limit is 0. */
function reportOf(response: HttpResponse, quota: TokenQuota, state: QuotaState) {
  const isExhausted = contains(quota.exhaustionStatusCodes, response.status)
  return {
    isExhausted,
    remaining: headerInt(response, quota.remainingHeader) ?? (isExhausted ? 0 : undefined),
    resetAt: headerMoment(response, quota.resetHeader) ?? state.resetAt,
    limit: headerInt(response, quota.limitHeader) ?? 0,
  }
}

function headerInt(response: HttpResponse, name: string | undefined): number | undefined {
  const value = name === undefined || name === '' ? undefined : response.headers.text(name)
  return value !== undefined && isInteger(value) ? toInteger(value) : undefined
}

function headerMoment(response: HttpResponse, name: string | undefined): number | undefined {
  const value = name === undefined || name === '' ? undefined : response.headers.text(name)
  if (value === undefined) return undefined
  try {
    return momentOf(value)
  } catch (error) {
    if (error instanceof PythonError) return undefined
    throw error
  }
}

/** Microseconds since 1970 of the reset time that an API returns. */
export function momentOf(value: Value): number {
  return Number(abDatetimeParse(value).epochMicros)
}

const isInteger = (value: string): boolean => /^\s*[+-]?\d+(?:_\d+)*\s*$/.test(value)

const toInteger = (value: string): number => Number(value.trim().replaceAll('_', ''))

/** A count, as Python's int() reads it. */
export function countOf(value: Value): number {
  if (typeof value === 'number') return Math.trunc(value)
  if (typeof value === 'bigint' || typeof value === 'boolean') return Number(value)
  if (typeof value === 'string' && isInteger(value)) return toInteger(value)
  if (
    typeof value === 'object' &&
    value !== null &&
    'value' in value &&
    typeof value.value === 'number'
  )
    return value.value
  throw valueError('A count of the quota status is not an integer.')
}
