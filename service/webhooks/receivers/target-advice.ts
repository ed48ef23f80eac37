import type { TargetAdvice } from './contract.ts'

/** Of a service that dispatches nothing. */
export const noAdvice: TargetAdvice = {
  check: () => Promise.resolve(),
  warningsOf: () => Promise.resolve([]),
}
