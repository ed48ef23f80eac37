import { ConnectError } from '../../protocol/index.ts'
import { bookkeepingColumns } from './bookkeeping/bookkeeping-columns.ts'
import { quoteIdentifier } from '../../postgres/quote.ts'
import { derivedName, quoteTable, type TableName } from './tables/identifiers.ts'
import { bookkeepingSchema } from './postgres-place.ts'
import type { PostgresAddress } from '../../postgres/address.ts'

interface RightPlace {
  readonly address: PostgresAddress
  /** The table that was worked on. */
  readonly table?: TableName
}

/** A statement that gives the user the missing right, as far as the server's message names it. */
export function missingRightFix(reason: string, place: RightPlace): string {
  const role = quoteIdentifier(place.address.user)
  const schema = /permission denied for schema (.+)$/.exec(reason)?.[1]
  if (schema === bookkeepingSchema) {
    return `Another role made the schema ${schema}, which holds the checkpoints: connect as that role, or let it run \`${bookkeepingGrants(role)}\`.`
  }
  if (schema !== undefined) {
    return `Run \`GRANT USAGE, CREATE ON SCHEMA ${quoteIdentifier(schema)} TO ${role}\` as its owner.`
  }
  if (/permission denied .*\bdatabase\b/.test(reason)) {
    const database = quoteIdentifier(place.address.database)
    return `Run \`GRANT CREATE, TEMPORARY ON DATABASE ${database} TO ${role}\`.`
  }
  return (
    tableFix(reason, place, role) ??
    `Grant ${role} what the message names: \`CREATE\` and \`TEMPORARY\` on the database, the schemas, and ownership of the tables that it loads.`
  )
}

function tableFix(reason: string, { table }: RightPlace, role: string): string | undefined {
  const [, right, kind, name = ''] =
    /(permission denied for|must be owner of) (\w+) (.+)$/.exec(reason) ?? []
  const isTable = kind === 'table' || kind === 'relation'
  if (right === 'must be owner of') {
    // An index goes with its table.
    const owned = kind === 'index' ? table : isTable && ownTable(name, table)
    if (!owned) return undefined
    return `Run \`ALTER TABLE ${quoteTable(owned)} OWNER TO ${role}\`: a sync alters the tables that it loads.`
  }
  if (isTable) return rowsFix(name, { table, role })
  if (kind === 'sequence' && table !== undefined) {
    const sequence = quoteTable({ schema: table.schema, table: name })
    return `Run \`GRANT USAGE ON SEQUENCE ${sequence} TO ${role}\` as its owner.`
  }
  if (!reason.includes('row-level security')) return undefined
  return `Run \`ALTER ROLE ${role} BYPASSRLS\` as a superuser: a sync loads and replaces all rows of its tables.`
}

/** The table that was worked on, or its stage. */
function ownTable(name: string, table: TableName | undefined): TableName | undefined {
  if (table === undefined) return undefined
  const isOwn = name === table.table || name === derivedName(table, 'stage')
  return isOwn ? { schema: table.schema, table: name } : undefined
}

function rowsFix(
  name: string,
  { table, role }: { readonly table: TableName | undefined; readonly role: string },
): string | undefined {
  const own = ownTable(name, table)
  const statements = [
    ...(own === undefined
      ? []
      : [`GRANT SELECT, INSERT, UPDATE, DELETE ON ${quoteTable(own)} TO ${role}`]),
    // The server names it without its schema: a stream may have a table of such a name too.
    ...(Object.hasOwn(bookkeepingColumns, name) ? [bookkeepingGrants(role)] : []),
  ]
  return statements.length === 0
    ? undefined
    : `Run \`${statements.join('; ')}\` as the owner of the table.`
}

/** For checkpoints that another role made. */
function bookkeepingGrants(role: string): string {
  const schema = quoteIdentifier(bookkeepingSchema)
  return `GRANT USAGE, CREATE ON SCHEMA ${schema} TO ${role}; GRANT ALL ON ALL TABLES IN SCHEMA ${schema} TO ${role}; GRANT ALL ON ALL SEQUENCES IN SCHEMA ${schema} TO ${role}`
}

/**
 * A new version alters the tables of the checkpoints once, which no grant allows. The role that created them can still use them then: it trusts the
 * new owner, whose rights it gets (bookkeeping/trusted-bookkeeping.ts).
 */
export function bookkeepingOwnerMissing(
  address: PostgresAddress,
  { schema, tables }: { schema: string; tables: readonly { name: string; owner: string }[] },
): ConnectError {
  const role = quoteIdentifier(address.user)
  const roles = [...new Set(tables.map(({ owner }) => owner))]
  const owners = roles.map(quoteIdentifier).join(', ')
  const names = tables.map(({ name }) => quoteTable({ schema, table: name }))
  const statements = [
    `GRANT USAGE, CREATE ON SCHEMA ${quoteIdentifier(schema)} TO ${role}`,
    ...names.map((name) => `ALTER TABLE ${name} OWNER TO ${role}`),
    `GRANT ALL ON ${names.join(', ')} TO ${owners}`,
    // This one cannot be a member of another.
    ...roles
      .filter((owner) => owner !== 'pg_database_owner')
      .map((owner) => `GRANT ${role} TO ${quoteIdentifier(owner)}`),
  ]
  const reason = `the tables of schema ${schema} belong to ${owners}, and this version has to alter them`
  const fix = `Run the connection once as ${owners}, or run \`${statements.join('; ')}\` as a superuser.`
  return rightMissing(address, reason, fix)
}

export function rightMissing(address: PostgresAddress, reason: string, fix: string): ConnectError {
  const { host, port, user, database } = address
  const details = { host, port, user, database, reason, fix }
  return new ConnectError('destination_permission_denied', { details })
}
