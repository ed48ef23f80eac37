import { retryAfterMs as pauseOf } from '../../../../lib/net/retry-after.ts'
import type { DispatchFailure, DispatchOutcome } from './contract.ts'

/** A longer pause would be a mistake of the target. */
const longestPauseMs = 24 * 3_600_000

/** Statuses that say that the request may do later what it cannot do now. */
const laterStatuses = new Set([408, 425, 429])
/** Statuses of a target, or of what stands before it, that cannot take anything now: https://www.standardwebhooks.com asks to send less then. */
const downStatuses = new Set([429, 502, 503, 504])

/** The outcome for the event, by the status of the response. */
export function httpOutcome(
  status: number,
  retryAfter: string | undefined,
  nowMs: number,
): DispatchOutcome {
  if (status >= 200 && status <= 299) return { outcome: 'done' }
  const askedMs = pauseOf(retryAfter, nowMs)
  const retryAfterMs = askedMs && Math.min(askedMs, longestPauseMs)
  return {
    outcome: 'failed',
    ...failureOf(status),
    ...(downStatuses.has(status) && { isTargetDown: true }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  }
}

function failureOf(status: number): DispatchFailure {
  const reason = `it responded with status ${String(status)}`
  if (status >= 300 && status <= 399)
    return { reason: `${reason}: redirects are not followed`, isRefused: true }
  const isRefused = status >= 400 && status <= 499 && !laterStatuses.has(status)
  return { reason, ...(isRefused && { isRefused }) }
}
