import { decodeBlock, type DecodedRecord } from '../../protocol/avro/decode-block.ts'
import { fingerprintIn, unframeRecords } from '../../protocol/avro/frame-block.ts'
import { parseExact, stringifyExact, type Column, type RecordValue } from '../../protocol/index.ts'
import { beginValue } from '../log/kafka/message-schemas.ts'
import type { TopicMessage } from './rebuild-table.ts'

/** Messages of a stream's topic as text: one line of JSON for each, with the records decoded. */
export class TopicLines {
  /** By the fingerprint that a value begins with. */
  readonly #schemas = new Map<string, readonly Column[]>()
  #newest: { readonly attempt: number; readonly columns: readonly Column[] } | undefined

  /** The columns of the newest attempt; none if there was no BEGIN. */
  get columns(): readonly Column[] {
    return this.#newest?.columns ?? []
  }

  /** Notes the columns that a BEGIN has. */
  learn({ headers, value }: TopicMessage): void {
    if (headers.get('type') !== 'BEGIN' || value === null) return
    const { columns } = beginValue.parse(JSON.parse(value.toString()))
    this.#schemas.set(headers.get('fingerprint') ?? '', columns)
    const attempt = Number(headers.get('attempt') ?? 0)
    if (attempt >= (this.#newest?.attempt ?? 0)) this.#newest = { attempt, columns }
  }

  lineOf(message: TopicMessage): string {
    this.learn(message)
    const { partition, offset, headers, key, value } = message
    return stringifyExact({
      partition,
      offset: offset.toString(),
      ...Object.fromEntries(headers),
      ...(key !== null && { key: key.toString() }),
      ...this.#contentOf(headers, value),
    })
  }

  #contentOf(
    headers: ReadonlyMap<string, string>,
    value: Buffer | null,
  ): Readonly<Record<string, RecordValue>> {
    if (value === null) return { value: null }
    if (headers.get('type') !== 'RECORD') return { value: jsonOrText(value) }
    const records = this.#decode(headers, value)
    // Read from the middle: the BEGIN with its schema was not seen.
    return records === undefined
      ? { bytes: value.length }
      : { records: records.map(({ data }) => data) }
  }

  #decode(
    headers: ReadonlyMap<string, string>,
    value: Buffer,
  ): readonly DecodedRecord[] | undefined {
    const fingerprint = fingerprintIn(value) ?? ''
    const columns = this.#schemas.get(fingerprint)
    const count = headers.has('count') ? Number(headers.get('count')) : undefined
    const bytes = unframeRecords(value, count, fingerprint)
    if (columns === undefined || bytes === undefined) return undefined
    return decodeBlock(bytes, count ?? 1, columns)
  }
}

function jsonOrText(value: Buffer): RecordValue {
  const text = value.toString()
  try {
    return parseExact(text)
  } catch {
    return text // another producer's
  }
}
