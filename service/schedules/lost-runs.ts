import type { Logger } from 'pino'
import type { RunStore } from '../runs/contract.ts'
import type { RunQueue } from '../platform/jobs/jobs.ts'

export interface LostRunsOptions {
  readonly runs: Pick<RunStore, 'stale'>
  readonly queue: Pick<RunQueue, 'send'>
  /** A run without a beat for so long, or queued so much past its time, is lost. */
  readonly staleMs: number
  readonly logger: Logger
}

/** At a time. */
const limit = 200

/**
 * Has runs delivered that nobody works on: their process died, or the word that they are due got lost. One that only waits in
 * a full queue is in there already. Whoever gets a run claims it, so a mistake here does no harm.
 */
export async function sendLostRuns(options: LostRunsOptions): Promise<void> {
  const { runs, queue, staleMs, logger } = options
  for (const { id, connection } of await runs.stale(staleMs, limit)) {
    logger.debug({ run: id, connection }, 'nobody works on a run; it is delivered again')
    await queue.send(id, 0)
  }
}
