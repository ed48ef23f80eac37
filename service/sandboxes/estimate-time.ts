import type { SandboxTotals } from '../../engine/sandbox/sandbox-report.ts'
import type { RunSummary } from '../runs/schema.ts'

/** A shorter run is mostly startup: it does not predict a longer one. */
const leastRecords = 1_000

/**
 * How long a whole run takes, if the sandbox was cut: from the records per second of the connection's last
 * run. Null if that is not known. Most of a sandbox's own time is startup, so it is no basis either.
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
