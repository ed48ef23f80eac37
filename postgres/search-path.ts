/**
 * Where a session of ours looks for what a statement names without a schema: nowhere but in the catalog. On
 * the role's own path anybody who may create in a schema of it (`public`, often) could put an operator or a
 * function there that fits the types of a statement better than the catalog's, and it would run with the
 * rights of this login. `pg_temp` is named so that it is searched last and not first.
 */
const pinned = 'search_path = pg_catalog, pg_temp'

/** For sessions of our own. */
export const pinPath = `SET ${pinned}`

/** Until the end of the transaction, or a rollback to an earlier savepoint. */
export const pinPathLocally = `SET LOCAL ${pinned}`

/**
 * The path of the role, or its database: for statements that run code of users (views, triggers, rules,
 * CHECKs), whose functions may rely on it. Everything that such a statement names itself has its schema.
 */
export const useRolePath = 'SET LOCAL search_path = DEFAULT'

/**
 * Selects the schema of the operators that compare the type of this oid (SQL), in the order that an index
 * has. Types without an operator class of their own (enums, ranges, varchar) have the catalog's.
 */
export function operatorSchemaOf(oid: string): string {
  return `coalesce((
  SELECT opn.nspname FROM pg_catalog.pg_opclass oc
  JOIN pg_catalog.pg_am am ON am.oid = oc.opcmethod AND am.amname = 'btree'
  JOIN pg_catalog.pg_amop ao ON ao.amopfamily = oc.opcfamily AND ao.amopstrategy = 3
    AND ao.amoplefttype = oc.opcintype AND ao.amoprighttype = oc.opcintype
  JOIN pg_catalog.pg_operator op ON op.oid = ao.amopopr
  JOIN pg_catalog.pg_namespace opn ON opn.oid = op.oprnamespace
  WHERE oc.opcdefault AND oc.opcintype = ${oid}), 'pg_catalog')::text`
}

/** An operator by its schema: OPERATOR(pg_catalog.=). `schema` is quoted. */
export function operatorIn(schema: string, symbol: string): string {
  return `OPERATOR(${schema}.${symbol})`
}
