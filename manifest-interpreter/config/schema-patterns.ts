import type { BoundedRegex } from '../jinja/bounded-regex.ts'
import { compileRegex } from '../jinja/python-regex.ts'
import { limitError } from '../value/python-error.ts'
import type { Value } from '../value/value.ts'
import { ConfigError } from './config-error.ts'

/** For all texts of one walk through a schema. Patterns of real specs take microseconds each. */
const maxTotalMs = 1_000

/**
 * The regular expressions of a JSON schema during one walk through it: each is compiled once, and together
 * they get a limited time, because a schema is foreign text and the walk holds up the whole thread.
 */
export class SchemaPatterns {
  readonly #compiled = new Map<string, BoundedRegex>()
  #leftMs = maxTotalMs

  /**
   * Whether a regular expression of Python is found in a text.
   * @throws {ConfigError} for a pattern that cannot be used, and for each when the time is used up
   */
  isFound(pattern: Value, text: string): boolean {
    if (typeof pattern !== 'string') return true
    try {
      return this.#test(pattern, text)
    } catch (error) {
      throw new ConfigError('A JSON schema of the manifest has a pattern that cannot be used.', {
        cause: error,
      })
    }
  }

  #test(pattern: string, text: string): boolean {
    if (this.#leftMs <= 0)
      throw limitError(
        `The regular expressions of the schema take more than ${maxTotalMs} ms in total. Avoid repetitions inside of repetitions, like (a+)+.`,
      )
    const startMs = performance.now()
    try {
      return this.#regex(pattern).test(text, this.#leftMs)
    } finally {
      this.#leftMs -= performance.now() - startMs
    }
  }

  #regex(pattern: string): BoundedRegex {
    const known = this.#compiled.get(pattern)
    if (known !== undefined) return known
    const regex = compileRegex(pattern)
    this.#compiled.set(pattern, regex)
    return regex
  }
}
