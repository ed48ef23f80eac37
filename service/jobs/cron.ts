import { CronExpressionParser } from 'cron-parser'
import { ConnectError } from '../../protocol/index.ts'
import type { Schedule } from '../contract/connections.ts'

/**
 * The first time of a schedule after `afterMs`, as ISO 8601 in UTC. In a zone with summer time, a time of the clock that is
 * left out comes an hour later, and one that comes twice counts once. Throws `schedule_invalid`.
 */
export function nextTime(schedule: Schedule, afterMs: number): string {
  const { cron, timezone = 'UTC' } = schedule
  checkFields(cron)
  checkZone(timezone)
  try {
    const expression = CronExpressionParser.parse(`0 ${cron}`, {
      tz: timezone,
      currentDate: new Date(afterMs),
    })
    return expression.next().toDate().toISOString()
  } catch (error) {
    throw invalid(`"${cron}" names no time (${reasonOf(error)})`, error)
  }
}

/** Names of days and months, but none of the parser's own extensions (`H`, `@daily`, seconds). */
const field = /^(?:[\d*,/-]|[A-Za-z]{3})+$/

function checkFields(cron: string): void {
  const fields = cron.trim().split(/\s+/)
  if (fields.length !== 5)
    throw invalid(`"${cron}" has ${String(fields.length)} fields, and there are 5`)
  const wrong = fields.find((text) => !field.test(text))
  if (wrong !== undefined) throw invalid(`"${wrong}" is no field of a schedule`)
}

function checkZone(timezone: string): void {
  try {
    if (!/^[A-Za-z]/.test(timezone)) throw new RangeError('an offset')
    new Intl.DateTimeFormat('en', { timeZone: timezone })
  } catch (error) {
    throw invalid(`"${timezone}" is no time zone`, error)
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function invalid(problem: string, cause?: unknown): ConnectError {
  return new ConnectError('schedule_invalid', { details: { problem }, cause })
}
