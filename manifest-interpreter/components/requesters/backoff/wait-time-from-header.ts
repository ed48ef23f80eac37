import type { Builder } from '../../../component.ts'
import { TransportError, type BackoffStrategy } from '../../../contracts.ts'
import type { PlainDict } from '../../../value/value.ts'
import { compileHeaderNumber } from './header-number.ts'
import { compileMaxWaitingTime } from './max-waiting-time.ts'

/** `WaitTimeFromHeader`: the seconds that a header gives, like Retry-After. */
export function waitTimeFromHeader(definition: PlainDict, builder: Builder): BackoffStrategy {
  const numberOf = compileHeaderNumber(definition, builder)
  const capped = compileMaxWaitingTime(definition, builder)
  return {
    backoffSeconds: async (outcome) => {
      if (outcome instanceof TransportError) return null
      const seconds = await Promise.resolve(numberOf(outcome))
      // A header of 0 means no wait, which no maximum refuses.
      return seconds === null || seconds === 0 ? seconds : capped(seconds)
    },
  }
}
