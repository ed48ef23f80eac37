import { quoteIdentifier } from '../../../postgres/quote.ts'
import { quoteTable, type TableName } from '../tables/identifiers.ts'
import type { Merge } from './merge-sql.ts'
import { operatorSchema } from './operators.ts'
import type { DestinationSession } from '../session.ts'
import type { StreamTarget } from '../tables/stream-target.ts'
import { storageOf, type TableColumns } from '../tables/table-columns.ts'

/**
 * The session's own table in which the rows of one transaction wait for their merge. Empty again after each
 * commit.
 */
export const staging = 'pg_temp._reactor_staging'

/**
 * Makes the staging table for rows of these columns of the table. A temporary table costs no write-ahead log.
 */
export async function createStaging(
  session: DestinationSession,
  table: TableName,
  columns: readonly string[],
): Promise<void> {
  const meta = columns.includes('_airbyte_meta') ? '' : 'NULL::pg_catalog.jsonb AS _airbyte_meta, '
  await session.run(
    `DROP TABLE IF EXISTS ${staging};
     CREATE TEMP TABLE _reactor_staging ${storageOf(columns.length)} ON COMMIT DELETE ROWS AS
       SELECT ${columns.map(quoteIdentifier).join(', ')}, ${meta}
              NULL::pg_catalog.int8 AS _reactor_seq, NULL::pg_catalog.text[] AS _reactor_missing
         FROM ${quoteTable(table)} WITH NO DATA`,
  )
}

/** The merge of the staging table, or of the table's own rows, by the stream's rules. */
export function mergeOf(
  target: StreamTarget,
  table: TableName,
  options: {
    readonly actual: TableColumns
    readonly columns: readonly string[]
    readonly deletes: 'hard' | 'soft' | 'none'
    readonly missing?: readonly string[]
    readonly hasNullKeys: boolean
    readonly hasRepeatedKeys: boolean
  },
): Merge {
  const { deletedAt, key = [] } = target
  const { actual, columns, deletes, missing = [], hasNullKeys, hasRepeatedKeys } = options
  const isDeletable = deletedAt !== undefined && deletes !== 'none'
  return {
    target: table,
    source: staging,
    columns,
    key,
    operatorsOf: (column) => operatorSchema(actual, column),
    cursor: cursorOf(target, actual),
    deletes: isDeletable ? { column: deletedAt, how: deletes } : undefined,
    missing,
    hasNullKeys,
    hasRepeatedKeys,
  }
}

/**
 * Text does not keep the order of every type (an enum, 9 before 10, collation rules): then the later record
 * is the newer one.
 */
function cursorOf(
  { cursor, isCursorOrdered }: StreamTarget,
  actual: TableColumns,
): Merge['cursor'] {
  if (cursor === undefined) return undefined
  const isText = actual.get(cursor.name)?.held === 'text'
  return isText && isCursorOrdered ? undefined : { ...cursor, isText }
}
