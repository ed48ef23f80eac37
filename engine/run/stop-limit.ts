import { stopGraceMs } from '../threads/main-side.ts'

/** A destination that does not respond, or where others hold locks, must not hold up a stop. */
export class StopLimit implements Disposable {
  readonly #stop: AbortSignal
  readonly #passed = new AbortController()
  #timer: NodeJS.Timeout | undefined

  /** @param stop the run is asked to stop */
  constructor(stop: AbortSignal) {
    this.#stop = stop
    stop.addEventListener('abort', this.#start, { once: true })
    if (stop.aborted) this.#start()
  }

  /** What is under way has had its time. */
  get passed(): AbortSignal {
    return this.#passed.signal
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#stop.removeEventListener('abort', this.#start)
  }

  readonly #start = (): void => {
    this.#timer ??= setTimeout(() => {
      this.#passed.abort()
    }, stopGraceMs)
  }
}
