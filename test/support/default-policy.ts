import { loadPolicy } from '../../service/platform/access/load-policy.ts'
import type { Policy } from '../../service/platform/access/policy.ts'

let loaded: Promise<Policy> | undefined

/**
 * The policy that comes with the program. It stores nothing but its decisions, so all tests of a process
 * share one.
 */
export function defaultPolicy(): Promise<Policy> {
  return (loaded ??= loadPolicy())
}
