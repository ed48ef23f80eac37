import { parseIsoDuration } from '../../datetime/iso-duration.ts'
import { compareDateTimes, PyTimeDelta, type PyDateTime } from '../../value/py-datetime.ts'
import { addToDateTime, elapsed } from '../../value/time-arithmetic.ts'
import type { Window } from './cursor-windows.ts'

/** The two halves of a window, a unit of granularity apart; null where it is as small as it can be. */
export function halveWindow(
  [start, end]: Window<PyDateTime>,
  granularity: PyTimeDelta | null,
  minimum: string | null,
): readonly Window<PyDateTime>[] | null {
  if (granularity === null || granularity.isCalendar || granularity.micros <= 0n) return null
  if (compareDateTimes(start, end) >= 0) return null
  const span = elapsed(end, start).micros
  if (minimum !== null && span <= parseIsoDuration(minimum).micros) return null
  const unit = granularity.micros
  const units = span / unit + 1n
  if (units <= 1n) return null
  const firstEnd = addToDateTime(start, new PyTimeDelta((units / 2n - 1n) * unit))
  const secondStart = addToDateTime(firstEnd, granularity)
  if (compareDateTimes(secondStart, end) > 0) return null
  return [
    [start, firstEnd],
    [secondStart, end],
  ]
}
