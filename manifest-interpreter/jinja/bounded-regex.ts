import { createContext, Script, type Context } from 'node:vm'
import { limitError } from '../value/python-error.ts'
import type { Budget } from './budget.ts'
import type { RegexWork } from './regex-work.ts'

/** Steps of V8's engine that take a fifth of a second at most (100 million a second, 2026-11). */
const maxSteps = 20_000_000
const timeLimitMs = 500
/** Longest text that a regular expression is matched with. */
const maxSubjectLength = 1_000_000

interface Limits {
  readonly budget?: Budget
  readonly leftMs?: number | undefined
}

/**
 * A regular expression whose matching ends in time, for any pattern and text: if it might not, it runs under
 * a time limit. That costs 0.1 ms a call, which most patterns do not need.
 */
export class BoundedRegex {
  readonly #expression: RegExp
  readonly #work: RegexWork

  constructor(expression: RegExp, work: RegexWork) {
    this.#expression = expression
    this.#work = work
  }

  /**
   * Passes the expression, with the flags `g` and `v`, to `match`, which may use it for this text.
   * @param limits.budget is charged for the time that it takes
   * @param limits.leftMs ends it earlier than the usual limit
   */
  on<Result>(text: string, match: (expression: RegExp) => Result, limits: Limits = {}): Result {
    if (text.length > maxSubjectLength)
      throw limitError('The text is too long for a regular expression.')
    this.#expression.lastIndex = 0
    const run = (): Result => match(this.#expression)
    const startMs = performance.now()
    const result = this.#isQuick(text.length) ? run() : withinTime(run, limits.leftMs)
    limits.budget?.chargeTime(performance.now() - startMs)
    return result
  }

  test(text: string, leftMs?: number): boolean {
    return this.on(text, (expression) => expression.test(text), { leftMs })
  }

  #isQuick(textLength: number): boolean {
    const { loops, choices, isNested, length } = this.#work
    return !isNested && (textLength + 1) ** (loops + 1) * choices * length <= maxSteps
  }
}

/** V8 stops a regular expression only when a script's time is over: so a script calls what has to end. */
const script = new Script('run()')
let context: Context | undefined

function withinTime<Result>(run: () => Result, leftMs = timeLimitMs): Result {
  const limitMs = Math.ceil(Math.min(leftMs, timeLimitMs))
  context ??= createContext({})
  let result: { readonly value: Result } | undefined
  context.run = () => {
    result = { value: run() }
  }
  try {
    script.runInContext(context, { timeout: limitMs })
  } catch (error) {
    if (!isTimeout(error)) throw error
    throw limitError(
      `The regular expression takes more than ${limitMs} ms for this text. Avoid repetitions inside of repetitions, like (a+)+.`,
    )
  }
  if (result === undefined) throw new TypeError('The script did not run.')
  return result.value
}

/** It is an Error of the script's own realm. */
function isTimeout(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('code' in error)) return false
  return error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
}
