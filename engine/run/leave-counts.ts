import { addCounts, noCounts } from '../../sinks/committed-counts.ts'
import type { CommittedCounts } from '../../sinks/sink.ts'
import type { StreamResult } from '../run-types.ts'

/**
 * The result of a stream whose connection a newer start has taken over. That start finds all rows that this
 * one committed as unreported, also those of complete streams, and reports them in its `before`, whether or
 * not this process lives to report anything. So they are left out here: each row is in one result.
 */
export function leaveCounts(result: StreamResult): StreamResult {
  const { loaded, rejected, nulled, cut, before = noCounts } = result
  const committed = addCounts({ loaded, rejected, nulled, cut }, before)
  if (!hasAny(committed)) return result
  const warning = `A newer run took the connection over. It counts what stays of this run’s rows, as \`before\` (earlier starts), so this run, which had committed these, counts none: ${shown(committed)}.`
  return { ...result, ...noCounts, before: noCounts, warnings: [...result.warnings, warning] }
}

function hasAny(counts: CommittedCounts): boolean {
  return Object.values(counts).some((count: number) => count > 0)
}

function shown({ loaded, rejected }: CommittedCounts): string {
  const [rows, records] = [loaded, rejected].map((count) => count.toLocaleString('en-US'))
  return `${rows ?? ''} loaded${rejected > 0 ? `, ${records ?? ''} rejected` : ''}`
}
