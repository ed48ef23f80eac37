import { resetCommands } from '../../../lib/text/reset-commands.ts'
import { ConnectError, streamLabel } from '../../../protocol/index.ts'
import { quoteIdentifier } from '../../../postgres/quote.ts'
import { quoteTable, type TableName } from './identifiers.ts'
import { indexColumns, keyIndexName } from './key-index.ts'
import type { DestinationSession } from '../session.ts'
import type { StreamTarget } from './stream-target.ts'
import { baseType, hasRows, type TableColumns } from './table-columns.ts'

const otherRows =
  'Delete these rows, or load the stream once with the mode `overwrite_dedup`, which replaces them, or set another `primary_key`, or the mode `append` or `overwrite`.'

/** Why a table cannot have one row for each key. */
export function unusableKey(table: TableName, problem: string, fix = otherRows): ConnectError {
  const details = { table: quoteTable(table), problem, fix }
  return new ConnectError('destination_key_unusable', { details })
}

/** Why the table's columns and partitions do not allow the key, whatever its rows are. Only reads. */
export async function findUnfitKey(
  session: DestinationSession,
  { streamId, table, key, isOverwrite }: StreamTarget,
  actual: TableColumns,
): Promise<ConnectError | undefined> {
  if (key === undefined) return undefined
  const renamed = await renamedKey(session, { table, key, actual })
  if (renamed !== undefined) return renamed
  const partitioned = await partitionedElsewhere(session, table, key)
  if (partitioned !== undefined || isOverwrite) return partitioned
  const missing = key.filter((name) => !actual.has(name)).map(quoteIdentifier)
  const [first] = missing
  if (first === undefined || !(await hasRows(session, table))) return undefined
  return unusableKey(
    table,
    `its rows have no ${missing.join(' and ')}, which the key is made of`,
    `If somebody renamed the column, run \`ALTER TABLE ${quoteTable(table)} RENAME COLUMN … TO ${first}\`. Else run \`TRUNCATE ${quoteTable(table)}\` and reset the stream (${resetCommands(streamLabel(streamId))}). Then run the connection again.`,
  )
}

/** The index of the key goes with its columns when somebody renames them. */
async function renamedKey(
  session: DestinationSession,
  {
    table,
    key,
    actual,
  }: { readonly table: TableName; readonly key: readonly string[]; readonly actual: TableColumns },
): Promise<ConnectError | undefined> {
  const held = await indexColumns(session, table, keyIndexName(table, key))
  const index = key.findIndex((name, position) => held !== undefined && held[position] !== name)
  const [was, is] = [key[index], held?.[index]]
  if (was === undefined || is === undefined) return undefined
  const [name, quoted, column] = [quoteTable(table), quoteIdentifier(was), quoteIdentifier(is)]
  const rename = `\`ALTER TABLE ${name} RENAME COLUMN ${column} TO ${quoted}\``
  const drop = actual.has(was) ? `\`ALTER TABLE ${name} DROP COLUMN ${quoted}\` and ` : ''
  return unusableKey(
    table,
    `somebody renamed its key column ${quoted} to ${column}`,
    `Run ${drop}${rename}, and run the connection again.`,
  )
}

/** A unique index of a partitioned table has all columns of its partition key, or the server refuses it. */
async function partitionedElsewhere(
  session: DestinationSession,
  table: TableName,
  key: readonly string[],
): Promise<ConnectError | undefined> {
  const [found] = await session.rows<{ column: string | null }>(
    `SELECT a.attname AS column
       FROM pg_partition_tree(to_regclass($1)) t JOIN pg_partitioned_table p ON p.partrelid = t.relid
       JOIN unnest(p.partattrs::int2[]) WITH ORDINALITY AS k (number, place) ON true
       LEFT JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = k.number
      WHERE a.attname IS NULL OR a.attname <> ALL ($2) ORDER BY t.level, k.place LIMIT 1`,
    [quoteTable(table), key],
  )
  if (found === undefined) return undefined
  const { column } = found
  const by = column === null ? 'an expression' : quoteIdentifier(column)
  const add =
    column === null
      ? 'Partition the table by columns of the key'
      : `Add ${by} to \`primary_key\` of the stream if it never changes for a record, or partition the table by columns of the key`
  return unusableKey(
    table,
    `it is partitioned by ${by}, and PostgreSQL makes a unique index of ${key.map(quoteIdentifier).join(', ')} only if all columns of the partition key are in it`,
    `${add}, or set the mode \`append\` or \`overwrite\`.`,
  )
}

const looseTypes = ['citext', 'uuid', 'inet', 'cidr', 'macaddr', 'macaddr8']

/**
 * The effect of a user's column type or collation on the key: the server treats texts as equal that are two
 * keys at the source, so their records become one row.
 */
export async function warnOfLooseKeys(
  session: DestinationSession,
  { table, key, columns }: StreamTarget,
): Promise<readonly string[]> {
  if (key === undefined) return []
  const texts = columns.filter(({ kind, name }) => kind === 'string' && key.includes(name))
  if (texts.length === 0) return []
  const loose = await session.rows<{ column: string; type: string; why: string }>(
    `SELECT attname AS column, format_type(atttypid, atttypmod) AS type, CASE WHEN typname = ANY ($3) THEN format('type %s', typname)
              ELSE format('collation %I', collname) END AS why
       FROM pg_attribute JOIN pg_type t ON t.oid = ${baseType('atttypid')}
       LEFT JOIN pg_collation c ON c.oid = attcollation
      WHERE attrelid = to_regclass($1) AND attname = ANY ($2) AND NOT attisdropped
        AND (typname = ANY ($3) OR NOT c.collisdeterministic)
      ORDER BY attnum`,
    [quoteTable(table), texts.map(({ name }) => name), looseTypes],
  )
  // The source's own type takes the same texts for equal.
  const own = new Map(texts.map(({ name, source }) => [name, source?.formatted]))
  const others = loose.filter(({ column, type }) => own.get(column) !== type)
  return others.map(
    ({ column, why }) =>
      `Column ${quoteIdentifier(column)} of the key has the ${why}, which treats some different texts as equal (such as \`a\` and \`A\`): records of such keys become one row. If the source has any, give the column the type text with a deterministic collation.`,
  )
}
