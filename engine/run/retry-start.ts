import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { ConnectError } from '../../protocol/index.ts'
import { backoffMs, maxBarrenAttempts } from './backoff.ts'

/** A session was established and then lost, before any stream has begun. */
const lostSessionCodes = new Set(['destination_connection_lost', 'source_connection_lost'])

/**
 * The steps before the streams. A lost session is tried again, as in a stream; a server that was never reached is not: its address may be
 * wrong, and the user should learn of that at once.
 */
export async function retryStart<T>(
  { logger, signal }: { readonly logger: Logger; readonly signal: AbortSignal },
  work: () => Promise<T>,
): Promise<T> {
  let wasThere = false
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (thrown) {
      const { code, message: reason, retryable } = ConnectError.from(thrown)
      wasThere ||= lostSessionCodes.has(code)
      const mayPass = wasThere && retryable
      if (!mayPass || attempt >= maxBarrenAttempts || signal.aborted) throw thrown
      const waitMs = backoffMs(attempt)
      logger.warn({ code, reason, waitMs, attempt }, 'start of the run failed, trying again')
      await sleep(waitMs, undefined, { signal }).catch(() => undefined)
    }
  }
}
