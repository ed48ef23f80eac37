import type { StreamSlice } from '../../value/stream-slice.ts'

/** Slices that are made one by one: one can be looked at without being taken, and given back. */
export class SliceQueue {
  readonly #slices: AsyncIterator<StreamSlice>
  #next: StreamSlice | undefined

  constructor(slices: AsyncIterable<StreamSlice>) {
    this.#slices = slices[Symbol.asyncIterator]()
  }

  async hasNext(): Promise<boolean> {
    this.#next ??= await this.#pull()
    return this.#next !== undefined
  }

  async take(): Promise<StreamSlice | undefined> {
    const slice = this.#next ?? (await this.#pull())
    this.#next = undefined
    return slice
  }

  /** The slice that was taken last comes next. */
  giveBack(slice: StreamSlice): void {
    this.#next = slice
  }

  /** Frees what makes the slices if nobody wants the rest. */
  async close(): Promise<void> {
    await this.#slices.return?.()
  }

  async #pull(): Promise<StreamSlice | undefined> {
    const result = await this.#slices.next()
    return result.done === true ? undefined : result.value
  }
}
