import { BlockEncoder } from '../../../protocol/avro/block-encoder.ts'
import { decodeBlock } from '../../../protocol/avro/decode-block.ts'
import type { Column, RecordData } from '../../../protocol/index.ts'
import { recordRuler } from '../../../protocol/rules/apply-rules.ts'
import type { KeyedRules } from '../../../protocol/rules/record-rules.ts'
import type { RecordOutput } from '../../connector.ts'
import { fieldOf } from '../copy-line.ts'
import type { ChangeBatch, PartialLine } from './change-batch.ts'
import { momentText } from './commit-time.ts'

/** Reads a row at the source, as a line, by the text of its key; undefined if it is gone. */
type RowOf = (key: (column: string) => string) => Promise<Buffer | undefined>

interface ChangeOutputOptions {
  /** Those of the lines. */
  readonly columns: readonly Column[]
  readonly rules?: KeyedRules | undefined
  readonly rowOf: RowOf
  /** Gives the lines of changes the form that those of a snapshot have. */
  readonly convert: (lines: Buffer) => Promise<Buffer>
}

/**
 * Writes lines of COPY text, those that lack values as records without them. Rules of the stream apply to all
 * of them: they then are records, too.
 */
export class ChangeOutput {
  readonly #out: RecordOutput
  readonly #columns: readonly Column[]
  readonly #rowOf: RowOf
  readonly #convert: ChangeOutputOptions['convert']
  readonly #rule: ((record: RecordData) => RecordData | undefined) | undefined

  constructor(out: RecordOutput, { columns, rules, rowOf, convert }: ChangeOutputOptions) {
    this.#rowOf = rowOf
    this.#convert = convert
    this.#out = out
    this.#columns = columns
    this.#rule = rules && recordRuler(rules)
  }

  /** Lines in the form that the stream has. */
  async lines(lines: Buffer): Promise<void> {
    if (lines.length === 0) return
    if (this.#rule === undefined) await this.#out.copyText(lines)
    else await this.#records(this.#decoded(lines))
  }

  /** Says that all rows before this place in their order are gone: the record has no key. */
  async gone(order: string, nowMs: number): Promise<void> {
    const moment = momentText(nowMs)
    const values: Readonly<Record<string, string>> = {
      _ab_cdc_lsn: `${order}.0000000000`,
      _ab_cdc_updated_at: moment,
      _ab_cdc_deleted_at: moment,
    }
    const fields = this.#columns.map(({ name }) => values[name] ?? '\\N')
    await this.lines(Buffer.from(`${fields.join('\t')}\n`))
  }

  /** The part of a batch from `start` to `end`, which are places between lines. */
  async part({ bytes, partials }: ChangeBatch, start: number, end: number): Promise<void> {
    let from = start
    let records: RecordData[] = []
    for (const partial of partials) {
      if (partial.start < start || partial.end > end) continue
      if (partial.start > from) {
        await this.#records(records)
        records = []
        await this.lines(await this.#convert(bytes.subarray(from, partial.start)))
      }
      records.push(...(await this.#partial(bytes, partial)))
      from = partial.end
    }
    await this.#records(records)
    await this.lines(await this.#convert(bytes.subarray(from, end)))
  }

  async #records(records: readonly RecordData[]): Promise<void> {
    const rule = this.#rule
    const passed = rule ? records.map(rule).filter((record) => record !== undefined) : records
    if (passed.length > 0) await this.#out.records(passed)
  }

  async #partial(bytes: Buffer, partial: PartialLine): Promise<RecordData[]> {
    const line = await this.#convert(bytes.subarray(partial.start, partial.end))
    const names = new Set(partial.missing.map((index) => this.#columns[index]?.name))
    const found = partial.isMoved ? await this.#present(line) : undefined
    return this.#decoded(line).map((record) =>
      Object.fromEntries(
        Object.entries(record).flatMap(([name, value]) => {
          if (!names.has(name)) return [[name, value]]
          return found === undefined ? [] : [[name, found[name]]]
        }),
      ),
    )
  }

  /**
   * The row with this key as it is now at the source. It may be newer than the change: then a later change
   * says the rest.
   */
  async #present(line: Buffer): Promise<RecordData | undefined> {
    const indexes = new Map(this.#columns.map(({ name }, index) => [name, index]))
    const row = await this.#rowOf((name) => fieldOf(line, 0, indexes.get(name) ?? 0) ?? '')
    return row && this.#decoded(row)[0]
  }

  #decoded(lines: Buffer): RecordData[] {
    const columns = this.#columns
    const encoder = new BlockEncoder({ columns, maxRecordBytes: Number.POSITIVE_INFINITY })
    const records: RecordData[] = []
    for (let from = 0; from < lines.length;) {
      from = encoder.copyText(lines, from, 0)
      const block = encoder.take()
      if (block !== undefined)
        records.push(
          ...decodeBlock(block.bytes, block.count, columns, 'digits').map(({ data }) => data),
        )
    }
    return records
  }
}
