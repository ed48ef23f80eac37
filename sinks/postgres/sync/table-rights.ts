import { quoteIdentifier } from '../../../postgres/quote.ts'
import { isTrusted } from '../bookkeeping/trusted-bookkeeping.ts'
import { rightMissing, stageFix } from '../missing-right.ts'
import type { DestinationSession } from '../session.ts'
import { granteeName } from '../tables/grantee-name.ts'
import { quoteTable } from '../tables/identifiers.ts'
import type { StreamTarget } from '../tables/stream-target.ts'
import { publicationsOf } from './published-stage.ts'

interface Stage extends Record<string, unknown> {
  readonly trusted: boolean
  readonly owner: string
  readonly others: string | null
  readonly publications: string | null
}

/**
 * Takes from a stage what default privileges gave to others, in the transaction that made it: its rows are
 * committed while a run goes on, and the table that they are for may have policies, or other rights. Also of
 * one that an earlier run left. Throws if somebody else made it: its triggers would run with our rights.
 * Resolves with the publications that have it (published-stage.ts).
 */
export async function keepPrivate(
  session: DestinationSession,
  { stage, table }: Pick<StreamTarget, 'stage' | 'table'>,
): Promise<string | null> {
  const [found] = await session.rows<Stage>(
    `SELECT ${isTrusted('relowner')} AS trusted, pg_get_userbyid(relowner) AS owner,
            (SELECT string_agg(DISTINCT ${granteeName}, ', ') FROM aclexplode(relacl) WHERE grantee <> relowner) AS others,
            ${publicationsOf('$2')} AS publications
       FROM pg_class WHERE oid = to_regclass($1)`,
    [quoteTable(stage), quoteIdentifier(table.schema)],
  )
  if (found === undefined) return null
  const { trusted, owner, others, publications } = found
  if (!trusted) {
    throw rightMissing(
      session.address,
      `the table ${quoteTable(stage)}, in which an overwrite gathers its rows, belongs to ${quoteIdentifier(owner)}`,
      stageFix(table),
    )
  }
  if (others !== null)
    await session.run(`REVOKE ALL ON TABLE ${quoteTable(stage)} FROM ${others} CASCADE`)
  return publications
}

/**
 * SQL condition: the table of pg_class has the rights that its owner's new tables in its schema get, no
 * others.
 */
export function hasDefaultRights(table: string): string {
  const defaults = (schema: string): string =>
    `(SELECT defaclacl FROM pg_default_acl WHERE defaclrole = ${table}.relowner AND defaclobjtype = 'r' AND defaclnamespace = ${schema})`
  const standard = `acldefault('r', ${table}.relowner)`
  return `${rightsOf([`coalesce(${table}.relacl, ${standard})`])} = ${rightsOf([`coalesce(${defaults('0')}, ${standard})`, defaults(`${table}.relnamespace`)])}`
}

/** Merged, as the server merges what holds for the database and for the schema. */
function rightsOf(lists: readonly string[]): string {
  const entries = lists.map((list) => `SELECT * FROM aclexplode(${list})`).join(' UNION ALL ')
  return `(SELECT array_agg(e::text ORDER BY e::text)
     FROM (SELECT grantor, grantee, privilege_type, bool_or(is_grantable) FROM (${entries}) l GROUP BY 1, 2, 3) e)`
}

/**
 * SQL: the statements that give a table of the quoted name (a parameter) the rights that others have on the
 * table of pg_class; null if none have.
 */
export function grantsOf(table: string, name: string): string {
  return `(SELECT string_agg(format('GRANT %s ON TABLE %s TO %s%s', rights, ${name}::text, grantee, CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END), '; ')
     FROM (SELECT ${granteeName} AS grantee, is_grantable, string_agg(privilege_type, ', ') AS rights
             FROM aclexplode(${table}.relacl) WHERE grantee <> ${table}.relowner GROUP BY 1, 2) g)`
}
