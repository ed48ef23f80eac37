import type { Logger } from 'pino'
import { ConnectError } from '../../../protocol/index.ts'
import type { Schedule } from './schedule.ts'
import { nextTime } from './cron.ts'

/** The next time of a connection's schedule; null if there is none, or it means nothing here: a zone this machine does not know. */
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
