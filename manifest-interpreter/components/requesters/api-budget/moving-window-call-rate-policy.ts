import { valueError } from '../../../value/python-error.ts'
import type { CallRatePolicy } from './call-rate-policy.ts'

export interface Rate {
  readonly limit: number
  readonly intervalMs: number
}

/** `MovingWindowCallRatePolicy`: a number of calls in any stretch of time, for each of its rates. */
export class MovingWindowCallRatePolicy implements CallRatePolicy {
  /** By interval, the shortest first. */
  readonly #rates: readonly Rate[]
  readonly #nowMicros: () => number
  /** When calls were made, in milliseconds, the oldest first; a call of weight n is in it n times. */
  #calls: number[] = []

  constructor(rates: readonly Rate[], nowMicros: () => number) {
    if (rates.length === 0) throw valueError('The list of rates can not be empty')
    this.#rates = rates.toSorted((left, right) => left.intervalMs - right.intervalMs)
    this.#nowMicros = nowMicros
  }

  tryAcquire(weight: number): number | null {
    const lowest = Math.min(...this.#rates.map(({ limit }) => limit))
    if (weight > lowest)
      throw valueError(`Weight can not exceed the lowest configured rate limit (${lowest})`)
    const now = this.#now()
    this.#forget(now)
    for (const rate of this.#rates) {
      if (this.#available(rate, now) < weight) return this.#waitMs(rate, { now, weight }) / 1000
    }
    this.#take(now, weight)
    return null
  }

  /** Only "none left" is believed: other counts do not say when the calls were made. */
  update(available: number | null, resetMicros: number | null): void {
    if (available !== 0 || resetMicros !== null) return
    const now = this.#now()
    const left = Math.min(...this.#rates.map((rate) => this.#available(rate, now)))
    if (left > 0) this.#take(now, left)
  }

  #now(): number {
    return Math.floor(this.#nowMicros() / 1000)
  }

  #take(now: number, weight: number): void {
    for (let call = 0; call < weight; call += 1) this.#calls.push(now)
  }

  #available({ limit, intervalMs }: Rate, now: number): number {
    return limit - (this.#calls.length - this.#firstSince(now - intervalMs))
  }

  /** Until the calls that are too many leave the window. */
  #waitMs(rate: Rate, { now, weight }: { readonly now: number; readonly weight: number }): number {
    const bound = this.#calls.at(-1 - (rate.limit - weight))
    return bound === undefined ? 0 : bound - (now - rate.intervalMs)
  }

  #forget(now: number): void {
    // The clock was set back: calls of the future would hold others up until it comes.
    if ((this.#calls.at(-1) ?? now) > now) this.#calls = this.#calls.filter((call) => call <= now)
    const longest = this.#rates.at(-1)?.intervalMs ?? 0
    const first = this.#firstSince(now - longest)
    if (first > 0) this.#calls = this.#calls.slice(first)
  }

  /** Index of the first call at or after a time. */
  #firstSince(time: number): number {
    let low = 0
    let high = this.#calls.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#calls[middle] ?? Infinity) < time) low = middle + 1
      else high = middle
    }
    return low
  }
}
