/** What waits for the next batch. */
interface Waiting<Item, Result> {
  readonly item: Item
  readonly turn: PromiseWithResolvers<Result>
}

/**
 * Does the same work for many items at once: what comes while a batch is on its way forms the next one. An item that comes alone waits for
 * nothing. If a batch fails, each of its items is tried alone, so that none fails because of another: the work must bear a repetition.
 */
export class Batches<Item, Result> {
  readonly #work: (items: readonly Item[]) => Promise<readonly Result[]>
  readonly #most: number
  #waiting: Waiting<Item, Result>[] = []
  #isBusy = false

  /**
   * @param work gives one result for each item, in their order
   * @param most items of a batch
   */
  constructor(work: (items: readonly Item[]) => Promise<readonly Result[]>, most = 100) {
    this.#work = work
    this.#most = most
  }

  add(item: Item): Promise<Result> {
    const turn = Promise.withResolvers<Result>()
    this.#waiting.push({ item, turn })
    if (!this.#isBusy) void this.#workOff()
    return turn.promise
  }

  async #workOff(): Promise<void> {
    this.#isBusy = true
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, this.#most)
      this.#waiting = this.#waiting.slice(this.#most)
      await this.#do(batch)
    }
    this.#isBusy = false
  }

  async #do(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#work(batch.map(({ item }) => item))
      if (results.length !== batch.length)
        throw new TypeError(`${String(results.length)} results of ${String(batch.length)} items`)
      for (const [place, { turn }] of batch.entries()) turn.resolve(results[place] as Result)
    } catch (error) {
      if (batch.length > 1) await Promise.all(batch.map((alone) => this.#do([alone])))
      else for (const { turn } of batch) turn.reject(error)
    }
  }
}

/**
 * Looks rows up by their keys, many at once.
 * @param read gives the rows that there are, in any order
 */
export function lookUps<Found>(
  read: (keys: readonly string[]) => Promise<readonly Found[]>,
  keyOf: (found: Found) => string,
): Batches<string, Found | undefined> {
  return new Batches(async (keys) => {
    const found = new Map((await read([...new Set(keys)])).map((one) => [keyOf(one), one]))
    return keys.map((key) => found.get(key))
  })
}
