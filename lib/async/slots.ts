/** Lets a fixed number of tasks run at once; the others wait in line, first come, first served. */
export class Slots {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(slots: number) {
    this.#free = slots
  }

  /** How many wait in line. */
  get waiting(): number {
    return this.#waiting.length
  }

  async run<Result>(task: () => Promise<Result>): Promise<Result> {
    await this.acquire()
    try {
      return await task()
    } finally {
      this.release()
    }
  }

  /** Resolves when the caller has a slot, which it must give back with `release`. */
  async acquire(): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1
      return
    }
    const turn = Promise.withResolvers<undefined>()
    this.#waiting.push(() => {
      turn.resolve(undefined)
    })
    await turn.promise
  }

  /** Hands the slot to the caller that has waited longest. */
  release(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free += 1
    else next()
  }
}

/** Runs one task at a time, in the order in which they came. */
export class Mutex extends Slots {
  constructor() {
    super(1)
  }
}
