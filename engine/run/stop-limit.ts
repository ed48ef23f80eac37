import { stopGraceMs } from '../threads/main-side.ts'

/** A destination that does not respond, or whose locks others hold, must not hold up a stop. */
export class StopLimit implements Disposable {
  readonly #stop: AbortSignal
  readonly #passed = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #last: AbortSignal | undefined

  /** @param stop the run is asked to stop */
  constructor(stop: AbortSignal) {
    this.#stop = stop
    stop.addEventListener('abort', this.#start, { once: true })
    if (stop.aborted) this.#start()
  }

  /** Aborted when the work in progress has had its time. */
  get passed(): AbortSignal {
    return this.#passed.signal
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#stop.removeEventListener('abort', this.#start)
    this.#last?.removeEventListener('abort', this.#end)
  }

  /** From now on, whether or not the run is asked to stop. */
  endWith(timeout: AbortSignal): void {
    if (this.#last === timeout) return
    this.#last = timeout
    clearTimeout(this.#timer)
    timeout.addEventListener('abort', this.#end, { once: true })
  }

  readonly #end = (): void => {
    this.#passed.abort()
  }

  readonly #start = (): void => {
    if (this.#last === undefined) this.#timer ??= setTimeout(this.#end, stopGraceMs)
  }
}
