import { ConnectError } from '../../../../protocol/index.ts'
import type { DispatchOutcome } from './contract.ts'

/** The outcome of a failure that concerns the target, and no event of its own. */
export function targetDown(thrown: unknown): DispatchOutcome {
  const { message, suggestedFix, retryable } = ConnectError.from(thrown)
  const reason = retryable ? message : `${message}. ${suggestedFix}`
  return { outcome: 'failed', reason, isTargetDown: true }
}
