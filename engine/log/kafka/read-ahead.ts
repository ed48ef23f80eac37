import type { Fetched, FetchedBatch, PartitionFetcher } from '../../../kafka/partition-fetcher.ts'
import type { MessageCursor } from '../../../kafka/record-batch/message-cursor.ts'

/**
 * The limit for what is decompressed ahead of the reader and what the reader's caller holds: above it,
 * nothing more is decompressed unless the reader waits.
 */
const maxBytes = 8 * 1024 * 1024
/**
 * After a smaller response there is little to win by fetching ahead, since the reader is as fast as the
 * writer; and a fetch that waits when the reader ends costs the next reader of the thread a connection.
 */
const aheadBytes = 64 * 1024

/**
 * Fetches and decompresses ahead of a reader. Bounded by the bytes in the open, which may be many times those
 * that were fetched: batches wait compressed, one response of the broker of them, and are opened one by one.
 */
export class ReadAhead {
  readonly #fetcher: PartitionFetcher
  readonly #lost: (offset: bigint) => Promise<Error>
  #offset: bigint
  #compressed: FetchedBatch[] = []
  #open: MessageCursor[] = []
  #openBytes = 0
  #heldBytes = 0
  /** The size of the last response, compressed. */
  #fetchedBytes = 0
  #waiting: PromiseWithResolvers<undefined> | undefined
  #running: Promise<void> | undefined
  #failure: { readonly error: unknown } | undefined
  #stopped = false

  /**
   * `first`: the messages that were fetched already. `lost`: the error for an offset that the log does not
   * hold.
   */
  constructor(dependencies: {
    readonly fetcher: PartitionFetcher
    readonly first: Fetched
    readonly lost: (offset: bigint) => Promise<Error>
  }) {
    this.#fetcher = dependencies.fetcher
    this.#offset = dependencies.first.next
    this.#lost = dependencies.lost
    this.#add(dependencies.first)
  }

  /** The next batch, if it is here; its messages are the caller's. */
  take(): MessageCursor | undefined {
    const cursor = this.#open.shift()
    if (cursor !== undefined) this.#openBytes -= cursor.bytes.length
    return cursor
  }

  /** This many bytes of what was taken are still in use. */
  hold(bytes: number): void {
    this.#heldBytes = bytes
    this.#run()
  }

  /** Resolves when there is a batch to take, or the signal is aborted. Throws the error of reading ahead. */
  async waitForArrival(signal: AbortSignal): Promise<void> {
    if (this.#open.length > 0 || signal.aborted) return
    if (this.#failure !== undefined) throw this.#failure.error
    const waiting = Promise.withResolvers<undefined>()
    this.#waiting = waiting
    this.#run()
    const wake = (): void => {
      waiting.resolve(undefined)
    }
    signal.addEventListener('abort', wake, { once: true })
    await waiting.promise
    signal.removeEventListener('abort', wake)
    this.#waiting = undefined
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  #run(): void {
    if (this.#running !== undefined || this.#failure !== undefined || this.#stopped) return
    if (!this.#wantsMore()) return
    this.#running = this.#fill()
      .catch((error: unknown) => {
        this.#failure = { error }
      })
      .finally(() => {
        this.#running = undefined
        this.#waiting?.resolve(undefined)
      })
  }

  async #fill(): Promise<void> {
    while (!this.#stopped && this.#wantsMore()) {
      const [batch] = this.#compressed
      if (batch === undefined) {
        if (await this.#fetch()) continue
        return
      }
      const cursor = await this.#fetcher.open(batch)
      this.#compressed.shift()
      this.#open.push(cursor)
      this.#openBytes += cursor.bytes.length
      this.#waiting?.resolve(undefined)
    }
  }

  /** False if there was nothing new. */
  async #fetch(): Promise<boolean> {
    const fetched = await this.#fetcher.fetch(this.#offset)
    if (fetched === 'lost') throw await this.#lost(this.#offset)
    const moved = fetched.next > this.#offset
    this.#offset = fetched.next
    this.#add(fetched)
    return moved
  }

  #add({ batches }: Fetched): void {
    this.#fetchedBytes = batches.reduce((sum, { batch }) => sum + batch.body.length, 0)
    this.#compressed.push(...batches)
  }

  #wantsMore(): boolean {
    if (this.#waiting !== undefined && this.#open.length === 0) return true
    if (this.#compressed.length === 0 && this.#fetchedBytes < aheadBytes) return false
    return this.#openBytes + this.#heldBytes < maxBytes
  }
}
