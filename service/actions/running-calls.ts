import { once } from 'node:events'

/**
 * The time that a call at the vendor has to end after the service was asked to stop. Runs that drain
 * afterwards may take longer.
 */
export const sentGraceMs = 5_000

/** The calls that are carried out, and what the end of the service means for them. */
export class RunningCalls {
  readonly #stop = new AbortController()
  readonly #cut = new AbortController()
  readonly #running = new Set<Promise<unknown>>()
  readonly #graceMs: number

  constructor({ graceMs }: { readonly graceMs: number }) {
    this.#graceMs = graceMs
  }

  /** Aborted when the service stops: calls that are not yet at a vendor end, and are not sent. */
  get stopping(): AbortSignal {
    return this.#stop.signal
  }

  /** Aborted some seconds later: calls that are still at a vendor are given up. */
  get cut(): AbortSignal {
    return this.#cut.signal
  }

  /** A call, until its outcome is stored. */
  async track<Result>(call: Promise<Result>): Promise<Result> {
    this.#running.add(call)
    try {
      return await call
    } finally {
      this.#running.delete(call)
    }
  }

  /**
   * Resolves when the signal is aborted and the calls of that moment have ended. The store must be open until
   * then.
   */
  readonly drain = async (signal: AbortSignal): Promise<void> => {
    if (!signal.aborted) await once(signal, 'abort')
    this.#stop.abort()
    const cut = setTimeout(() => {
      this.#cut.abort()
    }, this.#graceMs)
    await Promise.allSettled(this.#running)
    clearTimeout(cut)
    // A client that is opened from now on sends nothing.
    this.#cut.abort()
  }
}
