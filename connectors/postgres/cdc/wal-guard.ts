import type { SourceLag } from '../../connector.ts'

/** The sizes of a slot of the server at one moment, in bytes. */
export interface SlotSize {
  readonly atMs: number
  /** The log from what the destination has confirmed to its end. */
  readonly behind: number
  /** The log that the server keeps for the slot. */
  readonly kept: number
  /** The log that can still be written before the server gives the slot up; null: it never does. */
  readonly safe: number | null
}

export interface GuardLimits {
  /** The most log that the server may keep; undefined: as much as it likes. */
  readonly most: number | undefined
  /** A run that begins far behind catches up first. */
  readonly patienceMs: number
}

const slopeMs = 60_000
/** Warned of before the log is full, or the slot is lost. */
const warnSeconds = 3_600

/** Follows the size of a slot: how fast the kept log grows, and when it will be too much. Pure. */
export class WalGuard {
  readonly #limits: GuardLimits
  #sizes: SlotSize[] = []
  /** Since then, the kept log is beyond the limit and has not become less. */
  #overSince: number | undefined
  #lowest = Number.POSITIVE_INFINITY

  constructor(limits: GuardLimits) {
    this.#limits = limits
  }

  note(size: SlotSize): void {
    this.#sizes = [...this.#sizes.filter(({ atMs }) => size.atMs - atMs <= slopeMs), size]
    const { most = Number.POSITIVE_INFINITY } = this.#limits
    if (size.kept <= most || size.kept < this.#lowest) {
      this.#overSince = size.kept <= most ? undefined : size.atMs
      this.#lowest = size.kept <= most ? Number.POSITIVE_INFINITY : size.kept
    }
  }

  /** The feed must stop: the log is beyond the limit, and the run does not catch up. */
  get isOver(): boolean {
    const { patienceMs } = this.#limits
    const { atMs = 0 } = this.#sizes.at(-1) ?? {}
    return this.#overSince !== undefined && atMs - this.#overSince >= patienceMs
  }

  /** How much the kept log grows in a second. */
  get growth(): number {
    const [first] = this.#sizes
    const last = this.#sizes.at(-1)
    if (first === undefined || last === undefined || last.atMs === first.atMs) return 0
    return ((last.kept - first.kept) * 1000) / (last.atMs - first.atMs)
  }

  /** Until the limit, or the loss of the slot, if it goes on like this; undefined: it does not come. */
  get secondsLeft(): number | undefined {
    const last = this.#sizes.at(-1)
    const { growth } = this
    const { most } = this.#limits
    if (last === undefined || growth <= 0) return undefined
    const room = [
      ...(most === undefined ? [] : [most - last.kept]),
      ...(last.safe === null ? [] : [last.safe]),
    ]
    return room.length === 0 ? undefined : Math.max(0, Math.min(...room) / growth)
  }

  get isNear(): boolean {
    return (this.secondsLeft ?? Number.POSITIVE_INFINITY) < warnSeconds
  }
}

/** Moments and the ends of the log then: how old the oldest change is that is not confirmed. */
export class LagClock {
  #ends: { readonly atMs: number; readonly end: bigint }[] = []

  /** The age in seconds. `confirmed`: everything before it is at the destination. */
  age(
    atMs: number,
    { end, confirmed }: { readonly end: bigint; readonly confirmed: bigint },
  ): number {
    const last = this.#ends.at(-1)
    if (last === undefined || end > last.end) this.#ends.push({ atMs, end })
    // The end of the log that is confirmed says nothing of later changes.
    this.#ends = this.#ends.filter((seen) => seen.end > confirmed).slice(-mostEnds)
    const [oldest] = this.#ends
    return oldest === undefined ? 0 : (atMs - oldest.atMs) / 1000
  }
}

const mostEnds = 10_000

export function lagOf(size: SlotSize, seconds: number, guard: WalGuard): SourceLag {
  const { secondsLeft } = guard
  return {
    bytes: size.behind,
    seconds,
    keptBytes: size.kept,
    growthBytesPerSecond: guard.growth,
    ...(secondsLeft !== undefined && { secondsLeft }),
  }
}
