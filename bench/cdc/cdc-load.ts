import pg from 'pg'

/** The table whose changes are read: 12 columns, as in the other benchmarks. */
export const changedTable = 'bench_orders'

/** Half of the keys exist, so that updates and deletes meet rows, and inserts new keys. */
export interface Backlog {
  readonly changes: number
  readonly perTransaction: number
}

/**
 * A procedure that makes changes as an application would: of ten, seven update, two insert and one deletes a
 * row, in small transactions.
 */
export function workloadSql(rows: number): readonly string[] {
  return [
    `CREATE OR REPLACE PROCEDURE make_changes(first int, changes int, per_transaction int) LANGUAGE plpgsql AS $$
     DECLARE n int;
     BEGIN
       FOR n IN first..first + changes - 1 LOOP
         CASE n % 10
           WHEN 0 THEN DELETE FROM ${changedTable} WHERE id = 1 + (n / 10 * 3) % ${String(rows)};
           WHEN 1, 2 THEN INSERT INTO ${changedTable}
             SELECT ${String(rows)} + n, account_id, email, name, amount, active, verified, score, born, created_at, attributes, note
               FROM ${changedTable} WHERE id = (SELECT max(id) FROM ${changedTable} WHERE id <= ${String(rows)});
           ELSE UPDATE ${changedTable} SET amount = n, note = 'changed ' || n WHERE id = 1 + (n::bigint * 7919) % ${String(rows)};
         END CASE;
         IF n % per_transaction = 0 THEN COMMIT; END IF;
       END LOOP;
     END $$`,
  ]
}

/** Makes the changes, and returns the position of the log behind them. */
export async function makeChanges(
  url: string,
  first: number,
  { changes, perTransaction }: Backlog,
): Promise<string> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(
      `CALL make_changes(${String(first)}, ${String(changes)}, ${String(perTransaction)})`,
    )
    const { rows } = await client.query<{ lsn: string }>('SELECT pg_current_wal_lsn()::text AS lsn')
    return rows[0]?.lsn ?? '0/0'
  } finally {
    await client.end()
  }
}

/** One number for all rows: what was moved is what is there. */
export function sumSql(table: string): string {
  return `SELECT count(*) || ':' || coalesce(sum(hashtext(id || coalesce(amount::text, '') || coalesce(note, ''))::bigint), 0) FROM ${table}`
}
