import { exitCodes } from '../exit-codes.ts'

/** SIGHUP: the terminal is closed. */
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
type StopSignal = (typeof stopSignals)[number]

/** The part of `process` that `StopSignals` needs. */
export interface SignalSource {
  on(event: StopSignal, listener: () => void): unknown
  off(event: StopSignal, listener: () => void): unknown
  exit(code: number): void
}

/**
 * The terminal sends Ctrl-C to all processes in front, and npm sends what it gets to its child: the same
 * signal arrives twice.
 */
const sameSignalMs = 500

/**
 * The first SIGINT, SIGTERM or SIGHUP asks the run to stop at the next checkpoint; the second ends the
 * process at once. The same signal within half a second is not a second one. What is committed stays in both
 * cases, and the next run continues from there.
 */
export class StopSignals implements Disposable {
  readonly #source: SignalSource
  readonly #controller = new AbortController()
  readonly #onFirst: () => void
  readonly #listeners: ReadonlyMap<StopSignal, () => void>
  #first: { readonly kind: StopSignal; readonly atMs: number } | undefined

  constructor(
    source: SignalSource,
    onFirst: () => void,
    clock: { readonly now: () => number } = performance,
  ) {
    this.#source = source
    this.#onFirst = onFirst
    this.#listeners = new Map(
      stopSignals.map((kind) => [
        kind,
        () => {
          this.#receive({ kind, atMs: clock.now() })
        },
      ]),
    )
    for (const [signal, listener] of this.#listeners) source.on(signal, listener)
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
    for (const [signal, listener] of this.#listeners) this.#source.off(signal, listener)
  }

  #receive(received: { readonly kind: StopSignal; readonly atMs: number }): void {
    const first = this.#first
    this.#first ??= received
    if (!this.#controller.signal.aborted) {
      this.stop()
      return
    }
    const isSame = first?.kind === received.kind && received.atMs - first.atMs < sameSignalMs
    if (!isSame) this.#source.exit(exitCodes.killed)
  }
}
