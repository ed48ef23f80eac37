import type { Logger } from 'pino'
import { ConnectError } from '../../../protocol/index.ts'
import type { Schedule } from './schedule.ts'
import { nextTime } from './cron.ts'

/**
 * The next scheduled time of a connection; null if there is none, or this machine does not know its time
 * zone.
 */
export function nextRun(
  { name, schedule }: { readonly name: string; readonly schedule: Schedule | null },
  afterMs: number,
  logger: Logger,
): string | null {
  try {
    return schedule && nextTime(schedule, afterMs)
  } catch (thrown) {
    const { code, message } = ConnectError.from(thrown)
    const facts = { connection: name, code, reason: message }
    logger.error(facts, 'the schedule of a connection has no next time')
    return null
  }
}
