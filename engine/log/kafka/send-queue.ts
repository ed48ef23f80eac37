import type { Logger } from 'pino'
import type { LaneMessages } from './lane-messages.ts'
import type { LaneProducer } from './lane-producer.ts'
import { stateMessage, type KeyedMessage, type SavedState } from './saved-states.ts'

export interface SendQueueOptions {
  readonly producer: LaneProducer
  readonly owner: Parameters<typeof stateMessage>[1]
  readonly bounds: SendBounds
  readonly logger: Logger
}

export interface SendBounds {
  /**
   * The limit for messages that wait to be sent: `push` waits above it, so that encoding and sending overlap
   * without growing.
   */
  readonly queueBytes: number
  /** One produce request, before compression. */
  readonly requestBytes: number
  /**
   * A transaction is committed at the first whole unit after this many bytes, or this time. A commit costs 3
   * to 5 ms.
   */
  readonly commitBytes: number
  readonly commitMs: number
  /**
   * A unit that has been sent in part for this long is committed in part, before the broker would abort its
   * transaction.
   */
  readonly unitMs: number
}

/** Measured 2026-11-25: smaller requests cost more per byte, larger ones nothing more. */
export const defaultBounds: Omit<SendBounds, 'unitMs'> = {
  queueBytes: 4 * 1024 * 1024,
  requestBytes: 1024 * 1024,
  commitBytes: 8 * 1024 * 1024,
  commitMs: 500,
}

/** Ends a unit, with what `connect.states` is to keep, or is a part of one. */
export interface Pushed {
  readonly messages: readonly LaneMessages[]
  readonly endsUnit: boolean
  readonly saved?: SavedState
}

interface Queued {
  readonly messages: LaneMessages
  readonly endsUnit: boolean
  readonly saved: SavedState | undefined
}

/**
 * Sends a lane's messages in the background, in order, in transactions of whole units. A transaction holds
 * either whole units only, or one large unit by itself: so `flush` can always make complete units visible,
 * and nothing else. After a failure, every call throws it.
 */
export class SendQueue {
  readonly #options: SendQueueOptions
  #queue: Queued[] = []
  #queuedBytes = 0
  /** The part of the queue's head that belongs to whole units, and the bytes of the open unit behind them. */
  #whole = 0
  #openBytes = 0
  /** The content of the current transaction. */
  #sent = { bytes: 0, units: 0, partOfUnit: false, sinceMs: 0 }
  readonly #saved = new Map<string, SavedState>()
  #flushing = false
  #running: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #failure: { readonly error: unknown } | undefined
  #roomMade: (() => void) | undefined

  constructor(options: SendQueueOptions) {
    this.#options = options
  }

  async push({ messages, endsUnit, saved }: Pushed): Promise<void> {
    this.#check()
    for (const [index, message] of messages.entries()) {
      const last = index === messages.length - 1
      this.#queue.push({
        messages: message,
        endsUnit: endsUnit && last,
        saved: last ? saved : undefined,
      })
      this.#queuedBytes += message.bytes
      this.#openBytes += message.bytes
    }
    if (endsUnit) {
      this.#whole = this.#queue.length
      this.#openBytes = 0
    }
    this.#run()
    while (this.#queuedBytes > this.#options.bounds.queueBytes) {
      await new Promise<void>((resolve) => {
        this.#roomMade = resolve
      })
      this.#check()
    }
  }

  /** All whole units are durable and visible when it resolves. */
  async flush(): Promise<void> {
    this.#check()
    this.#flushing = true
    this.#run()
    while (this.#running !== undefined) await this.#running
    this.#flushing = false
    this.#check()
  }

  /** Makes whole units durable, drops an open unit. Never throws: the caller has seen an earlier failure. */
  async close(): Promise<void> {
    const { logger, producer } = this.#options
    try {
      if (this.#failure === undefined) {
        await this.flush()
        await producer.abort()
      } else while (this.#running !== undefined) await this.#running
    } catch (error) {
      logger.debug({ err: error }, 'lane closed without its last units')
    }
    clearTimeout(this.#timer)
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  #run(): void {
    if (this.#running !== undefined || this.#failure !== undefined) return
    this.#running = this.#drain()
      .catch((error: unknown) => {
        this.#failure = { error }
        this.#queue = []
      })
      .finally(() => {
        this.#running = undefined
        this.#roomMade?.()
        // Entries may have come between the last look at the queue and now.
        if (this.#hasWork()) this.#run()
        else this.#arm()
      })
  }

  async #drain(): Promise<void> {
    for (;;) {
      if (this.#commitDue()) await this.#commit()
      const batch = this.#takeBatch()
      if (batch.length === 0) {
        if (!this.#commitDue()) return
        continue
      }
      await this.#send(batch)
      this.#roomMade?.()
    }
  }

  #hasWork(): boolean {
    if (this.#failure !== undefined) return false
    if (this.#whole > 0 || this.#isOpenUnitLarge()) return true
    return this.#commitDue() || (this.#sent.partOfUnit && this.#queue.length > 0)
  }

  /** Whether the open unit, none of which is sent, is too large to wait for its end. */
  #isOpenUnitLarge(): boolean {
    return this.#openBytes > this.#options.bounds.queueBytes / 2
  }

  /**
   * The next request: of whole units, or, when these are all sent and committed, of a unit too large to wait
   * for its end.
   */
  #takeBatch(): Queued[] {
    const { requestBytes, commitBytes } = this.#options.bounds
    let available = this.#whole
    if (available === 0) {
      if (!this.#isOpenUnitLarge() && !this.#sent.partOfUnit) return []
      if (this.#sent.units > 0) return []
      available = this.#queue.length
    }
    let taken = 0
    let bytes = 0
    for (const item of this.#queue.slice(0, available)) {
      if (taken > 0 && bytes + item.messages.bytes > requestBytes) break
      taken += 1
      bytes += item.messages.bytes
      if (item.endsUnit && this.#sent.bytes + bytes >= commitBytes) break
    }
    const batch = this.#queue.splice(0, taken)
    this.#queuedBytes -= bytes
    if (this.#whole > 0) this.#whole -= taken
    else this.#openBytes -= bytes
    return batch
  }

  async #send(batch: readonly Queued[]): Promise<void> {
    const sent = this.#sent
    if (sent.bytes === 0) sent.sinceMs = performance.now()
    for (const item of batch)
      if (item.saved !== undefined) this.#saved.set(item.saved.slice, item.saved)
    // The commit follows at once.
    const isLast = this.#flushing && this.#whole === 0 && batch.at(-1)?.endsUnit === true
    await this.#options.producer.send(
      batch.map(({ messages }) => messages),
      isLast ? this.#takeStates() : [],
    )
    for (const item of batch) {
      sent.bytes += item.messages.bytes
      sent.partOfUnit = !item.endsUnit
      if (item.endsUnit) sent.units += 1
    }
  }

  #takeStates(): readonly KeyedMessage[] {
    const states = [...this.#saved.values()].map((saved) =>
      stateMessage(saved, this.#options.owner),
    )
    this.#saved.clear()
    return states
  }

  /** Never in the middle of a unit, except one that has been open for too long. */
  #commitDue(): boolean {
    const { bytes, units, partOfUnit, sinceMs } = this.#sent
    if (bytes === 0) return false
    const ageMs = performance.now() - sinceMs
    if (partOfUnit) return units === 0 && ageMs >= this.#options.bounds.unitMs
    if (this.#flushing && this.#whole === 0) return true
    // Whole units in front of a large one that cannot wait: theirs is another transaction.
    if (this.#whole === 0 && this.#isOpenUnitLarge()) return true
    return bytes >= this.#options.bounds.commitBytes || ageMs >= this.#options.bounds.commitMs
  }

  async #commit(): Promise<void> {
    const { producer } = this.#options
    await producer.sendStates(this.#takeStates())
    await producer.commit()
    this.#sent = { bytes: 0, units: 0, partOfUnit: this.#sent.partOfUnit, sinceMs: 0 }
  }

  /** Messages that were sent are committed when their time has come, whether or not more is pushed. */
  #arm(): void {
    clearTimeout(this.#timer)
    if (this.#failure !== undefined || this.#sent.bytes === 0) return
    const { commitMs, unitMs } = this.#options.bounds
    const waitMs =
      this.#sent.sinceMs + (this.#sent.partOfUnit ? unitMs : commitMs) - performance.now()
    this.#timer = setTimeout(
      () => {
        this.#run()
      },
      Math.max(1, Math.ceil(waitMs)),
    )
  }
}
