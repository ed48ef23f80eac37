import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { ConnectError } from '../../protocol/index.ts'

export interface Patience {
  readonly logger: Logger
  /** Aborted when the process should end: then there is little time left. */
  readonly shutdown: AbortSignal
}

const pauseMs = 1_000
const giveUpAfterMs = 60_000
/** A run whose end cannot be written is found and executed again, so a process that stops need not wait for it. */
const giveUpAtShutdownMs = 3_000

/**
 * Repeats the work while the other side may be unavailable for a while. Throws a permanent error at once, and a temporary one after a
 * minute; in a process that stops, after a few seconds.
 */
export async function retryWhileAway<Answer>(
  ask: () => Promise<Answer>,
  { logger, shutdown }: Patience,
): Promise<Answer> {
  let giveUpAt = performance.now() + giveUpAfterMs
  let isStopping = false
  for (;;) {
    try {
      return await ask()
    } catch (thrown) {
      const now = performance.now()
      if (shutdown.aborted && !isStopping) {
        isStopping = true
        giveUpAt = Math.min(giveUpAt, now + giveUpAtShutdownMs)
      }
      const { retryable, code } = ConnectError.from(thrown)
      if (!retryable || now > giveUpAt) throw thrown
      logger.warn({ code }, 'the end of an attempt cannot be written yet')
      await sleep(pauseMs)
    }
  }
}
