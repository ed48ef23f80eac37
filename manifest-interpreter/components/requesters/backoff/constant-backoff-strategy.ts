import type { Builder } from '../../../component.ts'
import type { BackoffStrategy } from '../../../contracts.ts'
import type { PlainDict } from '../../../value/value.ts'
import { compileSeconds, withJitter } from './seconds.ts'

/** `ConstantBackoffStrategy`: always the same wait. */
export function constantBackoffStrategy(definition: PlainDict, builder: Builder): BackoffStrategy {
  const seconds = compileSeconds(definition, 'backoff_time_in_seconds', builder)
  const jittered = withJitter(definition, builder)
  return { backoffSeconds: () => Promise.resolve(jittered(seconds() ?? 0)) }
}
