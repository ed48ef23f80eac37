import { quoteLiteral } from './quote.ts'
import { operatorIn } from './search-path.ts'

// SQL that counts and lists rows by hashes of their texts, so that two databases can be compared. The same
// text of the same value has the same hash on both sides, whatever the types of the columns are. For any
// search path.

/** Rows of one database, with their columns in a form that both databases write alike. */
export interface HashedRows {
  /** After FROM: a table, or a query. */
  readonly from: string
  /** All of these hold. */
  readonly conditions: readonly string[]
  /** The expressions of the key; empty: only the whole row identifies a row. */
  readonly key: readonly string[]
  /** The expressions of all columns, the key among them. */
  readonly values: readonly string[]
  readonly hash: 'fast' | 'md5'
  /** The encoding of the database. */
  readonly encoding: string
}

const equal = operatorIn('pg_catalog', '=')
const and = operatorIn('pg_catalog', '&')

/** Selects the facts by which two servers find out which hash both have. */
export const hashFactsSql = `SELECT pg_catalog.current_setting('server_encoding') AS encoding,
  pg_catalog.hashtextextended('reactor: a text to hash, äöü' COLLATE pg_catalog."C", 0)::pg_catalog.text AS probe`

/** A part of the rows: a range of their key, and the buckets of these numbers in it. */
interface Scope<Range> {
  readonly range: Range
  readonly bits: number
  readonly buckets: readonly number[] | undefined
}

interface ReaderOptions<Range> {
  query<R extends Record<string, unknown>>(sql: string): Promise<readonly R[]>
  rowsIn(range: Range): HashedRows
  /** The names of the columns that the load has changed, as an expression of text[]. */
  readonly noted?: string
}

interface CellsRow extends Record<string, unknown> {
  readonly id: string
  readonly hashes: readonly (string | null)[]
  readonly noted: readonly string[] | null
  readonly texts?: readonly (string | null)[]
}

/** Reads the rows of a database by their hashes. Each call is one statement. */
export class HashedRowsReader<Range> {
  readonly #options: ReaderOptions<Range>

  constructor(options: ReaderOptions<Range>) {
    this.#options = options
  }

  /** The count and the sum of the hashes of each bucket of `bits`. */
  sumBuckets(
    scope: Scope<Range>,
    bits: number,
  ): Promise<readonly { readonly bucket: number; readonly rows: number; readonly sum: string }[]> {
    const rows = this.#options.rowsIn(scope.range)
    return this.#options.query(
      `SELECT (r.id ${and} ${mask(bits)})::pg_catalog.float8 AS bucket, pg_catalog.count(*)::pg_catalog.float8 AS rows,
         pg_catalog.sum(r.hash)::pg_catalog.text AS sum
       FROM ${hashed(rows, [])} r ${inBuckets(scope)} GROUP BY 1`,
    )
  }

  /** The keys, their hashes and those of their rows; equal rows together. */
  async listRows(scope: Scope<Range>): Promise<
    readonly {
      readonly key: readonly (string | null)[]
      readonly id: string
      readonly row: string
      readonly count: number
    }[]
  > {
    const rows = this.#options.rowsIn(scope.range)
    const key = { name: 'key', expression: textArray(rows.key.map(outputText)) }
    return this.#options.query(
      `SELECT r.key, r.id::pg_catalog.text AS id, r.hash::pg_catalog.text AS row, pg_catalog.count(*)::pg_catalog.float8 AS count
       FROM ${hashed(rows, [key])} r ${inBuckets(scope)} GROUP BY r.key, r.id, r.hash`,
    )
  }

  /** The rows of these ids: a hash for each column, and the beginnings of the values. */
  async readCells(
    scope: Scope<Range>,
    ids: readonly string[],
    { withValues }: { readonly withValues: boolean },
  ): Promise<
    readonly {
      readonly id: string
      readonly hashes: readonly (string | null)[]
      readonly values?: readonly (string | null)[]
      readonly noted: readonly string[]
    }[]
  > {
    const rows = this.#options.rowsIn(scope.range)
    const texts = rows.values.map(outputText)
    const hashes = texts.map((text) => `${hashOf(text, rows)}::pg_catalog.text`)
    const shown = texts.map((text) => `pg_catalog."left"(${text}, ${String(shownCharacters)})`)
    const found = await this.#options.query<CellsRow>(
      rowsOfIdsSql(rows, ids, [
        { name: 'hashes', expression: textArray(hashes) },
        { name: 'noted', expression: this.#options.noted ?? 'NULL::pg_catalog.text[]' },
        ...(withValues ? [{ name: 'texts', expression: textArray(shown) }] : []),
      ]),
    )
    return found.map(({ id, hashes: ofColumns, noted, texts: values }) => {
      return { id, hashes: ofColumns, noted: noted ?? [], ...(values !== undefined && { values }) }
    })
  }
}

/** Values are shown up to this number of characters. */
const shownCharacters = 200

/** Selects the id and more of the rows whose key has one of these hashes. */
export function rowsOfIdsSql(
  rows: HashedRows,
  ids: readonly string[],
  columns: readonly Selected[],
): string {
  const names = columns.map(({ name }) => `r.${name}`).join(', ')
  return `SELECT r.id::pg_catalog.text AS id, ${names} FROM ${hashed(rows, columns)} r
    WHERE r.id ${equal} ANY (${bigints(ids)})`
}

/** The text that the type of an expression writes; a cast to text may be one that a user made. */
export function outputText(expression: string): string {
  return `(CASE WHEN (${expression}) IS NOT NULL THEN pg_catalog.format('%s', ${expression}) END)`
}

function textArray(expressions: readonly string[]): string {
  return `ARRAY[${expressions.join(', ')}]::pg_catalog.text[]`
}

interface Selected {
  readonly name: string
  readonly expression: string
}

/** The rows with their hashes: `id` of the key, `hash` of the whole row. */
function hashed(rows: HashedRows, more: readonly Selected[]): string {
  const id = rows.key.length === 0 ? [] : [`${hashOf(rowText(rows.key), rows)} AS id`]
  const selected = more.map(({ name, expression }) => `${expression} AS ${name}`)
  const columns = [...id, `${hashOf(rowText(rows.values), rows)} AS hash`, ...selected]
  const where = rows.conditions.map((condition) => `(${condition})`).join(' AND ')
  const query = `(SELECT ${columns.join(', ')} FROM ${rows.from}${where === '' ? '' : ` WHERE ${where}`})`
  return id.length > 0 ? query : `(SELECT w.hash AS id, w.* FROM ${query} w)`
}

/** The text of a row distinguishes NULL from an empty text, and quotes what would be mistaken. */
function rowText(expressions: readonly string[]): string {
  return `ROW(${expressions.join(', ')})::pg_catalog.text`
}

function hashOf(text: string, { hash, encoding }: Pick<HashedRows, 'hash' | 'encoding'>): string {
  if (hash === 'fast') return `pg_catalog.hashtextextended(${text} COLLATE pg_catalog."C", 0)`
  // A hash of bytes: those of UTF-8, on both sides.
  const isText = encoding === 'UTF8' || encoding === 'SQL_ASCII'
  const bytes = isText ? text : `pg_catalog.convert_to(${text}, 'UTF8')`
  return `pg_catalog.concat('x', pg_catalog."left"(pg_catalog.md5(${bytes}), 16))::pg_catalog.bit(64)::pg_catalog.int8`
}

function inBuckets({ bits, buckets }: Pick<Scope<unknown>, 'bits' | 'buckets'>): string {
  if (buckets === undefined) return ''
  return `WHERE (r.id ${and} ${mask(bits)}) ${equal} ANY (${bigints(buckets.map(String))})`
}

function mask(bits: number): string {
  return `${String(2 ** bits - 1)}::pg_catalog.int8`
}

function bigints(values: readonly string[]): string {
  return `${quoteLiteral(`{${values.join(',')}}`)}::pg_catalog.int8[]`
}
