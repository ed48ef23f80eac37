import type { RecordOutput } from '../../../connectors/connector.ts'
import { BlockEncoder } from '../../../protocol/avro/block-encoder.ts'
import { decodeBlock } from '../../../protocol/avro/decode-block.ts'
import {
  columnsOf,
  largestRecordBytes,
  stringifyExact,
  type AirbyteStream,
  type Column,
  type JsonValue,
  type RecordData,
} from '../../../protocol/index.ts'
import type { WriteLines } from '../airbyte-lines.ts'
import type { StreamState } from './stream-state.ts'

export interface StreamOutputOptions {
  readonly stream: AirbyteStream
  readonly state: StreamState
  readonly write: WriteLines
  readonly now: () => number
}

/** Writes the records and states of one stream as messages of the Airbyte protocol. */
export class StreamOutput {
  readonly #options: StreamOutputOptions
  readonly #columns: readonly Column[]
  /** Name and namespace, as a part of a message. */
  readonly #head: string
  readonly #descriptor: string
  /** Records since the last state. */
  #count = 0

  constructor(options: StreamOutputOptions) {
    this.#options = options
    const { name, namespace } = options.stream
    this.#columns = columnsOf(options.stream.json_schema)
    const place = namespace === undefined ? '' : `"namespace":${JSON.stringify(namespace)},`
    this.#head = `{"type":"RECORD","record":{"stream":${JSON.stringify(name)},${place}"data":`
    this.#descriptor = JSON.stringify({ name, ...(namespace !== undefined && { namespace }) })
  }

  /** The output of one slice. */
  ofSlice(slice: string): RecordOutput {
    return {
      records: (batch, emittedAtMs) => this.#records(batch, emittedAtMs),
      copyText: (lines, emittedAtMs) => this.#copyText(lines, emittedAtMs),
      state: (state) => this.#sliceState(slice, state),
      rateLimited: (untilMs) => {
        void this.status('RUNNING', [
          { type: 'RATE_LIMITED', rate_limited: { quota_reset: untilMs } },
        ])
      },
    }
  }

  /** The whole slice was read. */
  endSlice(slice: string): void {
    this.#options.state.complete(slice)
  }

  /** Each stream has a state at its end, also an empty one. */
  async endState(): Promise<void> {
    const { state, write } = this.#options
    const count = this.#count
    this.#count = 0
    const stream = `{"stream_descriptor":${this.#descriptor},"stream_state":${JSON.stringify(state.document)}}`
    // A double, as the protocol asks.
    await write(
      `{"type":"STATE","state":{"type":"STREAM","stream":${stream},"sourceStats":{"recordCount":${count}.0}}}\n`,
    )
  }

  async status(status: string, reasons?: readonly object[]): Promise<void> {
    const text = reasons === undefined ? '' : `,"reasons":${JSON.stringify(reasons)}`
    await this.#options.write(
      `{"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":${this.#options.now()},"stream_status":{"stream_descriptor":${this.#descriptor},"status":${JSON.stringify(status)}${text}}}}\n`,
    )
  }

  async #sliceState(slice: string, state: JsonValue): Promise<void> {
    this.#options.state.set(slice, state)
    await this.endState()
  }

  async #records(batch: readonly RecordData[], emittedAtMs = this.#options.now()): Promise<void> {
    if (batch.length === 0) return
    this.#count += batch.length
    const tail = `,"emitted_at":${emittedAtMs}}}\n`
    const lines = batch.map((data) => `${this.#head}${stringifyExact(data)}${tail}`)
    await this.#options.write(lines.join(''))
  }

  /** Through the wire encoding of a run, so that the values are those that a run would load. */
  async #copyText(lines: Uint8Array, emittedAtMs = this.#options.now()): Promise<void> {
    const columns = this.#columns
    const encoder = new BlockEncoder({ columns, maxRecordBytes: largestRecordBytes })
    let from = 0
    while (from < lines.length) {
      from = encoder.copyText(lines, from, emittedAtMs)
      const block = encoder.take()
      if (block !== undefined) {
        const records = decodeBlock(block.bytes, block.count, columns, 'digits')
        await this.#records(
          records.map(({ data }) => data),
          emittedAtMs,
        )
      }
      const rejection = encoder.takeRejection()
      if (rejection !== undefined) throw new RangeError(rejection.reason)
    }
  }
}
