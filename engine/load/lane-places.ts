/**
 * The sessions of the lanes of a feed, a few at a time: most streams have nothing to load most of the time.
 * If no lane gives one back for a while, more are opened, and twice as many each time: the lanes that have
 * one may wait for the end of a transaction that the waiting ones hold up.
 */
export class LanePlaces {
  readonly #limit: number
  readonly #patienceMs: number
  #used = 0
  readonly #waiting: (() => void)[] = []
  /** Lanes that have a session and nothing to load: each call closes one. */
  readonly #idle = new Set<() => void>()
  #timer: NodeJS.Timeout | undefined
  #opensMore = 1

  constructor({ limit, patienceMs }: { readonly limit: number; readonly patienceMs: number }) {
    this.#limit = limit
    this.#patienceMs = patienceMs
  }

  /** The lane may open its session. */
  async acquire(): Promise<void> {
    if (this.#used < this.#limit) {
      this.#used += 1
      return
    }
    const { promise, resolve } = Promise.withResolvers<undefined>()
    this.#waiting.push(() => {
      resolve(undefined)
    })
    this.#timer ??= setTimeout(this.#openMore, this.#patienceMs)
    const [close] = this.#idle
    if (close !== undefined) {
      this.#idle.delete(close)
      close()
    }
    await promise
  }

  /** The lane has closed its session. */
  release(): void {
    this.#used -= 1
    this.#opensMore = 1
    clearTimeout(this.#timer)
    if (this.#used < this.#limit) this.#admit()
    this.#timer =
      this.#waiting.length === 0 ? undefined : setTimeout(this.#openMore, this.#patienceMs)
  }

  readonly #openMore = (): void => {
    for (let more = 0; more < this.#opensMore; more += 1) this.#admit()
    this.#opensMore *= 2
    this.#timer =
      this.#waiting.length === 0 ? undefined : setTimeout(this.#openMore, this.#patienceMs)
  }

  #admit(): void {
    const next = this.#waiting.shift()
    if (next === undefined) return
    this.#used += 1
    next()
  }

  /** The lane has nothing to load, and can be closed. Returns false if it is to be closed at once. */
  noteIdle(close: () => void): boolean {
    if (this.#waiting.length > 0) return false
    this.#idle.add(close)
    return true
  }

  noteBusy(close: () => void): void {
    this.#idle.delete(close)
  }
}
