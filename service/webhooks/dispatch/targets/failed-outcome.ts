import { ConnectError } from '../../../../protocol/index.ts'
import type { DispatchOutcome } from './contract.ts'

/**
 * The outcome of a failure. A failure that may pass by itself concerns the target as a whole; any other may
 * be the event's fault.
 */
export function failedOutcome(thrown: unknown): DispatchOutcome {
  const { message, suggestedFix, retryable } = ConnectError.from(thrown)
  const reason = retryable ? message : `${message}. ${suggestedFix}`
  return { outcome: 'failed', reason, isTargetDown: retryable }
}
