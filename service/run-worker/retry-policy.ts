import { ConnectError, type ErrorBody } from '../../protocol/index.ts'

/** How often a run is tried again. The engine's own attempts, a few seconds apart, come before that. */
export interface RetryPolicy {
  /** After this many attempts in a row that moved no checkpoint, the run has failed. */
  readonly maxFruitless: number
  readonly firstDelayMs: number
  readonly maxDelayMs: number
}

/** In all about ten minutes without any progress. */
export const standardRetries: RetryPolicy = {
  maxFruitless: 8,
  firstDelayMs: 5_000,
  maxDelayMs: 300_000,
}

export interface FailedAttempt {
  readonly errors: readonly ErrorBody[]
  /** A checkpoint moved, so this attempt does not count as fruitless. */
  readonly progressed: boolean
  /** Attempts in a row before this one that moved none. */
  readonly fruitlessBefore: number
}

/**
 * How long to wait before the next attempt; undefined if there is none. `random`: 0 to 1, so that many runs
 * do not start at once.
 */
export function retryDelayMs(
  { errors, progressed, fruitlessBefore }: FailedAttempt,
  policy: RetryPolicy,
  random: number,
): number | undefined {
  if (!errors.some((error) => ConnectError.fromJSON(error).retryable)) return undefined
  const fruitless = progressed ? 0 : fruitlessBefore + 1
  if (fruitless >= policy.maxFruitless) return undefined
  const delayMs = policy.firstDelayMs * 2 ** Math.max(0, fruitless - 1)
  return Math.round(Math.min(policy.maxDelayMs, delayMs) * (1 - random / 5))
}
