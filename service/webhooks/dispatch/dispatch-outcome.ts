import { ConnectError, type ErrorBody, type JsonObject } from '../../../protocol/index.ts'
import { targetWithoutQuery } from '../receivers/masked-target.ts'
import type { ClaimedDispatch, SettledDispatch } from '../deliveries/contract.ts'
import type { DispatchFailure, DispatchOutcome, TargetProblem } from './targets/contract.ts'

/**
 * About three days of failures, given the pauses below: a person can look at it in that time, even after a
 * weekend.
 */
export const mostAttempts = 80
/**
 * The most attempts if a target refuses the event: about 15 hours. https://www.standardwebhooks.com asks for
 * further attempts also after 4xx: it may be a wrong release.
 */
export const mostRefusals = 24
const firstPauseMs = 5_000
const longestPauseMs = 3_600_000
/** How long nothing is tried for a target for which a setting is missing. */
const unavailableMs = 60_000

/**
 * Decides what happens to an event after an attempt. `random`: 0 to 1, so that events that failed together
 * are not retried together.
 */
export function settledOf(
  claimed: ClaimedDispatch,
  outcome: DispatchOutcome,
  random: number,
): SettledDispatch {
  const { seq, target, attempt } = claimed
  if (outcome.outcome === 'done') return { seq, target, outcome: 'done' }
  const { isFinal = false, isRefused = false, isTargetDown = false, retryAfterMs = 0 } = outcome
  const error = failedError(target, outcome)
  if (isFinal || attempt >= (isRefused ? mostRefusals : mostAttempts))
    return { seq, target, outcome: 'dead', error, isTargetDown }
  const delayMs = Math.max(pauseMs(attempt, random), retryAfterMs)
  return { seq, target, outcome: 'retry', delayMs, error, isTargetDown }
}

/** 5 s, twice as long each time, an hour at most; up to a fifth shorter. */
export function pauseMs(attempt: number, random: number): number {
  const fullMs = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(attempt - 1, 20))
  return Math.round(fullMs * (1 - random / 5))
}

/** Nothing can go there: the event waits. */
export function unavailableOf(
  { seq, target }: ClaimedDispatch,
  problem: TargetProblem,
): SettledDispatch {
  const details = { target: targetWithoutQuery(target), reason: problem.reason, fix: problem.fix }
  const error = toJson(new ConnectError('target_not_available', { details }).toJSON())
  return { seq, target, outcome: 'unavailable', delayMs: unavailableMs, error }
}

function failedError(text: string, { reason }: DispatchFailure): JsonObject {
  const target = targetWithoutQuery(text)
  return toJson(new ConnectError('dispatch_failed', { details: { target, reason } }).toJSON())
}

function toJson(error: ErrorBody): JsonObject {
  return { ...error }
}
