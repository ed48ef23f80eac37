import { noSeconds, type StageSeconds } from './bottleneck.ts'

/**
 * Long enough to hold a few destination transactions (2 s each by default), short enough to follow a change.
 */
const windowMs = 6_000

const names = ['source', 'encode', 'logWrite', 'logRead', 'copy', 'merge', 'commit'] as const

interface Sample {
  readonly atMs: number
  readonly seconds: StageSeconds
}

/** The stage seconds of one stream over the last seconds. */
export class StageWindow {
  #total: StageSeconds = noSeconds
  #samples: Sample[] = []

  /** Differences may be negative: a sink worker learns only after a transaction how its time was spent. */
  add(seconds: Partial<StageSeconds>): void {
    const total = this.#total
    this.#total = secondsOf((name) => total[name] + (seconds[name] ?? 0))
  }

  /** The time that was added in the last seconds before `atMs` (which never goes back). */
  recent(atMs: number): StageSeconds {
    const samples = this.#samples
    samples.push({ atMs, seconds: this.#total })
    while ((samples[1]?.atMs ?? atMs) < atMs - windowMs) samples.shift()
    const first = samples[0]?.seconds ?? noSeconds
    return secondsOf((name) => Math.max(0, this.#total[name] - first[name]))
  }

  /** An attempt ended: the next attempt is judged by itself. */
  restart(): void {
    this.#samples = []
  }
}

function secondsOf(value: (name: (typeof names)[number]) => number): StageSeconds {
  const [source, encode, logWrite, logRead, copy, merge, commit] = [
    value('source'),
    value('encode'),
    value('logWrite'),
    value('logRead'),
    value('copy'),
    value('merge'),
    value('commit'),
  ]
  return { source, encode, logWrite, logRead, copy, merge, commit }
}
