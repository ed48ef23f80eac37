import type { HttpRequest } from '../../../contracts.ts'
import type { RequestMatcher } from '../request-matcher.ts'

/** A rule of how many calls an API allows. */
export interface CallRatePolicy {
  /** Takes the call if it is allowed now: null. Else the seconds until it may be tried again. */
  tryAcquire(weight: number): number | null
  /**
   * Takes over the limits that a response reports: how many calls are left (null: it does not say), and when
   * all are back, in microseconds since 1970.
   */
  update(available: number | null, resetMicros: number | null): void
}

/** A policy with the requests that it is for: all of them, if it has no matcher. */
export interface MatchedPolicy {
  readonly policy: CallRatePolicy
  readonly matchers: readonly { readonly matches: RequestMatcher; readonly weight: number }[]
}

export function matchesPolicy({ matchers }: MatchedPolicy, request: HttpRequest): boolean {
  return matchers.length === 0 || matchers.some((matcher) => matcher.matches(request))
}

export function weightOf({ matchers }: MatchedPolicy, request: HttpRequest): number {
  return matchers.find((matcher) => matcher.matches(request))?.weight ?? 1
}
