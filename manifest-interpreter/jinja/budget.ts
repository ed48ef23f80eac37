import { limitError } from '../value/python-error.ts'
import type { Operand } from './operand.ts'

/** How attributes and keys are looked up: given to what would else import its own importers. */
export interface Lookup {
  attribute(object: Operand, name: string, budget: Budget): Operand
  item(object: Operand, key: Operand, budget: Budget): Operand
}

/**
 * How much one evaluation may do, so that no template runs without end: about a second. Steps are turns of
 * loops, calls, items that a filter walks, and each 64 characters of a text that is made.
 */
const maxSteps = 1_000_000
/** Macros that call macros. */
const maxCalls = 100

export class Budget {
  readonly lookup: Lookup
  #steps = 0
  #calls = 0

  constructor(lookup: Lookup) {
    this.lookup = lookup
  }

  charge(steps: number): void {
    this.#steps += steps
    if (this.#steps > maxSteps) throw limitError('The template does too much work.')
  }

  chargeText(length: number): void {
    this.charge(1 + (length >> 6))
  }

  /** A step is worth about a microsecond. */
  chargeTime(durationMs: number): void {
    this.charge(Math.ceil(durationMs * 1000))
  }

  /** Runs what may run itself again. */
  nested<Result>(run: () => Result): Result {
    if (++this.#calls > maxCalls) throw limitError('The template calls itself too deeply.')
    try {
      return run()
    } finally {
      this.#calls--
    }
  }
}
