import type { SandboxTotals } from '../../engine/sandbox/sandbox-report.ts'
import type { RunSummary } from '../runs/schema.ts'

/** A shorter run is mostly its start: nothing follows from it for a longer one. */
const leastRecords = 1_000

/**
 * How long a whole run takes, where the sandbox was cut: by the records a second of the connection's last run. Null if that says
 * nothing. Most of a sandbox's own time is its start, so it says nothing either.
 */
export function estimatedSeconds(
  { estimated_cost: cost }: Pick<SandboxTotals, 'estimated_cost'>,
  lastRun: RunSummary | null,
): number | null {
  if (cost.seconds !== null || cost.rows === null || lastRun === null) return cost.seconds
  const { status, startedAt, endedAt, read } = lastRun
  if (status !== 'complete' || startedAt === null || endedAt === null) return null
  const seconds = (Date.parse(endedAt) - Date.parse(startedAt)) / 1000
  return read < leastRecords || seconds <= 0 ? null : (cost.rows * seconds) / read
}
