import { ConnectError } from '../../../protocol/index.ts'
import { quoteIdentifier } from '../../../postgres/quote.ts'
import type { DestinationSession } from '../session.ts'
import { granteeName } from '../tables/grantee-name.ts'
import { quoteTable } from '../tables/identifiers.ts'
import { bookkeepingColumns } from './bookkeeping-columns.ts'

/**
 * SQL condition: what the role owns may run with our rights. Its triggers and functions do, on tables that we
 * write, and its views and policies, on those that we read. A superuser has the rights of every role, and
 * trusts only those that it is a member of.
 */
export function isTrusted(role: string): string {
  return `EXISTS (SELECT FROM pg_roles me, pg_roles r WHERE me.rolname = current_user AND r.oid = ${role} AND (
     r.oid = me.oid OR r.rolsuper OR r.rolname = 'pg_database_owner'
     OR r.oid = (SELECT datdba FROM pg_database WHERE datname = current_database())
     OR CASE WHEN me.rolsuper THEN r.oid IN (
          WITH RECURSIVE mine AS (SELECT me.oid UNION SELECT m.roleid FROM pg_auth_members m JOIN mine ON m.member = mine.oid)
          SELECT oid FROM mine)
        ELSE pg_has_role(r.oid, 'USAGE') END))`
}

/** The defaults of the migrations, as the server writes them on the pinned search path. */
const ownDefaults = `'now()', '0', '''0''::bigint', 'false', '''[]''::text', '''{}''::text[]'`

/** Rights are reported after all other problems. */
const placeOfRights = 4

/**
 * SQL condition of an entry of `aclexplode`, of the table t: somebody who is not trusted may give it
 * triggers, also after it was looked at.
 */
const mayTrigger = `privilege_type = 'TRIGGER' AND grantee <> t.relowner AND NOT ${isTrusted('grantee')}`

/**
 * Additions that a bookkeeping table may not have, because they would run with our rights. Only a trigger can
 * be made by a role that does not own the table.
 */
const additions = `
  SELECT 3, t.oid, NULL::oid, format('other tables inherit from it (%s)', inhrelid::regclass) FROM t JOIN pg_inherits ON inhparent = t.oid
  UNION ALL
  SELECT 3, t.oid, f.proowner, format('its trigger %I calls %s, a function of %I', tgname, f.oid::regproc, pg_get_userbyid(f.proowner))
    FROM t JOIN pg_trigger ON tgrelid = t.oid AND NOT tgisinternal JOIN pg_proc f ON f.oid = tgfoid WHERE NOT ${isTrusted('f.proowner')}
  UNION ALL
  SELECT 3, t.oid, NULL, format('its trigger %I has a condition (WHEN), which may call any function', tgname)
    FROM t JOIN pg_trigger ON tgrelid = t.oid AND NOT tgisinternal WHERE tgqual IS NOT NULL
  UNION ALL
  SELECT ${placeOfRights}, t.oid, NULL, format('%s may make triggers on it', ${granteeName}) FROM t, aclexplode(t.relacl) WHERE ${mayTrigger}
  UNION ALL
  SELECT 3, t.oid, NULL, format('it has the rule %I', rulename) FROM t JOIN pg_rewrite ON ev_class = t.oid WHERE t.relkind IN ('r', 'p')
  UNION ALL
  SELECT 3, t.oid, NULL, format('it has the policy %I', polname) FROM t JOIN pg_policy ON polrelid = t.oid
  UNION ALL
  SELECT 3, t.oid, NULL, format('it has the constraint %I', conname) FROM t JOIN pg_constraint ON conrelid = t.oid AND contype IN ('c', 'x')
  UNION ALL
  SELECT 3, t.oid, NULL, format('its column %I has another default or is computed', attname)
    FROM t JOIN pg_attrdef d ON adrelid = t.oid JOIN pg_attribute ON attrelid = t.oid AND attnum = adnum
   WHERE attgenerated <> '' OR pg_get_expr(adbin, adrelid) NOT IN (${ownDefaults})
  UNION ALL
  SELECT 3, t.oid, NULL, format('its index %s has an expression', indexrelid::regclass)
    FROM t JOIN pg_index ON indrelid = t.oid WHERE indexprs IS NOT NULL OR indpred IS NOT NULL`

/**
 * Whether there is a table `migrations`. Throws before anything of the bookkeeping is read or written if
 * somebody who has not our rights can make it run what he wants: he made the schema before us, or one of its
 * tables, or gave a table a trigger. One query of the catalog.
 */
export async function requireTrusted(session: DestinationSession): Promise<{ exists: boolean }> {
  let found = await look(session)
  if (found?.place === placeOfRights) {
    await revokeTriggers(session)
    // Somebody may have used it before.
    found = await look(session)
  }
  if (found !== undefined && (found.owner !== null || found.problem !== null))
    throw untrusted(session, found)
  return { exists: found?.exists === true }
}

async function look(
  session: DestinationSession,
): Promise<({ readonly exists: boolean } & (Finding | NoFinding)) | undefined> {
  const schema = session.bookkeepingSchema
  const [found] = await session.rows<{ exists: boolean } & (Finding | NoFinding)>(
    `WITH t AS (SELECT c.oid, relname, relkind, relowner, relacl FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
                 WHERE nspname = $1 AND relname = ANY($2))
     SELECT EXISTS (SELECT FROM t WHERE relname = 'migrations') AS exists, f.place, f.problem, pg_get_userbyid(f.owner) AS owner,
            current_user AS "user", (SELECT relname FROM t WHERE t.oid = f.relation) AS name
       FROM (SELECT) one LEFT JOIN (
         SELECT 1 AS place, NULL::oid AS relation, nspowner AS owner, NULL AS problem FROM pg_namespace WHERE nspname = $1 AND NOT ${isTrusted('nspowner')}
         UNION ALL SELECT 2, oid, relowner, NULL FROM t WHERE NOT ${isTrusted('relowner')}
         UNION ALL ${additions}
         ORDER BY place, relation LIMIT 1) f ON true`,
    [schema, Object.keys(bookkeepingColumns)],
  )
  return found
}

/**
 * Takes the right to make triggers on tables of the bookkeeping from those who are not trusted: default
 * privileges gave it to them. In the transaction that makes the tables, nobody has used it.
 */
export async function revokeTriggers(session: DestinationSession): Promise<void> {
  const [found] = await session.rows<{ others: string | null }>(
    `SELECT string_agg(DISTINCT ${granteeName}, ', ') AS others
       FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace, aclexplode(t.relacl)
      WHERE nspname = $1 AND t.relkind = 'r' AND ${isTrusted('t.relowner')} AND ${mayTrigger}`,
    [session.bookkeepingSchema],
  )
  const others = found?.others ?? null
  if (others === null) return
  await session.run(
    `REVOKE TRIGGER ON ALL TABLES IN SCHEMA ${session.bookkeeping} FROM ${others} CASCADE`,
  )
}

interface Finding {
  readonly place: number
  /** Without quotes, as `owner` and `user`; null for the schema. */
  readonly name: string | null
  /** The role that is not trusted, if the problem is about a role. */
  readonly owner: string | null
  /** Null if it is who owns the object. */
  readonly problem: string | null
  readonly user: string
}
type NoFinding = Record<'place' | 'name' | 'owner' | 'problem', null> & Pick<Finding, 'user'>

function untrusted(
  session: DestinationSession,
  { name, owner, problem, user }: Finding | NoFinding,
): ConnectError {
  const { host, port, database } = session.address
  const schema = session.bookkeepingSchema
  const object = name === null ? `schema ${schema}` : quoteTable({ schema, table: name })
  return new ConnectError('destination_bookkeeping_untrusted', {
    details: {
      host,
      port,
      database,
      object,
      user,
      problem: problem ?? `it belongs to ${owner ?? ''}, whose rights ${user} does not have`,
      fix: owner === null ? additionFix(object) : ownerFix(session.bookkeeping, owner, user),
    },
  })
}

function ownerFix(schema: string, owner: string, user: string): string {
  const grant = `GRANT ${quoteIdentifier(owner)} TO ${quoteIdentifier(user)}`
  return `If ${owner} is to load into this database too, run \`${grant}\` as a superuser: ${user} then has its rights, and trusts it. If not, run \`ALTER SCHEMA ${schema} RENAME TO "untrusted"\` as a superuser, and find out what ${owner} did: all connections that load into this database then read their streams from the beginning.`
}

function additionFix(object: string): string {
  return `Find out who added it, and take it from ${object} as the owner of the table (DROP, or \`REVOKE TRIGGER\`); then run the connection again.`
}
