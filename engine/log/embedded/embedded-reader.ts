import type { MessagePort } from 'node:worker_threads'
import { ConnectError, streamLabel } from '../../../protocol/index.ts'
import { LaneOrder } from '../lane-order.ts'
import type { LaneAddress, LaneReader, LogEntry } from '../stream-log.ts'
import { buffersOf, type ToReader, type ToWriter, type Weights } from './channel.ts'
import { openPort } from './opened-ports.ts'

type EmbeddedAddress = Extract<LaneAddress, { kind: 'embedded' }>

/**
 * Credits of entries without bytes are gathered up to this many bytes: a message back for each would cost
 * more than they do.
 */
const creditBytes = 64 * 1024

/** A channel lives as long as one attempt. */
const ownAttempt = { attempt: 0 }

/** The reading end of a channel. Holds at most what the writer may have in flight. */
export class EmbeddedReader implements LaneReader {
  readonly #address: EmbeddedAddress
  readonly #port: MessagePort
  readonly #order: LaneOrder
  #queue: ToReader[] = []
  #head = 0
  #heldRecords = 0
  #heldBuffers: ArrayBuffer[] = []
  #freed: Weights = { records: 0, others: 0 }
  #writer: 'there' | 'closed' | 'gone' = 'there'
  #wake: (() => void) | undefined

  constructor(address: EmbeddedAddress) {
    openPort(address.port, address.lane)
    this.#address = address
    this.#port = address.port
    this.#order = new LaneOrder({ lane: address.lane, startsAt: 'slice' })
    this.#port.on('message', (message: ToReader) => {
      this.#queue.push(message)
      this.#wake?.()
    })
    this.#port.on('close', () => {
      if (this.#writer === 'there') this.#writer = 'gone'
      this.#wake?.()
    })
  }

  async next(signal: AbortSignal): Promise<{ readonly entry: LogEntry } | undefined> {
    if (this.#writer === 'closed') return undefined
    for (;;) {
      if (signal.aborted) return undefined
      const message = this.#shift()
      if (message !== undefined) return { entry: this.#take(message) }
      if (this.#writer === 'gone') throw this.#lostWriterError()
      this.#sendCredit()
      await this.#waitForArrival(signal)
    }
  }

  release(): void {
    this.#freed.records += this.#heldRecords
    this.#heldRecords = 0
    const buffers = this.#heldBuffers
    this.#heldBuffers = []
    this.#sendCredit(buffers)
  }

  noteCommitted(): Promise<void> {
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#port.close()
    return Promise.resolve()
  }

  #take(message: ToReader): LogEntry {
    const { entry } = message
    this.#order.take(entry, ownAttempt)
    if (entry.type === 'records') {
      this.#heldRecords += message.weight
      this.#heldBuffers.push(...buffersOf(entry))
    } else {
      this.#freed.others += message.weight
      if (this.#freed.others >= creditBytes) this.#sendCredit()
    }
    if (entry.type === 'close') {
      this.#writer = 'closed'
      this.#port.postMessage({ done: true } satisfies ToWriter)
    }
    return entry
  }

  #shift(): ToReader | undefined {
    const message = this.#queue[this.#head]
    if (message === undefined) return undefined
    this.#head += 1
    if (this.#head === this.#queue.length || this.#head >= 1024) {
      this.#queue = this.#queue.slice(this.#head)
      this.#head = 0
    }
    return message
  }

  #sendCredit(buffers: readonly ArrayBuffer[] = []): void {
    if (this.#freed.records === 0 && this.#freed.others === 0) return
    this.#port.postMessage({ freed: this.#freed, buffers } satisfies ToWriter, buffers)
    this.#freed = { records: 0, others: 0 }
  }

  async #waitForArrival(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const wake = (): void => {
      resolve(undefined)
    }
    this.#wake = wake
    signal.addEventListener('abort', wake, { once: true })
    await promise
    signal.removeEventListener('abort', wake)
    this.#wake = undefined
  }

  #lostWriterError(): ConnectError {
    const { connection, stream, partition } = this.#address.lane
    return new ConnectError('log_writer_lost', {
      details: { connection, stream: streamLabel(stream), partition },
    })
  }
}
