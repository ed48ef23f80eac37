import type { RecordOutput } from '../../connectors/connector.ts'
import { BlockEncoder } from '../../protocol/avro/block-encoder.ts'
import { decodeBlock } from '../../protocol/avro/decode-block.ts'
import { columnsOf, type ConfiguredAirbyteStream } from '../../protocol/index.ts'
import type { Column, JsonValue, RecordData } from '../../protocol/index.ts'
import { recordRuler } from '../../protocol/rules/apply-rules.ts'
import type { KeyedRules } from '../../protocol/rules/record-rules.ts'

/**
 * Applies the rules of a stream to what a connector reads, before anything else sees it: the condition, the
 * masks, the names. It has no `copyBinary`; lines of COPY become records.
 */
export class RulingOutput implements RecordOutput {
  readonly #out: RecordOutput
  readonly #rule: (record: RecordData) => RecordData | undefined
  readonly #columns: readonly Column[]
  readonly #now: () => number

  constructor(
    out: RecordOutput,
    {
      rules,
      stream,
      now,
    }: {
      readonly rules: KeyedRules
      /** As the source has it. */
      readonly stream: ConfiguredAirbyteStream
      readonly now: () => number
    },
  ) {
    this.#out = out
    this.#rule = recordRuler(rules)
    this.#columns = columnsOf(stream.stream.json_schema)
    this.#now = now
  }

  async records(batch: readonly RecordData[], emittedAtMs?: number): Promise<void> {
    const passed = batch.map(this.#rule).filter((record) => record !== undefined)
    if (passed.length > 0) await this.#out.records(passed, emittedAtMs)
  }

  async copyText(lines: Uint8Array, emittedAtMs = this.#now()): Promise<void> {
    const columns = this.#columns
    const encoder = new BlockEncoder({ columns, maxRecordBytes: Number.POSITIVE_INFINITY })
    for (let from = 0; from < lines.length;) {
      from = encoder.copyText(lines, from, emittedAtMs)
      const block = encoder.take()
      if (block === undefined) continue
      const records = decodeBlock(block.bytes, block.count, columns, 'digits')
      await this.records(
        records.map(({ data }) => data),
        emittedAtMs,
      )
    }
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
}
