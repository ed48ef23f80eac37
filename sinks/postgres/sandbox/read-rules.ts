import { quoteTable, type TableName } from '../tables/identifiers.ts'
import type { DestinationSession } from '../session.ts'
import { isEnforced } from '../tables/table-setup.ts'

/** A rule of a production table that is the user's: every row that a run writes has to obey it. */
export type TableRule = CheckRule | UniqueRule | ReferenceRule

export interface CheckRule {
  readonly kind: 'check'
  readonly name: string
  readonly columns: readonly string[]
  /** SQL over the columns. */
  readonly expression: string
}

/** No two rows may have the same, or (of an exclusion constraint) such, values. */
export interface UniqueRule {
  readonly kind: 'unique' | 'exclusion'
  readonly name: string
  readonly columns: readonly string[]
  /** SQL over the columns, each with the operator (with its schema) that two rows must not both satisfy. */
  readonly parts: readonly { readonly expression: string; readonly operator: string }[]
  /** SQL: the rows that it is about; null: all. */
  readonly predicate: string | null
  readonly nullsAreEqual: boolean
  /** It is looked at when the statement ends, not row by row. */
  readonly isDeferrable: boolean
}

/** A row has to be in another table. */
export interface ReferenceRule {
  readonly kind: 'reference'
  readonly name: string
  readonly columns: readonly string[]
  readonly other: TableName
  /**
   * The operators with their schemas. The left operand is a value of the other table, the right operand a
   * value of this table.
   */
  readonly operators: readonly string[]
  readonly otherColumns: readonly string[]
  /** It refers to the table itself. */
  readonly isOwn: boolean
}

/** A foreign key of another table to this one: what happens there when a row goes. */
export interface IncomingKey {
  readonly name: string
  readonly columns: readonly string[]
  readonly from: TableName
  readonly fromColumns: readonly string[]
  /**
   * The operators with their schemas. The left operand is a value of this table, the right operand a value of
   * the other table.
   */
  readonly operators: readonly string[]
  readonly onDelete: 'refused' | 'deleted' | 'set_null' | 'set_default'
  /** It is looked at when the transaction ends, not when the row goes. */
  readonly isDeferred: boolean
}

const namesOf = (relation: string, numbers: string): string =>
  `ARRAY(SELECT a.attname::text FROM unnest(${numbers}) WITH ORDINALITY AS n (attnum, place)
           JOIN pg_attribute a ON a.attrelid = ${relation} AND a.attnum = n.attnum ORDER BY n.place)`

/** How SQL names the operators of these oids, on every search path. */
const operatorsOf = (oids: string): string =>
  `ARRAY(SELECT 'OPERATOR(' || quote_ident(ns.nspname) || '.' || o.oprname || ')'
           FROM unnest(${oids}) WITH ORDINALITY AS x (oid, place)
           JOIN pg_operator o ON o.oid = x.oid JOIN pg_namespace ns ON ns.oid = o.oprnamespace ORDER BY x.place)`

/** By which a unique index of these operator classes takes two values for the same. */
const equalitiesOf = (classes: string): string =>
  operatorsOf(`ARRAY(SELECT ao.amopopr FROM unnest(${classes}) WITH ORDINALITY AS k (oid, place)
             JOIN pg_opclass oc ON oc.oid = k.oid
             JOIN pg_amop ao ON ao.amopfamily = oc.opcfamily AND ao.amopstrategy = 3
              AND ao.amoplefttype = oc.opcintype AND ao.amoprighttype = oc.opcintype ORDER BY k.place)`)

/** Without the indexes that sinks make. */
export async function readRules(
  session: DestinationSession,
  table: TableName,
  ownIndexes: readonly string[],
): Promise<readonly TableRule[]> {
  return [
    ...(await readChecks(session, table)),
    ...(await readUnique(session, table, ownIndexes)),
    ...(await readReferences(session, table)),
  ]
}

async function readChecks(
  session: DestinationSession,
  table: TableName,
): Promise<readonly CheckRule[]> {
  const rows = await session.rows<Omit<CheckRule, 'kind'> & Record<string, unknown>>(
    `SELECT conname AS name, ${namesOf('conrelid', 'conkey')} AS columns, pg_get_expr(conbin, conrelid) AS expression
       FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'c' AND ${isEnforced} ORDER BY conname`,
    [quoteTable(table)],
  )
  return rows.map((row) => ({ ...row, kind: 'check' }))
}

interface UniqueRow extends Record<string, unknown> {
  readonly name: string
  readonly columns: readonly string[]
  readonly expressions: readonly string[]
  readonly operators: readonly string[]
  readonly isExclusion: boolean
  readonly predicate: string | null
  readonly nullsAreEqual: boolean
  readonly isDeferrable: boolean
}

async function readUnique(
  session: DestinationSession,
  table: TableName,
  ownIndexes: readonly string[],
): Promise<readonly UniqueRule[]> {
  const rows = await session.rows<UniqueRow>(
    `SELECT c.relname::text AS name, pg_get_expr(i.indpred, i.indrelid) AS predicate, i.indnullsnotdistinct AS "nullsAreEqual",
            NOT i.indimmediate AS "isDeferrable",
            ARRAY(SELECT DISTINCT a.attname::text FROM pg_attribute a
                   WHERE a.attrelid = i.indrelid AND a.attnum > 0
                     AND (a.attnum = ANY (i.indkey) OR EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                            AND d.objid = i.indexrelid AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum))) AS columns,
            ARRAY(SELECT pg_get_indexdef(i.indexrelid, n, true) FROM generate_series(1, i.indnkeyatts) n ORDER BY n) AS expressions,
            con.contype IS NOT DISTINCT FROM 'x' AS "isExclusion",
            CASE WHEN con.contype = 'x' THEN ${operatorsOf('con.conexclop')} ELSE ${equalitiesOf('i.indclass')} END AS operators
       FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
       LEFT JOIN pg_constraint con ON con.conindid = i.indexrelid AND con.conrelid = i.indrelid AND con.contype IN ('p', 'u', 'x')
      WHERE i.indrelid = $1::regclass AND i.indisready AND (i.indisunique OR con.contype = 'x') AND c.relname <> ALL ($2)
      ORDER BY c.relname`,
    [quoteTable(table), ownIndexes],
  )
  return rows.map(({ expressions, operators, isExclusion, ...row }) => ({
    ...row,
    kind: isExclusion ? 'exclusion' : 'unique',
    parts: expressions.map((expression, index) => ({
      expression,
      operator: operators[index] ?? 'OPERATOR(pg_catalog.=)',
    })),
  }))
}

async function readReferences(
  session: DestinationSession,
  table: TableName,
): Promise<readonly ReferenceRule[]> {
  const rows = await session.rows<{
    name: string
    columns: string[]
    schema: string
    table: string
    otherColumns: string[]
    operators: string[]
    isOwn: boolean
  }>(
    `SELECT conname AS name, ${operatorsOf('conpfeqop')} AS operators, ${namesOf('conrelid', 'conkey')} AS columns, n.nspname AS schema, o.relname AS table,
            ${namesOf('confrelid', 'confkey')} AS "otherColumns", confrelid = conrelid AS "isOwn"
       FROM pg_constraint JOIN pg_class o ON o.oid = confrelid JOIN pg_namespace n ON n.oid = o.relnamespace
      WHERE conrelid = $1::regclass AND contype = 'f' AND ${isEnforced} ORDER BY conname`,
    [quoteTable(table)],
  )
  return rows.map(({ schema, table: other, ...row }) => ({
    ...row,
    kind: 'reference',
    other: { schema, table: other },
  }))
}

const actions = {
  c: 'deleted',
  n: 'set_null',
  d: 'set_default',
  a: 'refused',
  r: 'refused',
} as const

export async function readIncomingKeys(
  session: DestinationSession,
  table: TableName,
): Promise<readonly IncomingKey[]> {
  const rows = await session.rows<{
    name: string
    columns: string[]
    schema: string
    table: string
    fromColumns: string[]
    operators: string[]
    action: keyof typeof actions
    isDeferred: boolean
  }>(
    `SELECT conname AS name, ${operatorsOf('conpfeqop')} AS operators, ${namesOf('confrelid', 'confkey')} AS columns, n.nspname AS schema, o.relname AS table,
            ${namesOf('conrelid', 'conkey')} AS "fromColumns", confdeltype AS action, condeferred AND confdeltype = 'a' AS "isDeferred"
       FROM pg_constraint JOIN pg_class o ON o.oid = conrelid JOIN pg_namespace n ON n.oid = o.relnamespace
      WHERE confrelid = $1::regclass AND conrelid <> confrelid AND contype = 'f' AND conparentid = 0
        AND ${isEnforced} ORDER BY conname`,
    [quoteTable(table)],
  )
  return rows.map(({ schema, table: from, action, ...row }) => ({
    ...row,
    from: { schema, table: from },
    onDelete: actions[action],
  }))
}

/** The values of the rule's parts (`u0`, `u1` …) of the rows. */
export function ruleValuesOf(
  from: string,
  { parts, predicate }: UniqueRule,
  extra: readonly string[] = [],
): string {
  const values = [...parts.map(({ expression }, index) => `(${expression}) AS u${index}`), ...extra]
  const where = predicate === null ? '' : ` WHERE ${predicate}`
  return `(SELECT ${values.join(', ')} FROM ${from}${where})`
}

/** Rows `a` and `b` of `ruleValuesOf` meet in the rule: it does not let both be there. */
export function meets({ parts, nullsAreEqual }: UniqueRule): string {
  return parts
    .map(({ operator }, index) => {
      const [left, right] = [`a.u${index}`, `b.u${index}`]
      const isMet = `${left} ${operator} ${right}`
      return nullsAreEqual ? `(${isMet} OR ${left} IS NULL AND ${right} IS NULL)` : isMet
    })
    .join(' AND ')
}
