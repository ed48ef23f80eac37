/** Steps on their way at the same time: while one is stored, the next one is sent. */
const mostFlights = 2

interface Flight {
  readonly keys: ReadonlySet<string>
  /** Never rejects. */
  readonly landed: Promise<void>
}

/** Steps of a lane that are on their way: a few at a time, and no two of them with the same record. */
export class Flights {
  #flying: readonly Flight[] = []
  #failure: { readonly error: unknown } | undefined

  /** Resolves when the work has begun. Throws the failure of an earlier one. */
  async begin(keys: ReadonlySet<string>, work: () => Promise<void>): Promise<void> {
    for (const { keys: others, landed } of this.#flying) if (sharesKey(others, keys)) await landed
    while (this.#flying.length >= mostFlights) await this.#flying[0]?.landed
    this.#throwFailure()
    const landed = work().then(
      () => {
        this.#flying = this.#flying.filter((flight) => flight.keys !== keys)
      },
      (error: unknown) => {
        this.#failure ??= { error }
        this.#flying = this.#flying.filter((flight) => flight.keys !== keys)
      },
    )
    this.#flying = [...this.#flying, { keys, landed }]
  }

  /** Resolves when nothing is on its way. Throws the first failure. */
  async land(): Promise<void> {
    await this.#wait()
    this.#throwFailure()
  }

  /** The same, and forgets failures. */
  async forget(): Promise<void> {
    await this.#wait()
    this.#failure = undefined
  }

  async #wait(): Promise<void> {
    await Promise.all(this.#flying.map(({ landed }) => landed))
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}

function sharesKey(left: ReadonlySet<string>, right: ReadonlySet<string>): boolean {
  for (const key of right) if (left.has(key)) return true
  return false
}
