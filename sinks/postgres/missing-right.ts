import { ConnectError } from '../../protocol/index.ts'
import { bookkeepingColumns } from './bookkeeping/bookkeeping-columns.ts'
import { quoteIdentifier } from '../../postgres/quote.ts'
import { derivedTable, isKeyIndexName, quoteTable, type TableName } from './tables/identifiers.ts'
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
    rowSecurityFix(reason, role) ??
    `Grant ${role} what the message names: \`CREATE\` and \`TEMPORARY\` on the database, the schemas, and ownership of the tables that it loads.`
  )
}

function tableFix(reason: string, { table }: RightPlace, role: string): string | undefined {
  const [, right, kind = '', name = ''] =
    /(permission denied for|must be owner of) (\w+) (.+)$/.exec(reason) ?? []
  const own = table && { table, role, kind }
  if (own && name === derivedTable(own.table, 'stage').table) return stageFix(own.table)
  if (right === 'must be owner of') return own && ownedFix(name, own)
  if (tableKinds.includes(kind)) return rowsFix(name, { table, role })
  return kind === 'sequence' && own ? sequenceFix(name, own) : undefined
}

function rowSecurityFix(reason: string, role: string): string | undefined {
  if (!reason.includes('row-level security')) return undefined
  return `Run \`ALTER ROLE ${role} BYPASSRLS\` as a superuser: a sync loads and replaces all rows of its tables.`
}

function sequenceFix(name: string, { table, role }: NamedObject): string {
  const sequence = quoteTable({ schema: table.schema, table: name })
  return `Run \`GRANT USAGE ON SEQUENCE ${sequence} TO ${role}\` as its owner.`
}

/** The words that the server uses for a table. */
const tableKinds: readonly string[] = ['table', 'relation']

interface NamedObject {
  /** The table that was worked on. */
  readonly table: TableName
  readonly role: string
  /** The kind of the object that the server names. */
  readonly kind: string
}

function ownedFix(name: string, own: NamedObject): string | undefined {
  const { table, role, kind } = own
  if (isKeyIndexName(name)) return keyIndexFix(name, own)
  // An index goes with its table.
  const isOwned = kind === 'index' || (tableKinds.includes(kind) && name === table.table)
  return isOwned ? ownerFix(table, role) : undefined
}

function ownerFix(table: TableName, role: string): string {
  const name = quoteTable(table)
  return `Run \`ALTER TABLE ${name} OWNER TO ${role}\`: a sync alters the tables that it loads. Look at the triggers of the table first (\`\\d ${name}\`): they run with the rights of this login.`
}

/** Never with the rights on the stage that is there: its triggers would run with ours. */
export function stageFix(table: TableName): string {
  const stage = quoteTable(derivedTable(table, 'stage'))
  return `Run \`DROP TABLE ${stage}\` as its owner, and find out why it made the table, which has the name of one in which an overwrite gathers its rows; the next run makes its own.`
}

/** The index keeps its name when somebody renames its table. Then the new table needs the name. */
function keyIndexFix(name: string, { table, role, kind }: NamedObject): string {
  const taken = quoteTable({ schema: table.schema, table: name })
  const own = quoteTable(table)
  if (kind !== 'index')
    return `Rename or drop ${taken} as its owner: the unique index of ${own} needs that name.`
  return `Look at the table of the index with \`\\d ${taken}\`. If it is another one than ${own}, rename or drop the index as its owner: the unique index of ${own} needs that name. If it is ${own}, run \`ALTER TABLE ${own} OWNER TO ${role}\`, but look at the triggers of the table first: they run with the rights of this login.`
}

function rowsFix(
  name: string,
  { table, role }: { readonly table: TableName | undefined; readonly role: string },
): string | undefined {
  const statements = [
    ...(name === table?.table
      ? [`GRANT SELECT, INSERT, UPDATE, DELETE ON ${quoteTable(table)} TO ${role}`]
      : []),
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
 * A new version alters the tables of the checkpoints once, which no grant allows. The role that created them
 * can still use them then: it trusts the new owner, whose rights it gets
 * (bookkeeping/trusted-bookkeeping.ts).
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
