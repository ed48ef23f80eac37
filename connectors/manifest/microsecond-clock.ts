/** If the clock is set back by more, it is followed: a token with a future time would be refused. */
const maxWaitMicros = 1_000_000

/**
 * The time of day in whole microseconds, always increasing, as Python's clock is: manifests use `now_utc()`
 * for (a part of) the key of a record. One per source: equal values of two sources are keys of two streams.
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
