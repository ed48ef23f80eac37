import { columnsOf, type ConfiguredAirbyteStream } from '../../../protocol/index.ts'
import { quoteIdentifier, quoteQualified } from '../../../postgres/quote.ts'
import type { PostgresConfig } from '../config.ts'
import { fieldAt } from '../copy-line.ts'
import { idleSessions, openWhenFree } from '../read-session.ts'
import type { SourceSession } from '../session.ts'
import { findSource, isAbsent } from '../stream-source.ts'
import { giveBack } from '../used-again.ts'
import { writeEscaped } from './copy-escape.ts'
import { withoutAdded } from './snapshot-chunk.ts'

/** A column whose values a snapshot reads by an expression: arrays as JSON, money as its amount. */
interface Converted {
  readonly index: number
  /** SQL over rows that have the column, and `n`. */
  readonly select: string
}

/**
 * Gives the values of changes, which are PostgreSQL's own text, the form that a snapshot has. The server
 * converts them, many at a time: no second implementation of its types.
 */
export class ValueConverter {
  readonly #config: PostgresConfig
  readonly #stream: ConfiguredAirbyteStream
  readonly #context: Pick<Parameters<typeof openWhenFree>[1], 'logger'>
  /** False if every column has its own text in either form. */
  readonly #mayConvert: boolean
  #converted: readonly Converted[] | undefined

  constructor(
    config: PostgresConfig,
    stream: ConfiguredAirbyteStream,
    context: Pick<Parameters<typeof openWhenFree>[1], 'logger'>,
  ) {
    this.#config = config
    this.#stream = stream
    this.#context = context
    this.#mayConvert = columnsOf(stream.stream.json_schema).some(
      ({ kind, postgres_type: type }) =>
        kind === 'json' || type === undefined || type.name === 'money',
    )
  }

  /** Whole lines of COPY text, with the fields of the stream's columns. */
  async convert(lines: Buffer): Promise<Buffer> {
    if (!this.#mayConvert || this.#converted?.length === 0 || lines.length === 0) return lines
    // A stop does not interrupt it: what was taken from the feed must be written.
    const { signal } = new AbortController()
    const session = await openWhenFree(this.#config, { logger: this.#context.logger, signal })
    if (session === undefined) return lines
    try {
      this.#converted ??= await this.#find(session)
      const rows = fieldsOf(lines)
      for (const column of this.#converted) await convertColumn(session, column, rows)
      return Buffer.concat(rows.map(lineOf))
    } finally {
      await giveBack(session, this.#config, idleSessions)
    }
  }

  async #find(session: SourceSession): Promise<readonly Converted[]> {
    const source = await findSource(session, withoutAdded(this.#stream))
    const columns = columnsOf(this.#stream.stream.json_schema).map(({ name }) => name)
    return source.columns.flatMap((column, position) => {
      const { name, type } = column
      const expression = source.expressions[position]
      if (expression === undefined || expression === quoteIdentifier(name)) return []
      if (isAbsent(column)) return []
      const rows = `SELECT x::${quoteQualified(type.schema, type.name)} AS ${quoteIdentifier(name)}, n FROM unnest($1::text[]) WITH ORDINALITY AS u(x, n)`
      const select = `SELECT (${expression})::text AS value FROM (${rows}) AS t ORDER BY n`
      return [{ index: columns.indexOf(name), select }]
    })
  }
}

/** The raw bytes of a field; text that was converted. */
type Field = Buffer | { readonly text: string | null }

function fieldsOf(lines: Buffer): Field[][] {
  const rows: Field[][] = []
  let start = 0
  let row: Field[] = []
  for (let offset = 0; offset < lines.length; offset++) {
    const byte = lines[offset]
    if (byte !== 0x09 && byte !== 0x0a) continue
    row.push(lines.subarray(start, offset + 1))
    start = offset + 1
    if (byte === 0x0a) {
      rows.push(row)
      row = []
    }
  }
  return rows
}

async function convertColumn(
  session: SourceSession,
  { index, select }: Converted,
  rows: readonly Field[][],
): Promise<void> {
  const texts = rows.map((row) => {
    const field = row[index]
    return Buffer.isBuffer(field) ? fieldAt(field, 0).text : null
  })
  const values = await session.rows<{ value: string | null }>(select, [texts])
  for (const [line, row] of rows.entries()) row[index] = { text: values[line]?.value ?? null }
}

function lineOf(row: readonly Field[]): Buffer {
  return Buffer.concat(
    row.map((field, index) => {
      if (Buffer.isBuffer(field)) return field
      const end = index === row.length - 1 ? '\n' : '\t'
      if (field.text === null) return Buffer.from(`\\N${end}`)
      const bytes = Buffer.from(field.text)
      const target = Buffer.alloc(2 * bytes.length + 1)
      const length = writeEscaped(target, 0, { bytes, start: 0, end: bytes.length })
      target.write(end, length)
      return target.subarray(0, length + 1)
    }),
  )
}
