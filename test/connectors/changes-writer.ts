import pg from 'pg'
import type { PostgresAddress, Row } from '../support/postgres.ts'

/** The tables of a random writer, with the columns that are compared. */
export const writtenTables: Readonly<Record<string, string>> = {
  items: 'id, code, big, n, flag',
  pairs: 'a, b, v, note',
  whole: 'id, big, v',
  parts: 'id, region, v',
}

export const writtenSchema = `
  CREATE TABLE items (id int PRIMARY KEY, code text, big text, n numeric, flag bool);
  ALTER TABLE items ALTER big SET STORAGE EXTERNAL;
  CREATE TABLE pairs (a int, b text, v int, note text, PRIMARY KEY (a, b));
  CREATE TABLE whole (id int PRIMARY KEY, big text, v int);
  ALTER TABLE whole ALTER big SET STORAGE EXTERNAL;
  ALTER TABLE whole REPLICA IDENTITY FULL;
  CREATE TABLE parts (id int, region int, v text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
  CREATE TABLE parts_0 PARTITION OF parts FOR VALUES IN (0);
  CREATE TABLE parts_1 PARTITION OF parts DEFAULT`

const large = `repeat(md5(random()::text), 150)`

/** Makes random transactions, from a generator with a seed. */
export class RandomWriter {
  readonly #client: pg.Client
  readonly #random: () => number
  #prepared = 0

  constructor(address: PostgresAddress, random: () => number) {
    this.#client = new pg.Client({ ...address, ssl: false })
    // The statement that runs reports it.
    this.#client.on('error', () => undefined)
    this.#random = random
  }

  async open(): Promise<void> {
    await this.#client.connect()
  }

  async close(): Promise<void> {
    await this.#client.end()
  }

  async write(transactions: number): Promise<void> {
    for (let index = 0; index < transactions; index++) await this.#transaction()
  }

  async #transaction(): Promise<void> {
    const count = this.#below(10) === 0 ? 60 : 1 + this.#below(5)
    const statements: string[] = ['BEGIN']
    for (let index = 0; index < count; index++) {
      if (this.#below(6) > 0) statements.push(this.#statement())
      else {
        statements.push('SAVEPOINT s', this.#statement(), this.#statement())
        statements.push(this.#below(2) === 0 ? 'ROLLBACK TO s' : 'RELEASE s')
      }
    }
    const end = this.#below(12)
    if (end === 0) statements.push('ROLLBACK')
    else if (end === 1) {
      this.#prepared += 1
      const name = `'t${String(this.#prepared)}'`
      await this.#client.query([...statements, `PREPARE TRANSACTION ${name}`].join(';'))
      await this.#client.query(`COMMIT PREPARED ${name}`)
      return
    } else statements.push('COMMIT')
    await this.#client.query(statements.join(';'))
  }

  #statement(): string {
    const id = this.#below(200)
    const other = this.#below(200)
    const small = this.#below(1000)
    const choices = [
      `INSERT INTO items VALUES (${id}, E'c\\t\\\\${small}', ${large}, ${small}.50, true)
         ON CONFLICT (id) DO UPDATE SET code = excluded.code, flag = NOT items.flag`,
      `UPDATE items SET n = n + 1, flag = NULL WHERE id = ${id}`,
      `UPDATE items SET big = ${large} WHERE id = ${id}`,
      `UPDATE items SET id = ${other} WHERE id = ${id} AND NOT EXISTS (SELECT FROM items WHERE id = ${other})`,
      `DELETE FROM items WHERE id = ${id}`,
      `INSERT INTO pairs SELECT ${id % 20}, i::text, ${small}, NULL FROM generate_series(1, 5) i
         ON CONFLICT (a, b) DO UPDATE SET v = pairs.v + 1, note = E'n\\n${small}'`,
      `UPDATE pairs SET a = ${other % 20} WHERE a = ${id % 20} AND b = '3'
         AND NOT EXISTS (SELECT FROM pairs WHERE a = ${other % 20} AND b = '3')`,
      `DELETE FROM pairs WHERE a = ${id % 20} AND b < '3'`,
      `INSERT INTO whole VALUES (${id}, ${large}, ${small}) ON CONFLICT (id) DO UPDATE SET v = excluded.v`,
      `UPDATE whole SET id = ${other} WHERE id = ${id} AND NOT EXISTS (SELECT FROM whole WHERE id = ${other})`,
      `DELETE FROM whole WHERE id BETWEEN ${id} AND ${id + 3}`,
      `INSERT INTO parts VALUES (${id}, ${small % 3}, 'v${small}') ON CONFLICT (id, region) DO UPDATE SET v = excluded.v`,
      `UPDATE parts SET region = ${other % 3} WHERE id = ${id} AND region = ${small % 3}
         AND NOT EXISTS (SELECT FROM parts WHERE id = ${id} AND region = ${other % 3})`,
      `DELETE FROM parts WHERE id = ${id}`,
      this.#below(8) === 0
        ? `TRUNCATE ${['items', 'pairs', 'whole', 'parts'][id % 4] ?? 'items'}`
        : 'SELECT 1',
    ]
    return choices[this.#below(choices.length)] ?? 'SELECT 1'
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }
}

/** The rows of a table as COPY writes them. */
export function contentsSql(table: string): string {
  const columns = (writtenTables[table] ?? '').split(', ')
  const list = columns.map(
    (column) =>
      `CASE WHEN pg_typeof(${column}) = 'bool'::regtype THEN left(${column}::text, 1) ELSE ${column}::text END AS ${column}`,
  )
  return `SELECT ${list.join(', ')} FROM ${table}`
}

/** In an order of its own. */
export function sorted(rows: readonly Row[]): readonly string[] {
  return rows.map((row) => JSON.stringify(row)).toSorted()
}
