import { numeric } from '../../value/number.ts'
import { requireHashable } from '../../value/hashable.ts'
import { repr } from '../../value/text.ts'
import type { Value } from '../../value/value.ts'

/** Values that were seen. It grows with each new value, as long as the slices of a stream are made. */
export class SeenValues {
  readonly #seen = new Set<string>()

  /** False if an equal value has been met before. Throws a TypeError of Python for lists, dicts and sets. */
  add(value: Value): boolean {
    requireHashable(value)
    const number = numeric(value)
    const key = number === undefined ? repr(value) : String(number)
    if (this.#seen.has(key)) return false
    this.#seen.add(key)
    return true
  }
}
