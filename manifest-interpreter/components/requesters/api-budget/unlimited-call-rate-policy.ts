import type { CallRatePolicy } from './call-rate-policy.ts'

/** `UnlimitedCallRatePolicy`: exempts its requests from the policies after it. */
export function unlimitedCallRatePolicy(): CallRatePolicy {
  return { tryAcquire: () => null, update: () => undefined }
}
