import { valueError } from '../../../value/python-error.ts'
import type { CallRatePolicy } from './call-rate-policy.ts'

/** Until a response says when the window ends. */
const FIRST_WINDOW_MICROS = 10 * 86_400 * 1e6

/** `FixedWindowCallRatePolicy`: a number of calls per period, all of them back at once when it ends. */
export class FixedWindowCallRatePolicy implements CallRatePolicy {
  readonly #limit: number
  readonly #periodMicros: number
  readonly #nowMicros: () => number
  #resetMicros: number
  #calls = 0

  constructor(window: {
    readonly limit: number
    readonly periodMicros: number
    readonly nowMicros: () => number
  }) {
    this.#limit = window.limit
    this.#periodMicros = window.periodMicros
    this.#nowMicros = window.nowMicros
    this.#resetMicros = window.nowMicros() + FIRST_WINDOW_MICROS
  }

  tryAcquire(weight: number): number | null {
    if (weight > this.#limit) throw valueError('Weight can not exceed the call limit')
    this.#beginWindow()
    if (this.#calls + weight > this.#limit) return (this.#resetMicros - this.#nowMicros()) / 1e6
    this.#calls += weight
    return null
  }

  /**
   * A lower number of calls left is believed, a higher one is not: the manifest may want less than the API
   * allows.
   */
  update(available: number | null, resetMicros: number | null): void {
    this.#beginWindow()
    if (available !== null && this.#limit - this.#calls > available)
      this.#calls = this.#limit - available
    if (resetMicros !== null) this.#resetMicros = resetMicros
  }

  #beginWindow(): void {
    if (this.#nowMicros() <= this.#resetMicros) return
    this.#resetMicros += this.#periodMicros
    this.#calls = 0
  }
}
