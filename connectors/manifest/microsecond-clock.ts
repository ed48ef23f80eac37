/** A clock that is set back by more is followed: a token with a time of the future is refused. */
const maxWaitMicros = 1_000_000

/**
 * The time of day in whole microseconds, each one later than the one before, as Python's clock is: manifests take `now_utc()`
 * for (a part of) the key of a record. One per source: what two sources give at the same microsecond are keys of two streams.
 */
export class MicrosecondClock {
  readonly #nowMs: () => number
  readonly #elapsedMs: () => number
  /** When the millisecond that `nowMs` gives began, by `elapsedMs`. */
  #sinceMs = 0
  #millisecond = Number.NaN
  #last = 0

  /** @param nowMs the time of day; it sees no part of a millisecond, which `elapsedMs` does */
  constructor(nowMs: () => number, elapsedMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs
    this.#elapsedMs = elapsedMs
  }

  nowMicros(): number {
    const micros = this.#measure()
    const next = this.#last + 1
    this.#last = next - micros > maxWaitMicros ? micros : Math.max(micros, next)
    return this.#last
  }

  #measure(): number {
    const millisecond = Math.floor(this.#nowMs())
    const elapsedMs = this.#elapsedMs()
    if (millisecond !== this.#millisecond) {
      this.#millisecond = millisecond
      this.#sinceMs = elapsedMs
    }
    const micros = Math.floor((elapsedMs - this.#sinceMs) * 1000)
    return millisecond * 1000 + Math.min(micros, 999)
  }
}
