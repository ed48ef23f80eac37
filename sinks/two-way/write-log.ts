import { sameValue, valueOf, type LinkedSide, type ReplacedState, type Values } from './link.ts'

interface LogTimes {
  readonly nowMs: number
  readonly lagMs: number
}

/**
 * The write log of a side with values that newer ones have replaced. A late read that shows one of them is
 * not an edit. Entries go when no read can be so late any more.
 * @param replaced each null: the record did not exist
 */
export function logReplaced(
  side: LinkedSide,
  replaced: readonly (Values | null)[],
  { nowMs, lagMs }: LogTimes,
): readonly ReplacedState[] {
  const alive = aliveStates(side, nowMs)
  if (lagMs === 0) return alive
  const entries = replaced.map((values) => ({ values, untilMs: nowMs + lagMs }))
  return [...alive, ...entries].slice(-maxEntries)
}

/** The change of a side whose record is known to be gone. A late read that shows it is no undelete. */
export function goneSide(
  side: LinkedSide,
  times: LogTimes,
): Pick<LinkedSide, 'presence' | 'replaced'> {
  if (side.presence === 'deleted' || side.id === null)
    return { presence: 'deleted', replaced: side.replaced }
  return { presence: 'deleted', replaced: logReplaced(side, [side.base ?? {}], times) }
}

/** The old values of the fields that differ between two bases; null: there was no record before. */
export function replacedValues(before: Values | null, after: Values): Values | null {
  if (before === null) return null
  const names = Object.keys(after).filter(
    (name) => !sameValue(valueOf(before, name), valueOf(after, name)),
  )
  return Object.fromEntries(names.map((name) => [name, valueOf(before, name)]))
}

export function aliveStates({ replaced }: LinkedSide, nowMs: number): readonly ReplacedState[] {
  return replaced.filter(({ untilMs }) => untilMs > nowMs)
}

/** Whether values show something that was replaced lately, instead of what replaced it. */
export function showsReplaced(side: LinkedSide, values: Values, nowMs: number): boolean {
  return aliveStates(side, nowMs).some((state) =>
    Object.entries(state.values ?? {}).some(
      ([name, old]) =>
        sameValue(valueOf(values, name), old) && !sameValue(valueOf(side.base ?? {}, name), old),
    ),
  )
}

/** More changes of one record within the lag are a storm, which the loop breaker ends. */
const maxEntries = 30
