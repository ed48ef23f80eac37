import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { ConnectError } from '../../protocol/index.ts'

const pauseMs = 1_000
const giveUpAfterMs = 60_000

/** Asks again while the other side may only be away for a while. Throws what does not pass, or has not passed for a minute. */
export async function untilAnswered<Answer>(
  ask: () => Promise<Answer>,
  logger: Logger,
): Promise<Answer> {
  const giveUpAt = performance.now() + giveUpAfterMs
  for (;;) {
    try {
      return await ask()
    } catch (thrown) {
      const { retryable, code } = ConnectError.from(thrown)
      if (!retryable || performance.now() > giveUpAt) throw thrown
      logger.warn({ code }, 'the end of an attempt cannot be written yet')
      await sleep(pauseMs)
    }
  }
}
