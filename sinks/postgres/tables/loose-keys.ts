import { quoteIdentifier } from '../../../postgres/quote.ts'
import { quoteTable } from './identifiers.ts'
import type { Session } from '../session.ts'
import type { StreamTarget } from './stream-target.ts'
import { baseType } from './table-columns.ts'

/**
 * What somebody's choice of a column's type or collation does to the key: the server takes texts for equal that the source has as two keys, so that
 * their records become one row.
 */
export async function looseKeyWarnings(
  session: Session,
  { table, key, columns }: StreamTarget,
): Promise<readonly string[]> {
  if (key === undefined) return []
  const texts = columns.filter(({ kind, name }) => kind === 'string' && key.includes(name))
  if (texts.length === 0) return []
  const loose = await session.rows<{ column: string; why: string }>(
    `SELECT attname AS column, CASE WHEN typname = 'citext' THEN 'type citext' WHEN typname = 'uuid' THEN 'type uuid'
              ELSE format('collation %I', collname) END AS why
       FROM pg_attribute JOIN pg_type t ON t.oid = ${baseType('atttypid')}
       LEFT JOIN pg_collation c ON c.oid = attcollation
      WHERE attrelid = to_regclass($1) AND attname = ANY ($2) AND NOT attisdropped
        AND (typname = 'citext' OR typname = 'uuid' OR NOT c.collisdeterministic)
      ORDER BY attnum`,
    [quoteTable(table), texts.map(({ name }) => name)],
  )
  return loose.map(
    ({ column, why }) =>
      `Column ${quoteIdentifier(column)} of the key has the ${why}, which takes some different texts for equal (such as \`a\` and \`A\`): records of such keys become one row. If the source has any, give the column the type text with a deterministic collation.`,
  )
}
