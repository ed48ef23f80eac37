import type { BinaryRows, RecordOutput } from '../../connectors/connector.ts'
import type { BlockEncoder, Rejection } from '../../protocol/avro/block-encoder.ts'
import type { BinaryType } from '../../protocol/avro/copy-binary-fields.ts'
import { copyBlock } from '../../protocol/avro/copy-block.ts'
import type { JsonObjects } from '../../protocol/avro/json-objects.ts'
import type { CopyRows } from '../../protocol/avro/copy-rows.ts'
import type { JsonValue, RecordData } from '../../protocol/index.ts'
import type { LaneWriter, LogRecords } from '../log/stream-log.ts'
import type { ReadTotals } from '../threads/protocol.ts'
import type { CommittedStates } from './committed-states.ts'

/**
 * The rows that a source gives at once are smaller than this, in the usual case: their buffers are used
 * again.
 */
const usualRowsBytes = 208 * 1024

export interface LaneOutputOptions {
  readonly encoder: BlockEncoder
  readonly writer: LaneWriter
  readonly now: () => number
  /** Rows of binary COPY up to this number of bytes go into the log as they are; absent: none. */
  readonly passedBytes?: number
  /** Called after every block and state. */
  readonly onTotals: (totals: ReadTotals) => void
  readonly onRateLimited: (untilMs: number) => void
  /** For a read of a feed. */
  readonly commits?: CommittedStates | undefined
  /** Called before each state: one is given to the log when it resolves, and not if it throws. */
  readonly beforeState: () => Promise<void>
}

/**
 * Encodes what a connector reads into blocks and appends them to the lane, slice by slice. A unit (records up
 * to their state) never spans slices.
 */
export class LaneOutput implements RecordOutput {
  readonly #encoder: BlockEncoder
  readonly #writer: LaneWriter
  readonly #options: LaneOutputOptions
  readonly #totals = { records: 0, bytes: 0, rejected: 0, encodeSeconds: 0, logWaitSeconds: 0 }
  #slice = ''
  #seq = 0
  #unitStart = 0
  #waitingSince: number | undefined

  constructor(options: LaneOutputOptions) {
    this.#encoder = options.encoder
    this.#writer = options.writer
    this.#options = options
  }

  /** Records of the slice so far, covered or not. */
  get seq(): number {
    return this.#seq
  }

  /** Totals so far, including a wait in progress. */
  get totals(): ReadTotals {
    if (this.#waitingSince === undefined) return this.#totals
    const waitSeconds = (performance.now() - this.#waitingSince) / 1000
    return { ...this.#totals, logWaitSeconds: this.#totals.logWaitSeconds + waitSeconds }
  }

  /** Whether every record so far is covered by a state. */
  get covered(): boolean {
    return this.#seq === this.#unitStart && this.#encoder.count === 0
  }

  startSlice(slice: string, seq: number): void {
    this.#slice = slice
    this.#seq = seq
    this.#unitStart = seq
  }

  async records(batch: readonly RecordData[], emittedAtMs = this.#options.now()): Promise<void> {
    await this.#encode(batch.length, (from) => this.#encoder.records(batch, from, emittedAtMs))
  }

  async copyText(lines: Uint8Array, emittedAtMs = this.#options.now()): Promise<void> {
    await this.#encode(lines.length, (from) => this.#encoder.copyText(lines, from, emittedAtMs))
  }

  async copyBinary(
    rows: BinaryRows,
    types: readonly BinaryType[],
    emittedAtMs = this.#options.now(),
  ): Promise<void> {
    const { bytes } = rows
    if (bytes.length <= (this.#options.passedBytes ?? 0)) {
      await this.#pass(rows, { types, emittedAtMs })
      return
    }
    const encoder = this.#encoder
    await this.#encode(bytes.length, (from) =>
      encoder.copyBinary(bytes, from, { types, emittedAtMs }),
    )
  }

  async jsonObjects(objects: JsonObjects, emittedAtMs = this.#options.now()): Promise<void> {
    const encoder = this.#encoder
    await this.#encode(objects.bounds.length / 2, (from) =>
      encoder.jsonObjects(objects, from, emittedAtMs),
    )
  }

  /** A record that is not loaded, in order with the others. */
  async reject(rejection: Rejection): Promise<void> {
    await this.#cut()
    await this.#appendRejection(rejection)
    this.#options.onTotals(this.#totals)
  }

  async state(state: JsonValue): Promise<void> {
    await this.#cut()
    const count = this.#seq - this.#unitStart
    await this.#options.beforeState()
    await this.#append({ type: 'state', slice: this.#slice, seq: this.#seq, count, state })
    this.#unitStart = this.#seq
    this.#options.commits?.noteWritten(state)
    this.#options.onTotals(this.#totals)
  }

  onCommitted(listener: (state: JsonValue) => void): void {
    this.#options.commits?.listen(listener)
  }

  rateLimited(untilMs: number): void {
    this.#options.onRateLimited(untilMs)
  }

  /** Passes all of the input to the encoder; it stops whenever its block is full. */
  async #encode(length: number, step: (from: number) => number): Promise<void> {
    let from = 0
    while (from < length) {
      const started = performance.now()
      from = step(from)
      this.#totals.encodeSeconds += (performance.now() - started) / 1000
      if (from < length) await this.#cut()
    }
  }

  /** The rows are a block of their own. */
  async #pass({ bytes, count }: BinaryRows, copy: CopyRows): Promise<void> {
    if (this.#encoder.count > 0) await this.#cut()
    const started = performance.now()
    const copied = this.#copyOf(bytes)
    this.#totals.encodeSeconds += (performance.now() - started) / 1000
    await this.#appendBlock({ bytes: copied, count, copy })
    this.#options.onTotals(this.#totals)
  }

  #copyOf(rows: Uint8Array): Uint8Array {
    if (rows.length < usualRowsBytes / 2) return new Uint8Array(rows)
    const room = Math.max(rows.length, usualRowsBytes)
    return copyBlock(rows, { room, reuse: () => this.#writer.reuse() })
  }

  async #cut(): Promise<void> {
    const block = this.#encoder.take(() => this.#writer.reuse())
    if (block !== undefined) await this.#appendBlock(block)
    const rejection = this.#encoder.takeRejection()
    if (rejection !== undefined) await this.#appendRejection(rejection)
    this.#options.onTotals(this.#totals)
  }

  async #appendBlock(block: Pick<LogRecords, 'bytes' | 'count' | 'copy'>): Promise<void> {
    this.#totals.records += block.count
    this.#totals.bytes += block.bytes.length
    const seq = this.#seq
    this.#seq += block.count
    await this.#append({ type: 'records', slice: this.#slice, seq, ...block })
  }

  async #appendRejection(rejection: Rejection): Promise<void> {
    this.#totals.records += 1
    this.#totals.rejected += 1
    await this.#append({ type: 'rejected', slice: this.#slice, seq: this.#seq, ...rejection })
    this.#seq += 1
  }

  async #append(entry: Parameters<LaneWriter['append']>[0]): Promise<void> {
    const started = performance.now()
    this.#waitingSince = started
    await this.#writer.append(entry)
    this.#waitingSince = undefined
    this.#totals.logWaitSeconds += (performance.now() - started) / 1000
  }
}
