import type { Builder } from '../../../component.ts'
import { TransportError, type BackoffStrategy } from '../../../contracts.ts'
import type { PlainDict } from '../../../value/value.ts'
import { compileHeaderNumber } from './header-number.ts'
import { compileMaxWaitingTime } from './max-waiting-time.ts'
import { compileSeconds } from './seconds.ts'

/** `WaitUntilTimeFromHeader`: until the Unix time that a header gives, and at least `min_wait` seconds. */
export function waitUntilTimeFromHeader(definition: PlainDict, builder: Builder): BackoffStrategy {
  const numberOf = compileHeaderNumber(definition, builder)
  const capped = compileMaxWaitingTime(definition, builder)
  const minWait = compileSeconds(definition, 'min_wait', builder)
  return {
    backoffSeconds: async (outcome) => {
      const now = builder.environment.nowMicros() / 1e6
      const until =
        outcome instanceof TransportError ? null : await Promise.resolve(numberOf(outcome))
      const minimum = minWait()
      if (until === null || until === 0) return minimum ? capped(minimum) : null
      const seconds = until - now
      if (minimum) return capped(Math.max(seconds, minimum))
      return seconds < 0 ? null : capped(seconds)
    },
  }
}
