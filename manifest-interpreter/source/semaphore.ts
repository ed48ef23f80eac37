/** A number of slots; who finds none waits in line. */
export class Semaphore {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(slots: number) {
    this.#free = slots
  }

  async acquire(): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1
      return
    }
    const slot = Promise.withResolvers<undefined>()
    this.#waiting.push(() => {
      slot.resolve(undefined)
    })
    await slot.promise
  }

  release(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free += 1
    else next()
  }
}
