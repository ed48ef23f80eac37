/** An item that waits for the next batch. */
interface Waiting<Item, Result> {
  readonly item: Item
  readonly turn: PromiseWithResolvers<Result>
}

export interface BatchOptions<Item> {
  /** Items of a batch. Default 100. */
  readonly most?: number
  /** Batches on their way at the same time. Default 1. */
  readonly parallel?: number
  /**
   * A batch waits until it has this number of items, but not beyond the current turn of the event loop.
   * Default 1: it does not wait.
   */
  readonly fill?: number
  /** A batch ends before the item that would make it larger; one item may be. Default: no bound. */
  readonly bytes?: { readonly most: number; readonly of: (item: Item) => number }
  /** Whether the items alone would fail too: then they are not tried. Default: none. */
  readonly failsTogether?: (error: unknown) => boolean
}

/**
 * Does the same work for many items at once: what comes while a batch is on its way forms the next one. An
 * item that comes alone waits for nothing. If a batch fails, each of its items is tried alone, so that none
 * fails because of another: the work must bear a repetition.
 */
export class Batches<Item, Result> {
  readonly #work: (items: readonly Item[]) => Promise<readonly Result[]>
  readonly #options: BatchOptions<Item>
  #waiting: Waiting<Item, Result>[] = []
  #busy = 0
  #isFilling = false

  /**
   * @param work gives one result for each item, in their order
   */
  constructor(
    work: (items: readonly Item[]) => Promise<readonly Result[]>,
    options: BatchOptions<Item> = {},
  ) {
    this.#work = work
    this.#options = options
  }

  add(item: Item): Promise<Result> {
    const turn = Promise.withResolvers<Result>()
    this.#waiting.push({ item, turn })
    if (this.#waiting.length >= (this.#options.fill ?? 1)) this.#begin()
    else if (!this.#isFilling) this.#beginSoon()
    return turn.promise
  }

  #begin(): void {
    if (this.#waiting.length > 0 && this.#busy < (this.#options.parallel ?? 1)) void this.#workOff()
  }

  #beginSoon(): void {
    this.#isFilling = true
    setImmediate(() => {
      this.#isFilling = false
      this.#begin()
    })
  }

  async #workOff(): Promise<void> {
    this.#busy += 1
    while (this.#waiting.length > 0) {
      const size = this.#nextSize()
      const batch = this.#waiting.slice(0, size)
      this.#waiting = this.#waiting.slice(size)
      await this.#do(batch)
    }
    this.#busy -= 1
  }

  #nextSize(): number {
    const { most = 100, bytes } = this.#options
    const size = Math.min(most, this.#waiting.length)
    if (bytes === undefined) return size
    let sum = 0
    const end = this.#waiting
      .slice(0, size)
      .findIndex(({ item }, place) => (sum += bytes.of(item)) > bytes.most && place > 0)
    return end === -1 ? size : end
  }

  async #do(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#work(batch.map(({ item }) => item))
      if (results.length !== batch.length)
        throw new TypeError(`${String(results.length)} results of ${String(batch.length)} items`)
      for (const [place, { turn }] of batch.entries()) turn.resolve(results[place] as Result)
    } catch (error) {
      const isLast = batch.length === 1 || this.#options.failsTogether?.(error) === true
      if (isLast) for (const { turn } of batch) turn.reject(error)
      else await Promise.all(batch.map((alone) => this.#do([alone])))
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
    const found = new Map((await read([...new Set(keys)])).map((item) => [keyOf(item), item]))
    return keys.map((key) => found.get(key))
  })
}
