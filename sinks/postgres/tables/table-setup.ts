import { ConnectError } from '../../../protocol/index.ts'
import { quoteIdentifier } from '../../../postgres/quote.ts'
import { quoteTable, type TableName } from './identifiers.ts'
import type { DestinationSession } from '../session.ts'
import type { StreamTarget } from './stream-target.ts'

/**
 * Why a table cannot be loaded as it is set up. Row-level security hides rows from us: an overwrite would
 * delete only those that it sees, and a merge would not find those that it is to change. The rows of tables
 * that inherit from it would count as its own: an overwrite or a merge would delete them.
 */
export async function findSetupRefusal(
  session: DestinationSession,
  { table, isOverwrite, key }: StreamTarget,
): Promise<ConnectError | undefined> {
  const object = quoteTable(table)
  const [found] = await session.rows<{ hidesRows: boolean; heir: string | null }>(
    `SELECT row_security_active(to_regclass($1)) AS "hidesRows",
            (SELECT min(format('%I.%I', n.nspname, h.relname)) FROM pg_inherits
               JOIN pg_class h ON h.oid = inhrelid JOIN pg_namespace n ON n.oid = h.relnamespace
              WHERE inhparent = to_regclass($1) AND NOT h.relispartition) AS heir`,
    [object],
  )
  const { user } = session.address
  if (found?.hidesRows === true) {
    const details = { object, user, role: quoteIdentifier(user) }
    return new ConnectError('destination_row_security_enabled', { details })
  }
  const heir = found?.heir ?? null
  if (heir === null || (!isOverwrite && key === undefined)) return undefined
  return new ConnectError('destination_table_inherited', { details: { table: object, heir } })
}

interface Dependent extends Record<string, unknown> {
  readonly table: string
  readonly constraint: string
  readonly action: keyof typeof consequences
  /** Selects a row that refers to the table; null if this role may not look. */
  readonly probe: string | null
  /**
   * Makes a foreign key of the same columns that is looked at when the transaction ends, and changes nothing.
   */
  readonly undo: string
}

/**
 * Why an overwrite of the table is refused: to exchange its rows, it deletes all of them, and a foreign key
 * of another table would delete the rows that refer to them, set their columns, or refuse the DELETE,
 * although the same keys come back a moment later. One that is looked at when the transaction ends does none
 * of that.
 */
export async function findCascade(
  session: DestinationSession,
  table: TableName,
): Promise<ConnectError | undefined> {
  for (const dependent of await readDependents(session, table)) {
    const { probe, undo } = dependent
    if (probe === null ? isOnlyRefused(dependent) : (await session.rows(probe)).length === 0)
      continue
    const details = {
      table: quoteTable(table),
      other: dependent.table,
      constraint: dependent.constraint,
      consequence: consequences[dependent.action],
      undo,
    }
    return new ConnectError('destination_rows_would_cascade', { details })
  }
  return undefined
}

/** Nothing is lost if a row refers to the table after all: the server says so at the end. */
function isOnlyRefused({ action }: Dependent): boolean {
  return action === 'a' || action === 'r'
}

const consequences = {
  a: 'refuse the DELETE that comes before the new rows',
  r: 'refuse the DELETE that comes before the new rows',
  c: 'delete its rows with them',
  n: 'set its columns to NULL with them',
  d: 'set its columns to their defaults with them',
} as const

/** The table's own references to itself go with its rows. */
async function readDependents(
  session: DestinationSession,
  table: TableName,
): Promise<readonly Dependent[]> {
  const columns = (oid: string, numbers: string): string =>
    `(SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY n) FROM unnest(${numbers}) WITH ORDINALITY AS k (number, n)
       JOIN pg_attribute a ON a.attrelid = ${oid} AND a.attnum = k.number)`
  return session.rows<Dependent>(
    `SELECT other AS "table", constraint_name AS "constraint", action,
            CASE WHEN may_look THEN format('SELECT FROM %s WHERE ROW(%s) IS NOT NULL AND EXISTS (SELECT FROM %s) LIMIT 1', other, from_columns, $1::text) END AS probe,
            format('ALTER TABLE %s DROP CONSTRAINT %s, ADD CONSTRAINT %s FOREIGN KEY (%s) REFERENCES %s (%s) DEFERRABLE INITIALLY DEFERRED',
                   other, constraint_name, constraint_name, from_columns, $1::text, to_columns) AS undo
       FROM (SELECT format('%I.%I', n.nspname, o.relname) AS other, quote_ident(conname) AS constraint_name, confdeltype AS action,
                    has_table_privilege(conrelid, 'SELECT') AS may_look,
                    ${columns('conrelid', 'conkey')} AS from_columns, ${columns('confrelid', 'confkey')} AS to_columns
               FROM pg_constraint JOIN pg_class o ON o.oid = conrelid JOIN pg_namespace n ON n.oid = o.relnamespace
              WHERE confrelid = to_regclass($1) AND conrelid <> confrelid AND contype = 'f' AND conparentid = 0
                AND NOT (confdeltype = 'a' AND condeferred)
                AND ${isEnforced}) d
      ORDER BY other, constraint_name`,
    [quoteTable(table)],
  )
}

/**
 * Whether the server checks a row of pg_constraint at all: NOT ENFORCED came with 18, and a foreign key acts
 * by triggers of the table `$1` that can be disabled.
 */
export const isEnforced = `coalesce((to_jsonb(pg_constraint) ->> 'conenforced')::boolean, true)
         AND NOT EXISTS (SELECT FROM pg_trigger t
               WHERE t.tgconstraint = pg_constraint.oid AND t.tgrelid = $1::regclass AND t.tgenabled NOT IN ('O', 'A'))`
