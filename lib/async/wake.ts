/** For a loop that looks again after a while, or as soon as there is a reason. */
export class Wake {
  #isWanted = false
  #wake: (() => void) | undefined

  /** Ends the wait; if nobody waits, the next one. */
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
