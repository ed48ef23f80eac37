import type { Logger } from 'pino'

export interface LimitedLine {
  readonly level: 'warn' | 'error'
  readonly facts: object
  readonly message: string
}

interface Cause {
  last: LimitedLine
  leftOut: number
}

const defaultIntervalMs = 10_000

/**
 * For what may fail thousands of times a second for one cause: the first line of a cause is written at once,
 * then one in an interval, with the number of those that were left out since (`left_out`).
 */
export class LimitedLog {
  readonly #logger: Logger
  readonly #intervalMs: number
  /** Those of which a line was written in the last interval. */
  readonly #causes = new Map<string, Cause>()

  constructor(logger: Logger, intervalMs = defaultIntervalMs) {
    this.#logger = logger
    this.#intervalMs = intervalMs
  }

  line(cause: string, line: LimitedLine): void {
    const known = this.#causes.get(cause)
    if (known !== undefined) {
      known.last = line
      known.leftOut++
      return
    }
    this.#logger[line.level](line.facts, line.message)
    const begun: Cause = { last: line, leftOut: 0 }
    this.#causes.set(cause, begun)
    const timer = setInterval(() => {
      const { last, leftOut } = begun
      begun.leftOut = 0
      if (leftOut > 0) {
        this.#logger[last.level]({ ...last.facts, left_out: leftOut - 1 }, last.message)
        return
      }
      clearInterval(timer)
      this.#causes.delete(cause)
    }, this.#intervalMs)
    timer.unref()
  }
}
