import { ConnectError } from '../../../protocol/index.ts'
import { quoteIdentifier } from '../../../postgres/quote.ts'
import { quoteTable, type TableName } from './identifiers.ts'
import type { DestinationSession } from '../session.ts'

/** A column that must get another type. */
interface Widening {
  readonly column: string
  readonly type: string
}

/** An object that prevents PostgreSQL from altering a column. */
interface ColumnUse {
  readonly kind: string
  /** Quoted if SQL needs it. */
  readonly name: string
  readonly column: string
  /** The statement that takes it away. */
  readonly undo: string
}

const maxNamed = 5

/**
 * PostgreSQL refuses to alter the type of a column that some objects use, and says so only then, and in its
 * own language. It rebuilds others (constraints, indexes) for the new type, which fails if their operators do
 * not take it. Only looks, within a transaction.
 */
export async function findColumnInUse(
  session: DestinationSession,
  table: TableName,
  widened: readonly Widening[],
): Promise<ConnectError | undefined> {
  if (widened.length === 0) return undefined
  const uses: ColumnUse[] = []
  for (const query of [fixedUses, brokenIndexes, brokenKeys])
    uses.push(
      ...(await session.rows<ColumnUse & Record<string, unknown>>(
        query,
        parameters(table, widened),
      )),
    )
  uses.push(...(await brokenExpressions(session, table, widened)))
  const [first] = uses
  if (first === undefined) return undefined
  const named = uses.slice(0, maxNamed)
  const typeOf = new Map(widened.map(({ column, type }) => [column, type]))
  const reasons = named.map(
    ({ kind, name, column }) =>
      `${kind} ${name} uses ${quoteIdentifier(column)}, which must become ${typeOf.get(column) ?? 'text'}`,
  )
  if (uses.length > maxNamed) reasons.push(`and ${uses.length - maxNamed} more`)
  const undo = [...new Set(named.map((use) => use.undo))].join('; ')
  const { kind, name: dependent, column } = first
  return new ConnectError('destination_column_in_use', {
    details: {
      table: quoteTable(table),
      reason: reasons.join('; '),
      kind,
      dependent,
      column,
      type: typeOf.get(column) ?? 'text',
      fix: `Keep the definition, run \`${undo}\`, run the connection, and create it again for the new type.`,
    },
  })
}

/**
 * The SQLSTATEs with which the server refuses the change of a type, because of an object that depends on the
 * column, or because of the column's operators.
 */
const refusals: readonly string[] = ['0A000', '22023', '42704', '42804', '42846', '42883', '42P16']

/** The server's refusal of a change that nothing above foresaw; every other error stays what it is. */
export function refusedChange(
  error: unknown,
  table: TableName,
  widened: readonly Widening[],
): unknown {
  if (!(error instanceof ConnectError) || widened.length === 0) return error
  const { sqlstate, reason } = error.details
  if (typeof sqlstate !== 'string' || !refusals.includes(sqlstate)) return error
  const said = typeof reason === 'string' ? reason : error.message
  const changes = widened.map(({ column, type }) => `${quoteIdentifier(column)} to ${type}`)
  const details = {
    table: quoteTable(table),
    reason: `${said} (${changes.join(', ')}; SQLSTATE ${sqlstate})`,
    sqlstate,
    fix: `Find what uses the column with \`\\d+ ${quoteTable(table)}\`, save its definition and drop it, run the connection, and create it again for the new type.`,
  }
  return new ConnectError('destination_column_in_use', { details, cause: error })
}

/**
 * The table with its partitions and the tables that inherit from it, and the columns of all that get another
 * type.
 */
const affected = `WITH RECURSIVE relations AS (
       SELECT to_regclass($1)::oid AS oid
       UNION SELECT inhrelid FROM pg_inherits JOIN relations ON inhparent = relations.oid),
     affected AS (
       SELECT attrelid, attnum, attname, atttypid, attidentity, attgenerated, atthasdef, attinhcount, w.type::regtype::oid AS newtype,
              reltype, relname, quote_ident(nspname) || '.' || quote_ident(relname) AS relation
         FROM pg_attribute JOIN relations ON attrelid = relations.oid
         JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace
         JOIN unnest($2::text[], $3::text[]) AS w (name, type) ON attname = w.name
        WHERE attnum > 0 AND NOT attisdropped)`

function parameters(table: TableName, widened: readonly Widening[]): readonly unknown[] {
  return [quoteTable(table), widened.map(({ column }) => column), widened.map(({ type }) => type)]
}

/** Whatever the new type, these refuse it. */
const fixedUses = `${affected},
     uses AS (SELECT DISTINCT a.*, d.classid, d.objid, d.objsubid FROM affected a JOIN pg_depend d
                ON d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum)
     SELECT DISTINCT kind, name, attname AS column, undo FROM (
       SELECT attname, CASE WHEN r.rulename <> '_RETURN' THEN 'rule' WHEN v.relkind = 'm' THEN 'materialized view' ELSE 'view' END AS kind,
              CASE WHEN r.rulename <> '_RETURN' THEN quote_ident(r.rulename)
                   ELSE format('%I.%I', n.nspname, v.relname) END AS name,
              CASE WHEN r.rulename <> '_RETURN' THEN format('DROP RULE %I ON %I.%I', r.rulename, n.nspname, v.relname)
                   ELSE format('DROP %sVIEW %I.%I', CASE v.relkind WHEN 'm' THEN 'MATERIALIZED ' END, n.nspname, v.relname) END AS undo
         FROM uses JOIN pg_rewrite r ON classid = 'pg_rewrite'::regclass AND r.oid = objid
         JOIN pg_class v ON v.oid = r.ev_class JOIN pg_namespace n ON n.oid = v.relnamespace
       UNION ALL SELECT attname, 'trigger', quote_ident(tgname), format('DROP TRIGGER %I ON %s', tgname, relation)
         FROM uses JOIN pg_trigger t ON classid = 'pg_trigger'::regclass AND t.oid = objid
        WHERE NOT tgisinternal AND tgparentid = 0
       UNION ALL SELECT attname, 'policy', quote_ident(polname), format('DROP POLICY %I ON %s', polname, relation)
         FROM uses JOIN pg_policy p ON classid = 'pg_policy'::regclass AND p.oid = objid
       UNION ALL SELECT u.attname, 'generated column', quote_ident(g.attname), format('ALTER TABLE %s DROP COLUMN %I', relation, g.attname)
         FROM uses u JOIN pg_attrdef d ON classid = 'pg_attrdef'::regclass AND d.oid = objid
         JOIN pg_attribute g ON g.attrelid = adrelid AND g.attnum = adnum
        WHERE g.attgenerated <> '' AND g.attnum <> u.attnum
       UNION ALL SELECT attname, 'publication', quote_ident(pubname), format('ALTER PUBLICATION %I DROP TABLE %s', pubname, relation)
         FROM uses JOIN pg_publication_rel pr ON classid = 'pg_publication_rel'::regclass AND pr.oid = objid
         JOIN pg_publication p ON p.oid = prpubid
       UNION ALL SELECT attname, 'function', format('%I.%I(%s)', n.nspname, proname, pg_get_function_identity_arguments(p.oid)),
              format('DROP ROUTINE %I.%I(%s)', n.nspname, proname, pg_get_function_identity_arguments(p.oid))
         FROM uses JOIN pg_proc p ON classid = 'pg_proc'::regclass AND p.oid = objid JOIN pg_namespace n ON n.oid = pronamespace
       UNION ALL SELECT attname, 'partition key of table', relation, format('ALTER TABLE %s RENAME TO %I', relation, left(relname, 50) || '_before')
         FROM affected JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = attrelid AND d.objsubid = attnum
        WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = attrelid AND d.refobjsubid = 0 AND d.deptype = 'i'
       UNION ALL SELECT attname, 'parent table', format('%I.%I', n.nspname, o.relname),
              format(CASE o.relkind WHEN 'p' THEN 'ALTER TABLE %2$I.%3$I DETACH PARTITION %1$s' ELSE 'ALTER TABLE %1$s NO INHERIT %2$I.%3$I' END,
                     relation, n.nspname, o.relname)
         FROM affected JOIN pg_inherits ON inhrelid = attrelid AND attinhcount > 0 AND attrelid = to_regclass($1)
         JOIN pg_class o ON o.oid = inhparent JOIN pg_namespace n ON n.oid = o.relnamespace
       UNION ALL SELECT a.attname, 'row type in column', format('%I.%I.%I', n.nspname, o.relname, c.attname),
              format('ALTER TABLE %I.%I DROP COLUMN %I', n.nspname, o.relname, c.attname)
         FROM affected a JOIN pg_type t ON t.oid = a.reltype JOIN pg_attribute c ON c.atttypid IN (t.oid, t.typarray)
         JOIN pg_class o ON o.oid = c.attrelid AND o.relkind IN ('r', 'm', 'p')
         JOIN pg_namespace n ON n.oid = o.relnamespace WHERE NOT c.attisdropped
       UNION ALL SELECT attname, 'identity', quote_ident(attname), format('ALTER TABLE %s ALTER COLUMN %I DROP IDENTITY', relation, attname)
         FROM affected WHERE attidentity <> '' AND newtype NOT IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
       UNION ALL SELECT attname, 'default', 'of ' || quote_ident(attname), format('ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT', relation, attname)
         FROM affected WHERE atthasdef AND attgenerated = '' AND newtype = 'jsonb'::regtype
     ) found ORDER BY kind, name, attname`

/** Indexes whose key has no operator class for the new type, or one of its own that does not take it. */
const brokenIndexes = `${affected}
     SELECT DISTINCT 'index' AS kind, format('%I.%I', n.nspname, c.relname) AS name, attname AS column,
            CASE WHEN con.oid IS NULL THEN format('DROP INDEX %I.%I', n.nspname, c.relname)
                 ELSE format('ALTER TABLE %s DROP CONSTRAINT %I', relation, con.conname) END AS undo
       FROM affected JOIN pg_index i ON i.indrelid = attrelid
       JOIN generate_series(0, i.indnkeyatts - 1) k ON i.indkey[k] = attnum
       JOIN pg_opclass o ON o.oid = i.indclass[k]
       JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN pg_constraint con ON con.conindid = i.indexrelid AND con.conrelid = i.indrelid AND con.contype IN ('p', 'u', 'x')
      WHERE NOT EXISTS (SELECT FROM pg_opclass x WHERE x.opcmethod = o.opcmethod AND x.opcintype = newtype
                           AND CASE WHEN o.opcdefault THEN x.opcdefault ELSE x.opcname = o.opcname END)
      ORDER BY name`

/** Foreign keys, of the table and to it, whose two sides have no \`=\` of one index any more. */
const brokenKeys = `${affected},
     keys AS (SELECT con.oid, con.conname, con.conrelid, f.attname AS own, p.attname AS other,
              coalesce((SELECT newtype FROM affected a WHERE a.attrelid = conrelid AND a.attnum = f.attnum), f.atttypid) AS fktype,
              coalesce((SELECT newtype FROM affected a WHERE a.attrelid = confrelid AND a.attnum = p.attnum), p.atttypid) AS pktype,
              (SELECT a.attname FROM affected a WHERE (a.attrelid = conrelid AND a.attnum = f.attnum)
                   OR (a.attrelid = confrelid AND a.attnum = p.attnum) LIMIT 1) AS column
         FROM pg_constraint con JOIN generate_subscripts(conkey, 1) k ON true
         JOIN pg_attribute f ON f.attrelid = conrelid AND f.attnum = conkey[k]
         JOIN pg_attribute p ON p.attrelid = confrelid AND p.attnum = confkey[k]
        WHERE contype = 'f' AND conparentid = 0)
     SELECT 'foreign key' AS kind, quote_ident(conname) AS name, keys.column,
            format('ALTER TABLE %I.%I DROP CONSTRAINT %I', n.nspname, c.relname, conname) AS undo
       FROM keys JOIN pg_class c ON c.oid = conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE keys.column IS NOT NULL AND fktype <> pktype
        AND NOT EXISTS (SELECT FROM pg_opclass x JOIN pg_am m ON m.oid = x.opcmethod AND m.amname = 'btree'
              JOIN pg_amop ON amopfamily = x.opcfamily WHERE x.opcdefault AND x.opcintype = pktype
               AND amoplefttype = pktype AND amoprighttype = fktype AND amopstrategy = 3)
        AND NOT EXISTS (SELECT FROM pg_cast WHERE castsource = fktype AND casttarget = pktype AND castcontext = 'i')
      ORDER BY name`

/**
 * Constraints, indexes and statistics with expressions over the columns: the server parses them again for the
 * new type.
 */
const expressionsOfColumns = `${affected},
     named AS (SELECT attrelid, relation, relname, min(attname) AS column,
              array_agg(DISTINCT attnum) AS numbers FROM affected GROUP BY attrelid, relation, relname),
     shapes AS (SELECT named.*, (SELECT string_agg(format('NULL::%s AS %I', format_type(coalesce(a.newtype, t.atttypid),
                CASE WHEN a.newtype IS NULL THEN t.atttypmod END), t.attname), ', ' ORDER BY t.attnum)
             FROM pg_attribute t LEFT JOIN affected a USING (attrelid, attnum)
            WHERE t.attrelid = named.attrelid AND t.attnum > 0 AND NOT t.attisdropped) AS shape FROM named)
     SELECT 'check constraint' AS kind, quote_ident(conname) AS name, s.column, relname, shape,
            format('ALTER TABLE %s DROP CONSTRAINT %I', relation, conname) AS undo,
            '{}'::text[] AS values, pg_get_expr(conbin, conrelid) AS condition
       FROM shapes s JOIN pg_constraint ON conrelid = attrelid AND contype = 'c' AND conkey && numbers
     UNION ALL SELECT 'index', format('%I.%I', n.nspname, c.relname), s.column, s.relname, shape,
            CASE WHEN con.oid IS NULL THEN format('DROP INDEX %I.%I', n.nspname, c.relname)
                 ELSE format('ALTER TABLE %s DROP CONSTRAINT %I', relation, con.conname) END,
            ARRAY(SELECT pg_get_indexdef(i.indexrelid, k + 1, true)
                    FROM generate_series(0, i.indnkeyatts - 1) k WHERE i.indkey[k] = 0 ORDER BY k),
            pg_get_expr(indpred, indrelid)
       FROM shapes s JOIN pg_index i ON indrelid = attrelid AND (indexprs IS NOT NULL OR indpred IS NOT NULL)
       JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN pg_constraint con ON con.conindid = i.indexrelid AND con.conrelid = i.indrelid AND con.contype IN ('p', 'u', 'x')
      WHERE EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                       AND d.refobjid = attrelid AND d.refobjsubid = ANY (numbers))
     UNION ALL SELECT 'statistics object', format('%I.%I', n.nspname, stxname), s.column, s.relname, shape,
            format('DROP STATISTICS %I.%I', n.nspname, stxname), pg_get_statisticsobjdef_expressions(x.oid), NULL
       FROM shapes s JOIN pg_statistic_ext x ON stxrelid = attrelid AND stxexprs IS NOT NULL
       JOIN pg_namespace n ON n.oid = stxnamespace
      WHERE EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_statistic_ext'::regclass AND d.objid = x.oid
                       AND d.refobjid = attrelid AND d.refobjsubid = ANY (numbers))
     ORDER BY kind, name`

interface UsedInExpressions extends ColumnUse {
  readonly relname: string
  /** The columns of the table as they will be, for a SELECT. */
  readonly shape: string
  readonly values: readonly string[]
  readonly condition: string | null
}

async function brokenExpressions(
  session: DestinationSession,
  table: TableName,
  widened: readonly Widening[],
): Promise<readonly ColumnUse[]> {
  const found = await session.rows<UsedInExpressions & Record<string, unknown>>(
    expressionsOfColumns,
    parameters(table, widened),
  )
  const broken: ColumnUse[] = []
  for (const use of found) if (!(await isParsed(session, use))) broken.push(use)
  return broken
}

/** PREPARE parses, and runs nothing: no function of an expression is called. */
async function isParsed(
  session: DestinationSession,
  { relname, shape, values, condition }: UsedInExpressions,
): Promise<boolean> {
  const list = values.map((value) => `(${value})`).join(', ')
  const where = condition === null ? '' : ` WHERE (${condition})`
  const query = `SELECT ${list} FROM (SELECT ${shape}) AS ${quoteIdentifier(relname)}${where}`
  try {
    await session.runPinned(
      `SAVEPOINT trial; PREPARE reactor_trial AS ${query}; DEALLOCATE reactor_trial; RELEASE SAVEPOINT trial`,
    )
    return true
  } catch (error) {
    if (!(error instanceof ConnectError) || session.isLost) throw error
    const { sqlstate } = error.details
    if (typeof sqlstate !== 'string' || !sqlstate.startsWith('42')) throw error
    await session.runPinned('ROLLBACK TO SAVEPOINT trial; RELEASE SAVEPOINT trial')
    return false
  }
}
