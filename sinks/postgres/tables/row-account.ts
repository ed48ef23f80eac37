import { ConnectError, type ErrorDetails } from '../../../protocol/index.ts'
import { faultTexts } from '../destination-errors.ts'
import { quoteIdentifier, quoteLiteral } from '../../../postgres/quote.ts'
import { quoteTable, type TableName } from './identifiers.ts'
import type { DestinationSession } from '../session.ts'

/** Rows of a table that a statement had to write or delete, and those that it did. */
export interface RowAccount {
  readonly due: number
  readonly done: number
}

/** … and how it did that. */
export interface RowChanges extends RowAccount {
  readonly events: readonly RowEvent[]
}

export interface RowPlace {
  /** The name of the stream, for people. */
  readonly stream: string
  readonly table: TableName
}

/**
 * Throws if a trigger or a policy of the table (or nothing that is known) left rows out. The transaction is
 * then to be rolled back.
 */
export async function requireRows(
  session: DestinationSession,
  place: RowPlace,
  changes: RowChanges,
): Promise<void> {
  if (changes.due !== changes.done) throw await rowsDropped(session, place, changes)
}

async function rowsDropped(
  session: DestinationSession,
  { stream, table }: RowPlace,
  { due: expected, done: actual, events }: RowChanges,
): Promise<ConnectError> {
  const object = quoteTable(table)
  // The server applies the policies of the table that a statement names, if they apply to its user.
  const found = await session.rows<RowRule>(
    `${triggersOfTable} UNION
     SELECT format('rule %I', rulename), nspname, relname, format('DISABLE RULE %I', rulename)
       FROM pg_rewrite JOIN pg_class c ON c.oid = ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE ev_class = to_regclass($1) AND is_instead AND ev_enabled IN ('O', 'A') UNION
     SELECT format('policy %I', polname), nspname, relname, 'DISABLE ROW LEVEL SECURITY'
       FROM pg_policy JOIN pg_class c ON c.oid = polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE polrelid = to_regclass($1) AND row_security_active(polrelid)
      ORDER BY rule, schema, "table"`,
    [object, triggerCodes(events), triggerTimes['row before']],
  )
  const details = { stream, expected, actual }
  if (found.length === 0) return rowsUnaccounted(table, details)
  const facts = { ...details, object, ...namesOf(found) }
  return new ConnectError('destination_rows_left_out', { details: facts })
}

/**
 * Throws if a trigger gave rows of the table (`moved`) a key that no record has. The transaction is then to
 * be rolled back.
 */
export async function requireKeysKept(
  session: DestinationSession,
  { stream, table }: RowPlace,
  moved: number,
): Promise<void> {
  if (moved === 0) return
  const object = quoteTable(table)
  const triggers = await findTriggers(session, object, { events: ['insert', 'update'] })
  if (triggers === undefined) throw rowsUnaccounted(table, { stream, expected: moved, actual: 0 })
  throw keyChanged({ stream, object }, triggers, faultTexts.changes_key)
}

/**
 * Throws if a trigger gave rows (`late`) a later value of the cursor, or a later time, than their records
 * have: a dedup mode would take the next version of such a record for an older one, and leave it out. The
 * transaction is then to be rolled back.
 */
export async function requireOrderKept(
  session: DestinationSession,
  { stream, table }: RowPlace,
  {
    late,
    cursor,
    by,
  }: {
    readonly late: number
    readonly cursor: string | undefined
    readonly by: TriggerTime
  },
): Promise<void> {
  if (late === 0) return
  const object = quoteTable(table)
  const triggers = await findTriggers(session, object, { events: ['insert', 'update'], time: by })
  if (triggers === undefined) throw rowsUnaccounted(table, { stream, expected: late, actual: 0 })
  const { rules, undo } = triggers
  const columns = cursor === undefined ? [] : [`column ${quoteIdentifier(cursor)}`]
  const changed = [...columns, '_airbyte_extracted_at'].join(' or ')
  throw new ConnectError('destination_key_unusable', {
    details: {
      stream,
      object,
      table: object,
      problem: `${rules} gives rows a later ${changed} than their records have, so the next version of a record would be taken for an older one`,
      fix: `Let the trigger leave ${changed} alone, or run \`${undo}\`, and run the connection again. Its own time can be a column of its own. If rows of the table have such values already, load the stream once with \`overwrite_dedup\`: otherwise newer versions of their records are left out.`,
    },
  })
}

/** `does`: what the triggers do to the keys of rows. */
export function keyChanged(
  { object, ...facts }: ErrorDetails & { readonly object: string },
  { rules, undo }: Suspects,
  does: string,
): ConnectError {
  const fix = `Let the trigger leave the key alone, or run \`${undo}\`, and run the connection again. What it makes of the key can be a column of its own. If rows of the table have such keys already, load the stream once with \`overwrite_dedup\`: otherwise each of their records becomes a second row.`
  const details = { ...facts, object, table: object, problem: `${rules} ${does}`, fix }
  return new ConnectError('destination_key_unusable', { details })
}

/**
 * The triggers of a table (`object`, quoted) and its partitions that act on one of the events, at this time
 * (by default, on each row before it); undefined if there are none.
 */
export async function findTriggers(
  session: DestinationSession,
  object: string,
  {
    events,
    time = 'row before',
  }: { readonly events: readonly RowEvent[]; readonly time?: TriggerTime },
): Promise<Suspects | undefined> {
  const found = await session.rows<RowRule>(`${triggersOfTable} ORDER BY rule, schema, "table"`, [
    object,
    triggerCodes(events),
    triggerTimes[time],
  ])
  return found.length === 0 ? undefined : namesOf(found)
}

function rowsUnaccounted(
  table: TableName,
  counts: { readonly stream: string; readonly expected: number; readonly actual: number },
): ConnectError {
  const details = { ...counts, unit: `rows of ${quoteTable(table)}` }
  return new ConnectError('accounting_mismatch', { details })
}

/** Something of a table, or of a partition, that changes what a statement does to its rows. */
interface RowRule {
  readonly rule: string
  readonly schema: string
  readonly table: string
  /** The action of ALTER TABLE that undoes it. */
  readonly undo: string
}

/** Oids, for a condition. `$1`: the table, as SQL names it. */
export const tableAndPartitions =
  '(SELECT to_regclass($1)::oid UNION SELECT relid FROM pg_partition_tree(to_regclass($1)))'

/** As pg_trigger has them. */
const triggerEvents = { insert: 4, delete: 8, update: 16 } as const
/** How a statement changes a row. */
export type RowEvent = keyof typeof triggerEvents

/** As pg_trigger has them: 1 for each row, 2 before. */
const triggerTimes = { 'row before': [3], after: [0, 1] } as const
export type TriggerTime = keyof typeof triggerTimes

function triggerCodes(events: readonly RowEvent[]): number {
  return events.reduce((codes, event) => codes | triggerEvents[event], 0)
}

/**
 * Selects the triggers of these events (`$2`) and times (`$3`) that may leave rows out, or change them. One
 * of a partitioned table has copies at its partitions, which are disabled with it.
 */
const triggersOfTable = `SELECT format('trigger %I', tgname) AS rule, nspname AS schema, relname AS "table", format('DISABLE TRIGGER %I', tgname) AS undo
  FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE tgrelid IN ${tableAndPartitions} AND NOT tgisinternal AND tgenabled IN ('O', 'A')
   AND tgtype & 3 = ANY ($3::int[]) AND tgtype & $2 <> 0
   AND NOT EXISTS (SELECT FROM pg_trigger p
                    WHERE p.oid = t.tgparentid AND p.tgrelid IN ${tableAndPartitions} AND p.tgenabled IN ('O', 'A'))`

/** In words, and the statements that put all of them out of action. */
export interface Suspects {
  readonly rules: string
  readonly undo: string
}

function namesOf(found: readonly RowRule[]): Suspects {
  const rules = new Set(found.map(({ rule }) => rule))
  const undo = new Set(found.map((rule) => `ALTER TABLE ${quoteTable(rule)} ${rule.undo}`))
  return { rules: [...rules].join(' or '), undo: [...undo].join('; ') }
}

/**
 * Whether the table has triggers of INSERT or UPDATE. One that sees a row before may return the old row: then
 * the server counts an update that changed nothing. It may also change the key, or what says which of two
 * versions is newer; one that comes after, the latter. `deferred`: some act at the end of the transaction.
 */
export async function readTriggers(
  session: DestinationSession,
  table: TableName,
): Promise<'none' | 'immediate' | 'deferred'> {
  const [row] = await session.rows<{ deferred: boolean | null }>(
    `SELECT bool_or(tginitdeferred) AS deferred FROM pg_trigger WHERE ${isOwnTrigger}`,
    [quoteTable(table)],
  )
  const deferred = row?.deferred ?? undefined
  if (deferred === undefined) return 'none'
  return deferred ? 'deferred' : 'immediate'
}

/** Condition on pg_trigger: the trigger acts on rows of the table `$1` that are inserted or updated. */
const isOwnTrigger = `tgrelid IN ${tableAndPartitions} AND NOT tgisinternal AND tgenabled IN ('O', 'A') AND tgtype & 20 <> 0`

/**
 * Statements without a result that are refused with division_by_zero if the table has triggers of INSERT or
 * UPDATE. The lock, which a COPY takes anyway, keeps others from making one before the transaction ends;
 * those of partitions would be too many. No DO block: plpgsql may be out of reach for this login.
 */
export function refuseTriggers(table: TableName): string {
  const condition = isOwnTrigger.replaceAll('$1', () => quoteLiteral(quoteTable(table)))
  const cursor = '_reactor_triggers'
  return `LOCK TABLE ONLY ${quoteTable(table)} IN ROW EXCLUSIVE MODE; DECLARE ${cursor} NO SCROLL CURSOR FOR SELECT 1 / CASE WHEN EXISTS (SELECT FROM pg_trigger WHERE ${condition}) THEN 0 ELSE 1 END;
    MOVE ${cursor}; CLOSE ${cursor}`
}

/**
 * Why a run cannot load the table: a rule would replace its statements, and the server counts those of the
 * rule, or refuses them.
 */
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
