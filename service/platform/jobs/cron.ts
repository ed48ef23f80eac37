import { CronExpressionParser } from 'cron-parser'
import { ConnectError } from '../../../protocol/index.ts'
import type { Schedule } from './schedule.ts'
import { WallClock } from './wall-clock.ts'

/**
 * The first time of a schedule after `afterMs`, as ISO 8601 in UTC. In a zone with summer time, a time of the
 * clock that is left out comes as much later as the clock is put forward. One that comes twice counts once,
 * but for a schedule of every hour (`*`). Throws `schedule_invalid`.
 */
export function nextTime(schedule: Schedule, afterMs: number): string {
  const { cron, timezone = 'UTC' } = schedule
  const fields = fieldsOf(cron)
  const clock = clockOf(timezone)
  try {
    return new Date(firstMoment(fields, clock, afterMs)).toISOString()
  } catch (error) {
    throw invalid(`"${cron}" names no time (${reasonOf(error)})`, error)
  }
}

/** Wall times are checked in order, which is the order of their moments except around a clock change. */
function firstMoment(fields: readonly string[], clock: WallClock, afterMs: number): number {
  const from = clock.shownAt(afterMs) - clock.changeAbout(afterMs)
  // UTC has no clock changes: the parser's own rules for them only support whole hours.
  const times = CronExpressionParser.parse(`0 ${fields.map(distinctField).join(' ')}`, {
    tz: 'UTC',
    // The first second of a minute may be it.
    currentDate: new Date(from - 1),
  })
  const isEveryHour = fields[1] === '*'
  let first = Number.POSITIVE_INFINITY
  for (let lastWall = first; ;) {
    const wall = times.next().getTime()
    if (wall > lastWall) return first
    const moments = clock.momentsOf(wall)
    for (const moment of isEveryHour ? moments : moments.slice(0, 1))
      if (moment > afterMs) first = Math.min(first, moment)
    if (first === Number.POSITIVE_INFINITY) continue
    const change = clock.changeAbout(first)
    if (change === 0) return first
    lastWall = Math.min(lastWall, wall + change)
  }
}

const fieldNames = ['minute', 'hour', 'dayOfMonth', 'month', 'dayOfWeek'] as const

/** Cron takes a value that is named twice (Sunday is 0 and 7); the parser does not. */
function distinctField(text: string, index: number): string {
  const name = fieldNames[index]
  const items = text.split(',')
  if (items.length === 1 || items.includes('*') || name === undefined) return text
  const values = items.flatMap((item) => {
    const alone = fieldNames.map((other) => (other === name ? item : '*')).join(' ')
    return CronExpressionParser.parse(`0 ${alone}`).fields[name].values.map(Number)
  })
  return [...new Set(name === 'dayOfWeek' ? values.map((day) => day % 7) : values)].join(',')
}

/** Names of days and months, but none of the parser's own extensions (`H`, `@daily`, seconds). */
const field = /^(?:[\d*,/-]|[A-Za-z]{3})+$/

function fieldsOf(cron: string): readonly string[] {
  const fields = cron.trim().split(/\s+/)
  if (fields.length !== 5)
    throw invalid(`"${cron}" has ${String(fields.length)} fields, and there are 5`)
  const wrong = fields.find((text) => !field.test(text))
  if (wrong !== undefined) throw invalid(`"${wrong}" is no field of a schedule`)
  return fields
}

function clockOf(timezone: string): WallClock {
  try {
    if (!/^[A-Za-z]/.test(timezone)) throw new RangeError('an offset')
    return new WallClock(timezone)
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
