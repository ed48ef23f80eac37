/** Collects the conditions of a list and the values that are bound in them. */
export class Conditions {
  readonly values: unknown[]
  #and = ''

  /** @param values those of other conditions of the same statement */
  constructor(values: unknown[] = []) {
    this.values = values
  }

  /** `column =` and the like; skipped if the value is null or undefined. `end` follows the value. */
  add(comparison: string, value: unknown, end = ''): this {
    if (value === undefined || value === null) return this
    this.values.push(value)
    this.#and += ` AND ${comparison} $${String(this.values.length)}${end}`
    return this
  }

  /** A condition without values of its own. */
  require(condition: string): this {
    this.#and += ` AND ${condition}`
    return this
  }

  /** The conditions after a first one: ` AND …`, or nothing. */
  get and(): string {
    return this.#and
  }
}

/**
 * For RETURNING: notifies the listeners of the channel when the statement commits. `payload`: an expression.
 */
export function notifying(channel: string, payload: string): string {
  return `pg_notify('${channel}', ${payload})::text`
}

/**
 * For functions that look into JSON: they reject an escaped NUL and an escaped half of a surrogate pair,
 * which `json` itself stores. Both become U+FFFD.
 */
export function plainJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(/\\\\|\\u0000|\\ud[89a-f][0-9a-f]{2}/g, (escape) =>
    escape === '\\\\' ? escape : '\uFFFD',
  )
}
