import type { MessagePort } from 'node:worker_threads'
import { ConnectError, streamLabel } from '../../../protocol/index.ts'
import type {
  LaneAddress,
  LaneResume,
  LaneWriter,
  LaneWriterOptions,
  LogEntry,
} from '../stream-log.ts'
import { buffersOf, weigh, type ToReader, type ToWriter, type Weights } from './channel.ts'
import { ReusableBuffers } from '../reusable-buffer.ts'
import { openPort } from './opened-ports.ts'

type EmbeddedAddress = Extract<LaneAddress, { kind: 'embedded' }>

/** The writing end of a channel: posts entries while the bytes in flight stay below the bound. */
export class EmbeddedWriter implements LaneWriter {
  readonly resume: LaneResume
  readonly #address: EmbeddedAddress
  readonly #port: MessagePort
  readonly #inFlight: Weights = { records: 0, others: 0 }
  readonly #reusable = new ReusableBuffers()
  #reader: 'there' | 'done' | 'gone' = 'there'
  #wake: (() => void) | undefined

  constructor(address: EmbeddedAddress, { slices }: LaneWriterOptions) {
    openPort(address.port, address.lane)
    this.#address = address
    this.#port = address.port
    this.resume = { from: 'destination', slices }
    this.#port.on('message', (message: ToWriter) => {
      if ('done' in message) this.#reader = 'done'
      else {
        this.#inFlight.records -= message.freed.records
        this.#inFlight.others -= message.freed.others
        for (const buffer of message.buffers) this.#reusable.add(buffer)
      }
      this.#wake?.()
    })
    this.#port.on('close', () => {
      if (this.#reader === 'there') this.#reader = 'gone'
      this.#wake?.()
    })
  }

  async append(entry: LogEntry): Promise<void> {
    const weight = weigh(entry)
    const pool = entry.type === 'records' ? 'records' : 'others'
    await this.#room(pool, weight)
    this.#inFlight[pool] += weight
    this.#post({ entry, weight }, buffersOf(entry))
  }

  reuse(): ArrayBuffer | undefined {
    return this.#reusable.take()
  }

  flush(): Promise<void> {
    return this.#reader === 'gone' ? Promise.reject(this.#lostReaderError()) : Promise.resolve()
  }

  /**
   * Entries that were posted still reach the reader. Without a `close`, the reader then learns that its
   * writer is lost.
   */
  [Symbol.asyncDispose](): Promise<void> {
    this.#port.close()
    return Promise.resolve()
  }

  /** Waits until the entry fits; one that is larger than the bound goes alone. */
  async #room(pool: keyof Weights, weight: number): Promise<void> {
    const limit = this.#address.maxQueueBytes
    const inFlight = this.#inFlight
    while (this.#reader === 'there' && inFlight[pool] > 0 && inFlight[pool] + weight > limit) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
    if (this.#reader !== 'there') throw this.#lostReaderError()
  }

  #post(message: ToReader, transfer: readonly ArrayBuffer[]): void {
    this.#port.postMessage(message, transfer)
  }

  #lostReaderError(): ConnectError {
    const { connection, stream, partition } = this.#address.lane
    return new ConnectError('log_reader_lost', {
      details: { connection, stream: streamLabel(stream), partition },
    })
  }
}
