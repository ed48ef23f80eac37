/** For a loop that runs after a pause, or as soon as there is a reason. */
export class Wake {
  #isWanted = false
  #wake: (() => void) | undefined

  /** Ends the wait; if nobody is waiting, the next one. */
  now(): void {
    this.#isWanted = true
    this.#wake?.()
  }

  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#isWanted && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<undefined>()
      const end = (): void => {
        resolve(undefined)
      }
      this.#wake = end
      const timer = setTimeout(end, ms)
      signal.addEventListener('abort', end)
      await promise
      signal.removeEventListener('abort', end)
      clearTimeout(timer)
    }
    this.#isWanted = false
  }
}
