import { ConnectError } from '../../../protocol/index.ts'
import { quoteIdentifier } from '../../../postgres/quote.ts'
import { quoteTable } from './identifiers.ts'
import type { Session } from '../session.ts'
import type { StreamTarget } from './stream-target.ts'

/**
 * Why a table cannot be loaded as it is set up. Row-level security hides rows from us: an overwrite would delete only those that it sees,
 * and a merge would not find those that it is to change. The rows of tables that inherit from it would count as its own: an overwrite or a
 * merge would delete them.
 */
export async function setupRefusal(
  session: Session,
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
