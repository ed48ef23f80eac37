/**
 * A table of a benchmark: made by Postgres from the number of the row alone, so that every machine measures
 * the same bytes.
 */
export interface TableShape {
  readonly name: string
  /** Columns with their types, as SQL, without a key. */
  readonly columns: string
  /** The column of its primary key. */
  readonly key?: string
  readonly rows: number
  /** The value of each column for the row `n`, as SQL. */
  readonly values: string
}

/** Whether a table that is loaded has the key of the source's table. */
export type TableKind = 'key' | 'no_key'

/**
 * Makes and fills these tables, and no others are left in the schema: programs that copy whole databases find
 * them alone.
 */
export function freshSource(tables: readonly TableShape[]): readonly string[] {
  return [
    'DROP SCHEMA public CASCADE',
    'CREATE SCHEMA public',
    ...tables.flatMap(createFilled),
    'CHECKPOINT',
  ]
}

/** Makes and fills the table. */
export function createFilled(table: TableShape): readonly string[] {
  return [
    ...createEmpty(table, 'key'),
    `INSERT INTO ${table.name} SELECT ${table.values} FROM generate_series(1, ${String(table.rows)}) AS n`,
    `VACUUM (ANALYZE, FREEZE) ${table.name}`,
  ]
}

/** Makes the table for a program that loads it. */
export function createEmpty(
  { name, columns, key }: TableShape,
  kind: TableKind,
): readonly string[] {
  const constraint = kind === 'key' && key !== undefined ? `, PRIMARY KEY (${key})` : ''
  return [`DROP TABLE IF EXISTS ${name}`, `CREATE TABLE ${name} (${columns}${constraint})`]
}
