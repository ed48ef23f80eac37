import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { ConnectError } from '../../protocol/index.ts'
import { OutageLog } from '../platform/log/outage-log.ts'

export interface Patience {
  readonly logger: Logger
  /** Aborted when the process should end: then there is little time left. */
  readonly shutdown: AbortSignal
}

const pauseMs = 1_000
const giveUpAfterMs = 60_000
/**
 * A run whose end cannot be written is found and executed again, so a process that stops need not wait for
 * it.
 */
const giveUpAtShutdownMs = 3_000

/**
 * Repeats the work while the other side may be unavailable for a while. Throws a permanent error at once, and
 * a temporary one after a minute; in a process that stops, after a few seconds.
 */
export async function retryWhileAway<Answer>(
  ask: () => Promise<Answer>,
  { logger, shutdown }: Patience,
): Promise<Answer> {
  let giveUpAt = performance.now() + giveUpAfterMs
  let isStopping = false
  const outage = new OutageLog({
    logger,
    message: 'the end of an attempt cannot be written yet',
    backMessage: 'the end of an attempt is written',
  })
  for (;;) {
    try {
      const answer = await ask()
      outage.worked()
      return answer
    } catch (thrown) {
      const now = performance.now()
      if (shutdown.aborted && !isStopping) {
        isStopping = true
        giveUpAt = Math.min(giveUpAt, now + giveUpAtShutdownMs)
      }
      const { retryable, code } = ConnectError.from(thrown)
      if (!retryable || now > giveUpAt) throw thrown
      outage.failed({ code })
      await sleep(pauseMs)
    }
  }
}
