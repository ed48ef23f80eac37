import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { ConnectError } from '../../protocol/index.ts'
import { AwayServers } from './away-servers.ts'
import { backoffMs, maxBarrenAttempts } from './backoff.ts'

export interface StartContext {
  readonly logger: Logger
  readonly signal: AbortSignal
  readonly now: () => number
}

/** A session was established and then lost, before any stream has begun. */
const lostSessionCodes = new Set(['destination_connection_lost', 'source_connection_lost'])

/**
 * The steps before the streams. A lost session is tried again, as in a stream, and so is a server that says
 * that it starts or recovers. One that was never reached is not: its address may be wrong, and the user
 * should learn of that at once.
 */
export async function retryStart<T>(
  { logger, signal, now }: StartContext,
  work: () => Promise<T>,
): Promise<T> {
  const away = new AwayServers()
  let wasThere = false
  let barren = 0
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (thrown) {
      const error = ConnectError.from(thrown)
      const { code, message: reason, retryable } = error
      wasThere ||= lostSessionCodes.has(code) || saysThatItStarts(error)
      const mayComeBack = wasThere ? away.mayComeBack(error, now()) : undefined
      if (mayComeBack === undefined) barren += 1
      const mayPass = wasThere && retryable && (mayComeBack ?? barren < maxBarrenAttempts)
      if (!mayPass || signal.aborted) throw thrown
      const waitMs = backoffMs(attempt)
      logger.warn({ code, reason, waitMs, attempt }, 'start of the run failed, trying again')
      await sleep(waitMs, undefined, { signal }).catch(() => undefined)
    }
  }
}

/** A server in a failover, a restart or a recovery: its address is right. */
function saysThatItStarts({ details }: ConnectError): boolean {
  return details.sqlstate === '57P03'
}
