import { exitCodes } from '../exit-codes.ts'

/** SIGHUP: the terminal is closed. */
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
type StopSignal = (typeof stopSignals)[number]

/** What `StopSignals` needs of `process`. */
export interface SignalSource {
  on(event: StopSignal, listener: () => void): unknown
  off(event: StopSignal, listener: () => void): unknown
  exit(code: number): void
}

/**
 * The first SIGINT, SIGTERM or SIGHUP asks the run to stop at the next checkpoint; the second ends the process at once. What is
 * committed stays in both cases, and the next run goes on from there.
 */
export class StopSignals implements Disposable {
  readonly #source: SignalSource
  readonly #controller = new AbortController()
  readonly #onFirst: () => void

  constructor(source: SignalSource, onFirst: () => void) {
    this.#source = source
    this.#onFirst = onFirst
    for (const signal of stopSignals) source.on(signal, this.#receive)
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
    for (const signal of stopSignals) this.#source.off(signal, this.#receive)
  }

  readonly #receive = (): void => {
    if (this.#controller.signal.aborted) this.#source.exit(exitCodes.killed)
    else this.stop()
  }
}
