import type { BinaryRows, RecordOutput } from '../../../connectors/connector.ts'
import { BlockEncoder, type Rejection } from '../../../protocol/avro/block-encoder.ts'
import type { BinaryType } from '../../../protocol/avro/copy-binary-fields.ts'
import { decodeBlock } from '../../../protocol/avro/decode-block.ts'
import {
  maskBeginning,
  SecretIndex,
  stringifyExact,
  type Column,
  type ConfiguredAirbyteStream,
  type JsonValue,
  type RecordData,
} from '../../../protocol/index.ts'
import type { ObservedFields } from '../../observed-fields.ts'
import type { LaneOutput } from '../lane-output.ts'
import type { FunctionClient } from './function-client.ts'
import { KeptFields } from './kept-fields.ts'
import type { TransformResult } from './transform-results.ts'

export interface TransformingOutputOptions {
  readonly out: Pick<
    LaneOutput,
    'records' | 'reject' | 'state' | 'rateLimited' | 'onCommitted' | 'covered'
  >
  readonly client: Pick<FunctionClient, 'transform'>
  /** Name of the function. */
  readonly name: string
  /** Never shown, also if the function returns it. */
  readonly apiKey?: string | undefined
  readonly stream: ConfiguredAirbyteStream
  readonly columns: readonly Column[]
  readonly maxRecordBytes: number
  /** Names a record that is rejected. */
  readonly primaryKey: readonly string[]
  /** For a sandbox: gets the record that the function made, or the record as it came if it is rejected. */
  readonly observed: ObservedFields | undefined
  now(): number
}

/** A request has as many records at most … */
export const batchRecords = 1_000
/** … and ends after this many bytes of JSON. */
export const batchBytes = 1024 * 1024
/** Requests of a lane at the same time, unless their records are large. */
export const parallelRequests = 4
const maxBytesUnderWay = parallelRequests * batchBytes
/** The maximum length of the reason that a function gives. */
const maxReasonLength = 500

type Item =
  | { readonly record: RecordData; readonly json: string; readonly emittedAtMs: number }
  | { readonly rejection: Rejection }

interface Batch {
  readonly items: readonly Item[]
  readonly bytes: number
  readonly outcome: Promise<Outcome>
}

/** Never rejected: nobody may be waiting for it yet. */
type Outcome = { readonly results: readonly TransformResult[] } | { readonly error: unknown }

/**
 * Has a function change what a connector reads, between the connector and the output of the lane. All records
 * take the same path, objects and COPY data: the encoder of the stream, and back. So a function sees a value
 * in one form, whatever the source is. Up to four requests are under way; the records come out in the order
 * in which they went in, and a state after all records before it. Dispose it at the end of the read: that
 * ends the requests which nobody waits for.
 */
export class TransformingOutput implements RecordOutput, Disposable {
  readonly #options: TransformingOutputOptions
  readonly #encoder: BlockEncoder
  readonly #keptFields: KeptFields
  readonly #numbers: SpecialNumbers
  readonly #secrets = new SecretIndex()
  readonly #ended = new AbortController()
  #pending: Item[] = []
  #pendingBytes = 0
  #underWay: Batch[] = []
  #bytesUnderWay = 0

  constructor(options: TransformingOutputOptions) {
    const { apiKey = '', columns, maxRecordBytes, primaryKey, stream } = options
    this.#options = options
    this.#encoder = new BlockEncoder({ columns, maxRecordBytes, rejectionKeyFields: primaryKey })
    this.#keptFields = new KeptFields(stream, columns)
    this.#numbers = new SpecialNumbers(columns)
    this.#secrets.add(apiKey)
  }

  get observed(): ObservedFields | undefined {
    return this.#options.observed
  }

  /** Whether every record so far is covered by a state. */
  get covered(): boolean {
    const isEmpty = this.#encoder.count + this.#pending.length + this.#underWay.length === 0
    return isEmpty && this.#options.out.covered
  }

  async records(batch: readonly RecordData[], emittedAtMs = this.#options.now()): Promise<void> {
    await this.#encode(batch.length, (from) => this.#encoder.records(batch, from, emittedAtMs))
  }

  async copyText(lines: Uint8Array, emittedAtMs = this.#options.now()): Promise<void> {
    await this.#encode(lines.length, (from) => this.#encoder.copyText(lines, from, emittedAtMs))
  }

  async copyBinary(
    { bytes }: BinaryRows,
    types: readonly BinaryType[],
    emittedAtMs = this.#options.now(),
  ): Promise<void> {
    const encoder = this.#encoder
    await this.#encode(bytes.length, (from) =>
      encoder.copyBinary(bytes, from, { types, emittedAtMs }),
    )
  }

  async state(state: JsonValue): Promise<void> {
    await this.#decode()
    await this.#send()
    while (this.#underWay.length > 0) await this.#receive()
    await this.#options.out.state(state)
  }

  rateLimited(untilMs: number): void {
    this.#options.out.rateLimited(untilMs)
  }

  onCommitted(listener: (state: JsonValue) => void): void {
    this.#options.out.onCommitted(listener)
  }

  [Symbol.dispose](): void {
    this.#ended.abort()
  }

  /** Passes all of the input to the encoder; it stops whenever its block is full. */
  async #encode(length: number, step: (from: number) => number): Promise<void> {
    let from = 0
    while (from < length) {
      from = step(from)
      if (this.#encoder.full || this.#encoder.count >= batchRecords) await this.#decode()
    }
  }

  /** Takes the records from the encoder, as objects, into the next request. */
  async #decode(): Promise<void> {
    const block = this.#encoder.take()
    if (block !== undefined) {
      const { bytes, count } = block
      for (const { data, extractedAtMs } of decodeBlock(bytes, count, this.#options.columns)) {
        const json = stringifyExact(data)
        await this.#add({ record: data, json, emittedAtMs: extractedAtMs }, json.length)
      }
    }
    const rejection = this.#encoder.takeRejection()
    if (rejection !== undefined) await this.#add({ rejection }, 0)
  }

  async #add(item: Item, bytes: number): Promise<void> {
    this.#pending.push(item)
    this.#pendingBytes += bytes
    if (this.#pending.length >= batchRecords || this.#pendingBytes >= batchBytes) await this.#send()
  }

  /** Starts the next request, as soon as there is room for it. */
  async #send(): Promise<void> {
    if (this.#pending.length === 0) return
    const [items, bytes] = [this.#pending, this.#pendingBytes]
    while (this.#isFull(bytes)) await this.#receive()
    this.#pending = []
    this.#pendingBytes = 0
    this.#underWay.push({ items, bytes, outcome: this.#request(items) })
    this.#bytesUnderWay += bytes
  }

  #isFull(bytes: number): boolean {
    const count = this.#underWay.length
    const isTooLarge = this.#bytesUnderWay + bytes > maxBytesUnderWay
    return count >= parallelRequests || (count > 0 && isTooLarge)
  }

  async #request(items: readonly Item[]): Promise<Outcome> {
    const records = items.flatMap((item) => ('record' in item ? [item.json] : []))
    if (records.length === 0) return { results: [] }
    try {
      return { results: await this.#options.client.transform(records, this.#ended.signal) }
    } catch (error) {
      return { error }
    }
  }

  /** Waits for the oldest request, and passes on what came of it. */
  async #receive(): Promise<void> {
    const batch = this.#underWay[0]
    if (batch === undefined) return
    const outcome = await batch.outcome
    if ('error' in outcome) throw outcome.error
    await this.#passOn(batch.items, outcome.results)
    this.#underWay = this.#underWay.slice(1)
    this.#bytesUnderWay -= batch.bytes
  }

  async #passOn(items: readonly Item[], results: readonly TransformResult[]): Promise<void> {
    const { out } = this.#options
    let accepted: RecordData[] = []
    let acceptedAtMs = 0
    const flush = async (): Promise<void> => {
      if (accepted.length > 0) await out.records(accepted, acceptedAtMs)
      accepted = []
    }
    let next = 0
    for (const item of items) {
      const done = 'record' in item ? this.#judge(item.record, results[next++]) : item
      if ('record' in item)
        this.#options.observed?.add('record' in done ? done.record : item.record)
      const atMs = 'record' in item ? item.emittedAtMs : acceptedAtMs
      if ('rejection' in done || atMs !== acceptedAtMs) await flush()
      acceptedAtMs = atMs
      if ('rejection' in done) await out.reject(done.rejection)
      else accepted.push(done.record)
    }
    await flush()
  }

  #judge(
    before: RecordData,
    result: TransformResult | undefined,
  ): { readonly record: RecordData } | { readonly rejection: Rejection } {
    if (result === undefined) throw new TypeError('a record without a result')
    if ('reject' in result) return this.#rejected(before, this.#clean(result.reject))
    const record = this.#numbers.restore(result.record)
    const problem = this.#keptFields.problem(before, record)
    return problem === undefined ? { record } : this.#rejected(before, problem)
  }

  #rejected(before: RecordData, why: string): { readonly rejection: Rejection } {
    const reason = `function:${this.#options.name}: ${why}`
    return { rejection: this.#encoder.rejectionOf(before, reason) }
  }

  /** The function wrote it: it may be anything. */
  #clean(reason: string): string {
    const line = reason
      .toWellFormed()
      .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
      .trim()
    return line === '' ? 'it gave no reason' : maskBeginning(line, [this.#secrets], maxReasonLength)
  }
}

const specialNumbers: ReadonlyMap<unknown, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
])

/**
 * JSON has no NaN and no infinity: a function gets them as text, and returns them so. In a column of numbers
 * they are numbers again.
 */
class SpecialNumbers {
  readonly #columns: readonly string[]

  constructor(columns: readonly Column[]) {
    this.#columns = columns
      .filter(({ kind }) => kind === 'double' || kind === 'number')
      .map(({ name }) => name)
  }

  /** The same record if it has none. */
  restore(record: RecordData): RecordData {
    const found = this.#columns.flatMap((name) => {
      const value = Object.hasOwn(record, name) ? record[name] : undefined
      const special = specialNumbers.get(value)
      return special === undefined ? [] : [[name, special] as const]
    })
    return found.length === 0 ? record : Object.fromEntries([...Object.entries(record), ...found])
  }
}
