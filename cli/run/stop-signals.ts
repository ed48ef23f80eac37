import { exitCodes } from '../exit-codes.ts'

/** What `StopSignals` needs of `process`. */
export interface SignalSource {
  on(event: 'SIGINT' | 'SIGTERM', listener: () => void): unknown
  off(event: 'SIGINT' | 'SIGTERM', listener: () => void): unknown
  exit(code: number): void
}

/**
 * The first SIGINT or SIGTERM asks the run to stop at the next checkpoint; the second ends the process at once. What is
 * committed stays in both cases, and the next run goes on from there.
 */
export class StopSignals implements Disposable {
  readonly #source: SignalSource
  readonly #controller = new AbortController()
  readonly #onFirst: () => void

  constructor(source: SignalSource, onFirst: () => void) {
    this.#source = source
    this.#onFirst = onFirst
    source.on('SIGINT', this.#receive)
    source.on('SIGTERM', this.#receive)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** As the first signal does. */
  stop(): void {
    if (this.#controller.signal.aborted) return
    this.#controller.abort()
    this.#onFirst()
  }

  [Symbol.dispose](): void {
    this.#source.off('SIGINT', this.#receive)
    this.#source.off('SIGTERM', this.#receive)
  }

  readonly #receive = (): void => {
    if (this.#controller.signal.aborted) this.#source.exit(exitCodes.killed)
    else this.stop()
  }
}
