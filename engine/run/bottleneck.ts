/**
 * The stages of a record's path that can slow a stream down, in order. `exchange`: an overwrite puts its new
 * rows into the table.
 */
export const stages = ['source', 'encode', 'log', 'copy', 'merge', 'commit', 'exchange'] as const
export type Stage = (typeof stages)[number]

/** Wall seconds that the workers of a stream spent, summed over its lanes, in one stretch of time. */
export interface StageSeconds {
  /** Read workers: in the connector, … */
  readonly source: number
  /** … in the encoder, … */
  readonly encode: number
  /** … waiting for room in the log. */
  readonly logWrite: number
  /** Sink workers: waiting for the log, … */
  readonly logRead: number
  /** … making COPY text and sending it, … */
  readonly copy: number
  /** … merging staged rows, … */
  readonly merge: number
  /** … writing checkpoints and waiting for COMMIT. */
  readonly commit: number
}

export const noSeconds: StageSeconds = {
  source: 0,
  encode: 0,
  logWrite: 0,
  logRead: 0,
  copy: 0,
  merge: 0,
  commit: 0,
}

/**
 * The stage that the others wait for; undefined if nothing was measured.
 *
 * Both workers of a lane run all the time, so the one that waits less for the log is the slower one, and of
 * its stages the longest holds the stream up. If both wait most of their time, it is the log itself. A side
 * that reported nothing is taken to be what the other one waits for.
 */
export function bottleneckOf(seconds: StageSeconds): Stage | undefined {
  const { source, encode, logWrite, logRead, copy, merge, commit } = seconds
  const reading = busyShare(source + encode, logWrite)
  const loading = busyShare(copy + merge + commit, logRead)
  if (reading === undefined && loading === undefined) return undefined
  if (reading !== undefined && loading !== undefined && reading < 0.5 && loading < 0.5) return 'log'
  const read = reading ?? 1 - (loading ?? 0)
  const load = loading ?? 1 - (reading ?? 0)
  return load > read ? longest({ copy, merge, commit }) : longest({ source, encode })
}

/** The part of a side's time in which it did not wait for the log. */
function busyShare(busy: number, waiting: number): number | undefined {
  return busy + waiting > 0 ? busy / (busy + waiting) : undefined
}

/** The first one if all are 0: a side that is waited for and has reported nothing yet. */
function longest<Name extends Stage>(seconds: Readonly<Record<Name, number>>): Name | undefined {
  let best: Name | undefined
  for (const name in seconds) if (best === undefined || seconds[name] > seconds[best]) best = name
  return best
}
