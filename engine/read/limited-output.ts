import type { RecordOutput } from '../../connectors/connector.ts'
import type { JsonValue, RecordData } from '../../protocol/index.ts'
import { ObservedFields, type Observed } from '../observed-fields.ts'

const NEWLINE = 0x0a

/** Ends a read at its limit: thrown into the connector, which releases its resources. Nobody else sees it. */
class LimitReached extends Error {}

/**
 * Takes the first records of a read, over all slices of its job, and then ends it: `signal` is aborted and
 * the connector's call throws. Records over the limit are never encoded. A read of exactly as many records as
 * allowed is not cut.
 *
 * It has no `copyBinary`, so that rows can be counted by their lines.
 */
export class LimitedOutput implements RecordOutput {
  readonly #out: RecordOutput
  readonly #ended = new AbortController()
  readonly #observed: ObservedFields
  readonly #observesHere: boolean
  #requests = 0
  #left: number

  /** @param loaded gets the records as they are loaded, from another place, if they change on their way */
  constructor(out: RecordOutput, limitRows: number, loaded?: ObservedFields) {
    this.#out = out
    this.#left = limitRows
    this.#observed = loaded ?? new ObservedFields()
    this.#observesHere = loaded === undefined
  }

  /** For the connector: aborted when the limit is passed. */
  get signal(): AbortSignal {
    return this.#ended.signal
  }

  get observed(): Observed {
    return { fields: this.#observed.fields, requests: this.#requests }
  }

  /** The connector sends a request. */
  onRequest(): void {
    this.#requests += 1
  }

  async records(batch: readonly RecordData[], emittedAtMs?: number): Promise<void> {
    const taken = batch.slice(0, this.#left)
    this.#left -= taken.length
    if (this.#observesHere) for (const record of taken) this.#observed.add(record)
    if (taken.length > 0) await this.#out.records(taken, emittedAtMs)
    if (taken.length < batch.length) this.#end()
  }

  async copyText(lines: Uint8Array, emittedAtMs?: number): Promise<void> {
    let end = 0
    // A line break inside a value is written as \n, so each of these bytes ends a row.
    while (this.#left > 0 && end < lines.length) {
      const lineEnd = lines.indexOf(NEWLINE, end)
      end = lineEnd < 0 ? lines.length : lineEnd + 1
      this.#left -= 1
    }
    if (end > 0) await this.#out.copyText(lines.subarray(0, end), emittedAtMs)
    if (end < lines.length) this.#end()
  }

  async state(state: JsonValue): Promise<void> {
    await this.#out.state(state)
  }

  rateLimited(untilMs: number): void {
    this.#out.rateLimited(untilMs)
  }

  onCommitted(listener: (state: JsonValue) => void): void {
    this.#out.onCommitted?.(listener)
  }

  #end(): never {
    this.#ended.abort()
    throw new LimitReached('the read has given as many records as it may')
  }
}
