import type { ConnectError } from '../../protocol/index.ts'
import type { SideName } from '../../sinks/two-way/link.ts'
import type { FollowEvents } from './pair-side.ts'
import type { SyncContext } from './pair-types.ts'
import { PairRounds, type PairReport } from './sync-pair.ts'

export interface FollowOptions {
  /** A sweep begins that long after the last one has ended: it is what finds everything. */
  readonly sweepMs: number
  /** A side is asked for its changes so often. Undefined: it says by itself when there are some. */
  readonly pollMs: Readonly<Record<SideName, number | undefined>>
  /** Called after each round. */
  readonly onRound: (report: PairReport) => void | Promise<void>
}

/** Records that were changed while they were written, or writes without a result, are looked at again. */
const againMs = 1_000

/**
 * Keeps a pair the same until it is stopped: a sweep, then changes as the sides report them, and a sweep
 * from time to time. Throws the error of a side that is lost; then a new run begins with a sweep, and nothing
 * is missed.
 */
export async function followPair(context: SyncContext, options: FollowOptions): Promise<void> {
  const { sides, signal } = context
  using agenda = new Agenda(signal)
  for (const side of sideNames) {
    await sides[side].follow?.(agenda.eventsOf(side))
    const pollMs = options.pollMs[side]
    if (pollMs !== undefined) agenda.poll(side, pollMs)
  }
  const rounds = new PairRounds(context)
  while (!signal.aborted) {
    const next = await agenda.next()
    if (next === undefined) return
    const report = await rounds.run(next)
    if (next.finds === 'sweep') agenda.sweepIn(options.sweepMs)
    if (hasRest(report)) agenda.lookAgainIn(againMs)
    await options.onRound(report)
  }
}

const sideNames = ['a', 'b'] as const

type Next = { readonly finds: 'sweep' } | { readonly finds: 'changes'; readonly asks: SideName[] }

/** The rounds that are due, and whoever waits for the next one. */
class Agenda implements Disposable {
  readonly #signal: AbortSignal
  readonly #asks = new Set<SideName>()
  readonly #timers = new Map<string, NodeJS.Timeout>()
  #isSweepDue = true
  #hasRest = false
  #failure: ConnectError | undefined
  #wake = (): void => undefined

  constructor(signal: AbortSignal) {
    this.#signal = signal
    signal.addEventListener('abort', this.#onAbort)
  }

  readonly #onAbort = (): void => {
    this.#wake()
  }

  eventsOf(side: SideName): FollowEvents {
    return {
      changed: () => {
        this.#asks.add(side)
        this.#wake()
      },
      missed: () => {
        this.#isSweepDue = true
        this.#wake()
      },
      failed: (error) => {
        this.#failure ??= error
        this.#wake()
      },
    }
  }

  poll(side: SideName, everyMs: number): void {
    const timer = setInterval(() => {
      this.#asks.add(side)
      this.#wake()
    }, everyMs)
    this.#timers.set(`poll ${side}`, timer)
  }

  sweepIn(ms: number): void {
    this.#later('sweep', ms, () => {
      this.#isSweepDue = true
    })
  }

  lookAgainIn(ms: number): void {
    this.#later('again', ms, () => {
      this.#hasRest = true
    })
  }

  #later(name: string, ms: number, act: () => void): void {
    clearTimeout(this.#timers.get(name))
    const timer = setTimeout(() => {
      act()
      this.#wake()
    }, ms)
    this.#timers.set(name, timer)
  }

  /** Undefined when the run is stopped. Throws the error of a side that is lost. */
  async next(): Promise<Next | undefined> {
    for (;;) {
      if (this.#signal.aborted) return undefined
      if (this.#failure !== undefined) throw this.#failure
      if (this.#isSweepDue) {
        this.#isSweepDue = false
        return { finds: 'sweep' }
      }
      if (this.#asks.size > 0 || this.#hasRest) {
        const asks = [...this.#asks]
        this.#asks.clear()
        this.#hasRest = false
        return { finds: 'changes', asks }
      }
      const woken = Promise.withResolvers<undefined>()
      this.#wake = () => {
        woken.resolve(undefined)
      }
      await woken.promise
    }
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener('abort', this.#onAbort)
    for (const timer of this.#timers.values()) clearInterval(timer)
  }
}

function hasRest({ streams }: PairReport): boolean {
  return [...streams.values()].some(({ changed, unknown }) => changed + unknown > 0)
}
