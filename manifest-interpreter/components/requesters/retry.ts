import type { Environment, FailureType } from '../../contracts.ts'
import { PyDateTime } from '../../value/py-datetime.ts'
import type { FailedRequest } from './failed-request.ts'

/** A request that has to be sent again. The kind of wait decides which layer handles it. */
export class RetryNeeded extends Error {
  /** `strategy`: a backoff strategy returned the seconds; `rate-limit`, `default`: 1, 2, 4, … seconds. */
  readonly wait: 'strategy' | 'rate-limit' | 'default'
  readonly seconds: number
  readonly failed: FailedRequest
  readonly failureType: FailureType | undefined
  /** For the log. */
  readonly facts: object

  constructor(message: string, details: RetryDetails) {
    super(message)
    this.name = 'RetryNeeded'
    this.wait = details.wait
    this.seconds = details.seconds ?? 0
    this.failed = details.failed
    this.facts = details.facts
    this.failureType = details.failureType
  }
}

export interface RetryDetails {
  readonly wait: RetryNeeded['wait']
  readonly seconds?: number
  readonly failed: FailedRequest
  readonly failureType: FailureType | undefined
  readonly facts: object
}

export interface RetryLimits {
  /** How often a request is sent at most, per kind of wait. */
  readonly maxTries: number
  readonly maxTimeSeconds: number
}

/**
 * Sends until there is a response. Rejects with the last RetryNeeded when the limits are reached. Each kind
 * of wait counts its own tries and starts over inside of the next one: strategy within rate-limit within
 * default. Rate limits know no limit of time.
 */
export function sendUntilAnswered<Answer>(
  send: () => Promise<Answer>,
  limits: RetryLimits,
  environment: Environment,
): Promise<Answer> {
  const retry = { ...limits, environment }
  const untilStrategy = (): Promise<Answer> => retrying(send, { ...retry, wait: 'strategy' })
  const untilRateLimit = (): Promise<Answer> =>
    retrying(untilStrategy, { ...retry, wait: 'rate-limit', maxTimeSeconds: Infinity })
  return retrying(untilRateLimit, { ...retry, wait: 'default' })
}

interface Retry extends RetryLimits {
  readonly environment: Environment
  readonly wait: RetryNeeded['wait']
}

async function retrying<Answer>(send: () => Promise<Answer>, retry: Retry): Promise<Answer> {
  const { environment, maxTries, maxTimeSeconds } = retry
  const start = environment.nowMicros()
  for (let tries = 1; ; tries += 1) {
    const elapsed = (environment.nowMicros() - start) / 1e6
    try {
      return await send()
    } catch (error) {
      if (!(error instanceof RetryNeeded) || error.wait !== retry.wait) throw error
      if (tries >= maxTries || elapsed >= maxTimeSeconds) throw error
      const seconds =
        error.wait === 'strategy'
          ? // A second more covers the fractions that APIs cut off.
            error.seconds + 1
          : Math.min(2 ** (tries - 1), maxTimeSeconds - elapsed)
      const until = PyDateTime.ofTimestamp(environment.nowMicros() / 1e6 + seconds).isoFormat()
      const facts = { ...error.facts, seconds, until }
      environment.logger.info(facts, 'a request has to be sent again, waiting')
      await environment.sleep(seconds)
    }
  }
}
