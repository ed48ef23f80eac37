/**
 * After this many attempts in a row without progress, something that fails for transient reasons has failed.
 */
export const maxBarrenAttempts = 4
const firstBackoffMs = 500
const maxBackoffMs = 30_000

/** The pause after this many barren attempts. */
export function backoffMs(barren: number): number {
  return Math.min(maxBackoffMs, firstBackoffMs * 2 ** barren)
}
