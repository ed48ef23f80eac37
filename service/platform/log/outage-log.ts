import type { Logger } from 'pino'

export interface OutageOptions {
  readonly logger: Logger
  /** The message while it fails. */
  readonly message: string
  /** The message when it works again. */
  readonly backMessage: string
  /** Default: a minute. */
  readonly everyMs?: number
  /** Milliseconds from a fixed time in the past. */
  now?(): number
}

/**
 * For work that is tried again and again while a server is away: the first failure is written at once, then
 * one line a minute with the number of failures since the last (`failures`), and one when the work succeeds
 * again.
 */
export class OutageLog {
  readonly #options: OutageOptions
  readonly #everyMs: number
  #beganMs: number | undefined
  #writtenMs = 0
  #failures = 0

  constructor(options: OutageOptions) {
    this.#options = options
    this.#everyMs = options.everyMs ?? 60_000
  }

  failed(facts: object): void {
    const { logger, message } = this.#options
    const nowMs = this.#now()
    this.#failures++
    if (this.#beganMs !== undefined && nowMs - this.#writtenMs < this.#everyMs) return
    const isFirst = this.#beganMs === undefined
    this.#beganMs ??= nowMs
    this.#writtenMs = nowMs
    logger.warn(isFirst ? facts : { ...facts, failures: this.#failures }, message)
    this.#failures = 0
  }

  worked(): void {
    if (this.#beganMs === undefined) return
    const { logger, backMessage } = this.#options
    logger.info({ seconds: Math.round((this.#now() - this.#beganMs) / 1000) }, backMessage)
    this.#beganMs = undefined
    this.#failures = 0
  }

  #now(): number {
    return this.#options.now?.() ?? performance.now()
  }
}
