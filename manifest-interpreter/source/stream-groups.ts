import type { Stream } from '../contracts.ts'

/**
 * Hands out the streams of a read in order. A stream of a group waits while another of its group is read, or
 * while one of its parents that has a group is; others go first then.
 */
export class StreamGroups {
  readonly #waiting: Stream[]
  readonly #byName: ReadonlyMap<string, Stream>
  /** Streams that are read, for themselves or as a parent. */
  readonly #active = new Set<string>()
  #changed = Promise.withResolvers<undefined>()

  constructor(streams: readonly Stream[]) {
    this.#waiting = [...streams]
    this.#byName = new Map(streams.map((stream) => [stream.name, stream]))
  }

  /** The next stream that may begin, null when there is none left. */
  async next(): Promise<Stream | null> {
    while (this.#waiting.length > 0) {
      const index = this.#waiting.findIndex((stream) => !this.#isBlocked(stream))
      const stream = this.#waiting[index]
      if (stream !== undefined) {
        this.#waiting.splice(index, 1)
        this.#begin(stream)
        return stream
      }
      await this.#changed.promise
    }
    return null
  }

  /** The slices of the stream are known: its parents are no longer read for it. */
  generated(stream: Stream): void {
    for (const parent of parentsOf(stream)) this.#active.delete(parent.name)
    this.#notify()
  }

  ended(stream: Stream): void {
    this.#active.delete(stream.name)
    this.#notify()
  }

  #begin(stream: Stream): void {
    this.#active.add(stream.name)
    for (const parent of parentsOf(stream))
      if (this.#groupOf(parent.name) !== '') this.#active.add(parent.name)
  }

  #isBlocked(stream: Stream): boolean {
    const group = stream.blockSimultaneousRead
    const active = [...this.#active]
    if (group !== '' && active.some((name) => this.#groupOf(name) === group)) return true
    return parentsOf(stream).some(
      ({ name }) => this.#groupOf(name) !== '' && this.#active.has(name),
    )
  }

  #groupOf(name: string): string {
    return this.#byName.get(name)?.blockSimultaneousRead ?? ''
  }

  #notify(): void {
    this.#changed.resolve(undefined)
    this.#changed = Promise.withResolvers<undefined>()
  }
}

/** Parents, their parents, and so on. */
export function parentsOf(stream: Stream): readonly Stream[] {
  const parents = stream.partitionRouter?.parents() ?? []
  return [...parents, ...parents.flatMap(parentsOf)]
}
