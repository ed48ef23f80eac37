import type { Builder } from '../../../component.ts'
import type { BackoffStrategy } from '../../../contracts.ts'
import type { PlainDict } from '../../../value/value.ts'
import { compileSeconds, withJitter } from './seconds.ts'

const DEFAULT_FACTOR = 5

/** `ExponentialBackoffStrategy`: factor · 2^attempt. */
export function exponentialBackoffStrategy(
  definition: PlainDict,
  builder: Builder,
): BackoffStrategy {
  const factor = compileSeconds(definition, 'factor', builder)
  const jittered = withJitter(definition, builder)
  return {
    backoffSeconds: (_outcome, attempt) =>
      Promise.resolve(jittered((factor() ?? DEFAULT_FACTOR) * 2 ** attempt)),
  }
}
