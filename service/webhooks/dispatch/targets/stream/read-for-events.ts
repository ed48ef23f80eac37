import { ConnectError } from '../../../../../protocol/index.ts'
import type { Connection } from '../../../../connections/schema.ts'
import type { RunService } from '../../../../runs/contract.ts'
import type { ClaimedDispatch } from '../../../deliveries/contract.ts'
import type { DispatchOutcome } from '../contract.ts'

/** Between two runs that events start: a vendor sends many events for one change of a user. */
const pauseMs = 10_000
const longestWaitMs = 600_000

/**
 * Starts a run of the connection for events that only report that something has changed. Returns, by `seq`,
 * whether the run will read the event. A run that begins after an event arrived reads the change that the
 * event reports.
 */
export async function readForEvents(
  connection: Connection,
  events: readonly ClaimedDispatch[],
  { runs, nowMs }: { readonly runs: Pick<RunService, 'start'>; readonly nowMs: number },
): Promise<ReadonlyMap<string, DispatchOutcome>> {
  if (events.length === 0) return new Map()
  const startMs = begunMs(connection.lastRun, nowMs) ?? (await startRun(runs, connection.name))
  return new Map(
    events.map(({ seq, attempt, delivery }) => [
      seq,
      Date.parse(delivery.receivedAt) < startMs ? { outcome: 'done' } : later(attempt),
    ]),
  )
}

/** When the run began that is to be waited for, before another one starts; undefined: there is none. */
function begunMs(run: Connection['lastRun'], nowMs: number): number | undefined {
  if (run?.status === 'queued') return Infinity
  const startMs = Date.parse(run?.startedAt ?? '')
  if (run?.status === 'running') return startMs
  const isRecent =
    run?.trigger === 'webhook' && run.status === 'complete' && nowMs - startMs < pauseMs
  return isRecent ? startMs : undefined
}

/** When it begins. If another one began at this moment, nobody knows whether it was before the events. */
async function startRun(runs: Pick<RunService, 'start'>, connection: string): Promise<number> {
  try {
    await runs.start(connection, 'webhook')
    return Infinity
  } catch (error) {
    if (error instanceof ConnectError && error.code === 'run_active') return -Infinity
    throw error
  }
}

function later(attempt: number): DispatchOutcome {
  return {
    outcome: 'failed',
    reason: 'a run that began before the event came has to end first',
    retryAfterMs: Math.min(longestWaitMs, pauseMs * 2 ** Math.min(attempt - 1, 10)),
  }
}
