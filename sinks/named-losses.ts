import type { Loss } from './sink.ts'

/** The most losses of a transaction that are named: the account of a run shows a few examples. */
const maxNamed = 5

/** Adds a rejected record to the first ones of a transaction. */
export function nameRejection(
  losses: Loss[],
  { reason, key }: { readonly reason: string; readonly key?: string },
): void {
  if (losses.length >= maxNamed) return
  losses.push({ kind: 'rejected', subject: reason, ...(key !== undefined && { key }) })
}
