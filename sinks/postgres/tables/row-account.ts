import { ConnectError } from '../../../protocol/index.ts'
import { quoteIdentifier } from '../../../postgres/quote.ts'
import { quoteTable, type TableName } from './identifiers.ts'
import type { DestinationSession } from '../session.ts'

/** Rows of a table that a statement had to write or delete, and those that it did. */
export interface RowAccount {
  readonly due: number
  readonly done: number
}

export interface RowPlace {
  /** Of the stream, for people. */
  readonly stream: string
  readonly table: TableName
}

/** Throws if a trigger or a policy of the table (or nothing that is known) left rows out. The transaction is then to be rolled back. */
export async function requireRows(
  session: DestinationSession,
  place: RowPlace,
  { due, done }: RowAccount,
): Promise<void> {
  if (due !== done) throw await rowsDropped(session, place, { due, done })
}

async function rowsDropped(
  session: DestinationSession,
  { stream, table }: RowPlace,
  { due: expected, done: actual }: RowAccount,
): Promise<ConnectError> {
  const object = quoteTable(table)
  const found = await session.rows<{ rule: string; undo: string }>(
    `WITH tables AS (SELECT to_regclass($1) AS oid UNION SELECT relid FROM pg_partition_tree(to_regclass($1)))
     SELECT format('trigger %I', tgname) AS rule, format('ALTER TABLE %s DISABLE TRIGGER %I', $1, tgname) AS undo
       FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM tables) AND NOT tgisinternal AND tgenabled IN ('O', 'A')
        AND tgtype & 3 = 3 -- BEFORE, of each row: it may leave the row out, or keep the old one
      UNION SELECT format('rule %I', rulename), format('ALTER TABLE %s DISABLE RULE %I', $1, rulename)
       FROM pg_rewrite WHERE ev_class = to_regclass($1) AND is_instead AND ev_enabled IN ('O', 'A')
      UNION SELECT format('policy %I', polname), format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', $1)
       FROM pg_policy JOIN pg_class c ON c.oid = polrelid WHERE polrelid IN (SELECT oid FROM tables) AND relrowsecurity
      ORDER BY rule`,
    [object],
  )
  const [first] = found
  if (first === undefined) {
    const details = { stream, expected, actual, unit: `rows of ${object}` }
    return new ConnectError('accounting_mismatch', { details })
  }
  const rules = found.map(({ rule }) => rule).join(' or ')
  const details = { stream, object, expected, actual, rules, undo: first.undo }
  return new ConnectError('destination_rows_left_out', { details })
}

/** Whether a trigger sees updates before they are made. It may return the old row: then the server counts an update that changed nothing. */
export async function hasUpdateTrigger(
  session: DestinationSession,
  table: TableName,
): Promise<boolean> {
  const [row] = await session.rows<{ found: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_trigger
       WHERE tgrelid IN (SELECT to_regclass($1)::oid UNION SELECT relid FROM pg_partition_tree(to_regclass($1)))
         AND NOT tgisinternal AND tgenabled IN ('O', 'A')
         AND tgtype & 19 = 19 -- BEFORE UPDATE, of each row
     ) AS found`,
    [quoteTable(table)],
  )
  return row?.found === true
}

/** Why a run cannot load the table: a rule would replace its statements, and the server counts those of the rule, or refuses them. */
export async function findRewritingRule(
  session: DestinationSession,
  table: TableName,
  events: { readonly any: readonly RuleEvent[]; readonly instead: readonly RuleEvent[] },
): Promise<ConnectError | undefined> {
  const object = quoteTable(table)
  const [found] = await session.rows<{ rule: string }>(
    `SELECT rulename AS rule FROM pg_rewrite
      WHERE ev_class = to_regclass($1) AND ev_enabled IN ('O', 'A')
        AND (ev_type = ANY ($2) OR is_instead AND ev_type = ANY ($3)) ORDER BY rulename LIMIT 1`,
    [object, codesOf(events.any), codesOf(events.instead)],
  )
  if (found === undefined) return undefined
  const details = { object, rule: quoteIdentifier(found.rule) }
  return new ConnectError('destination_rule_unsupported', { details })
}

/** As pg_rewrite has them. */
const ruleEvents = { update: '2', insert: '3', delete: '4' } as const
export type RuleEvent = keyof typeof ruleEvents

function codesOf(events: readonly RuleEvent[]): readonly string[] {
  return events.map((event) => ruleEvents[event])
}
