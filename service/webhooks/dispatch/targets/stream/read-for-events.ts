import { ConnectError } from '../../../../../protocol/index.ts'
import type { Connection } from '../../../../connections/schema.ts'
import type { RunService } from '../../../../runs/contract.ts'
import type { ClaimedDispatch } from '../../../deliveries/contract.ts'
import type { DispatchOutcome } from '../contract.ts'

/** Between two runs that events start: a vendor sends many events for one change of a user. */
const pauseMs = 10_000
const longestWaitMs = 600_000

/**
 * Starts a run of the connection for events that only tell that something has changed: by `seq`, which of them it will read. A run that begins after an event came
 * reads what the event tells of.
 */
export async function readForEvents(
  connection: Connection,
  events: readonly ClaimedDispatch[],
  { runs, now }: { readonly runs: Pick<RunService, 'start'>; now(): number },
): Promise<ReadonlyMap<string, DispatchOutcome>> {
  if (events.length === 0) return new Map()
  const last = connection.lastRun
  const lastStartMs = Date.parse(last?.startedAt ?? last?.createdAt ?? '')
  const readBy = (startMs: number): ReadonlyMap<string, DispatchOutcome> =>
    new Map(
      events.map(({ seq, attempt, delivery }) => [
        seq,
        Date.parse(delivery.receivedAt) < startMs ? { outcome: 'done' } : later(attempt),
      ]),
    )
  if (last?.status === 'queued') return readBy(Infinity)
  if (last?.status === 'running') return readBy(lastStartMs)
  if (last?.trigger === 'webhook' && now() - lastStartMs < pauseMs && last.status === 'complete')
    return readBy(lastStartMs)
  try {
    await runs.start(connection.name, 'webhook')
    return readBy(Infinity)
  } catch (error) {
    if (!(error instanceof ConnectError) || error.code !== 'run_active') throw error
    return readBy(-Infinity)
  }
}

function later(attempt: number): DispatchOutcome {
  const retryAfterMs = Math.min(longestWaitMs, pauseMs * 2 ** Math.min(attempt - 1, 10))
  return {
    outcome: 'failed',
    reason: 'a run that began before the event came has to end first',
    retryAfterMs,
  }
}
