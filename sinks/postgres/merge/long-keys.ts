import { sqlstates } from '../../../postgres/sqlstate.ts'
import { parseExact, stringifyExact } from '../../../protocol/exact-json.ts'
import { ConnectError } from '../../../protocol/index.ts'
import { quoteIdentifier } from '../../../postgres/quote.ts'
import type { Merge } from './merge-sql.ts'
import type { DestinationSession } from '../session.ts'

/** A row of the staging table whose key no index can hold. */
export interface LongKey {
  /** Its number in the transaction. */
  readonly row: number
  /** Canonical JSON of its key. */
  readonly key: string
}

export const keyTooLong =
  'its primary key is too long: an entry of an index holds about 2,700 bytes, compressed'

/** Keys that take less room than this fit in any case: the limit of a B-tree is 2,704 bytes. */
const SHORT_BYTES = 1_000

/** program_limit_exceeded: an index entry that is too long is one. */
export function isOverLimit(error: unknown): boolean {
  return error instanceof ConnectError && error.details.sqlstate === sqlstates.programLimitExceeded
}

/**
 * Takes the rows out of the source whose key the server refuses to index. What fits depends on how well a
 * value can be compressed, so the server is asked: each long key goes into an index that is made for it.
 * None: another index of the table was at fault.
 */
export async function takeLongKeys(
  session: DestinationSession,
  { source, key }: Merge,
): Promise<readonly LongKey[]> {
  const columns = key.map(quoteIdentifier).join(', ')
  const size = key
    .map((name) => `coalesce(pg_column_size(${quoteIdentifier(name)}), 0)`)
    .join(' + ')
  await session.runPinned(
    `CREATE TEMP TABLE _reactor_index_probe ON COMMIT DROP AS SELECT ${columns} FROM ${source} WITH NO DATA;
     CREATE INDEX ON pg_temp._reactor_index_probe (${columns});
     CREATE TEMP TABLE _reactor_long_keys (tid tid) ON COMMIT DROP;
     DO $probe$
     DECLARE
       candidate tid;
     BEGIN
       FOR candidate IN SELECT ctid FROM ${source} WHERE ${size} > ${SHORT_BYTES} LOOP
         BEGIN
           INSERT INTO pg_temp._reactor_index_probe SELECT ${columns} FROM ${source} WHERE ctid = candidate;
         EXCEPTION WHEN program_limit_exceeded THEN
           INSERT INTO pg_temp._reactor_long_keys VALUES (candidate);
         END;
       END LOOP;
     END
     $probe$`,
  )
  const rows = await session.rows<{ row: number; key: string }>(
    `DELETE FROM ${source} s USING pg_temp._reactor_long_keys l WHERE s.ctid = l.tid
     RETURNING _reactor_seq::float8 AS row, json_build_array(${columns})::text AS key`,
  )
  await session.runPinned('DROP TABLE pg_temp._reactor_index_probe, pg_temp._reactor_long_keys')
  return rows.map(({ row, key: text }) => ({ row, key: stringifyExact(parseExact(text)) }))
}
