import type { DatabaseError } from 'pg'
import type { ServerRefusal } from '../../protocol/index.ts'
import { quoteIdentifier } from '../../postgres/quote.ts'
import { sqlstates } from '../../postgres/sqlstate.ts'
import { isSameTable, quoteTable, type TableName } from './tables/identifiers.ts'

/**
 * The details of `destination_constraint_violated` about the rule that rejects a record. A user cannot find a
 * NOT NULL column as a constraint by its name.
 */
export function constraintFacts(
  refusal: ServerRefusal,
  table: string,
): { readonly constraint: string; readonly fix: string } {
  const { sqlstate, column, constraint } = refusal
  const ofDomain = domainFacts(refusal)
  if (ofDomain !== undefined) return ofDomain
  if (sqlstate === sqlstates.notNullViolation && column !== undefined) {
    const quoted = quoteIdentifier(column)
    return {
      constraint: `NOT NULL of column ${quoted}`,
      fix: `Run \`ALTER TABLE ${table} ALTER COLUMN ${quoted} DROP NOT NULL\`, or give the column a default if the source does not have it.`,
    }
  }
  if (constraint !== undefined) {
    const name = quoteIdentifier(constraint)
    return { constraint: `constraint ${name}`, fix: fixOf(sqlstate, name) }
  }
  return {
    constraint: `a constraint (${refusal.reason})`,
    fix: `Look at the constraints and triggers with \`\\d ${table}\`, drop or relax the one that refuses the record, and run the connection again.`,
  }
}

/** The server names the domain in place of a table. */
function domainFacts({
  sqlstate,
  schema,
  dataType,
  constraint,
}: ServerRefusal): { readonly constraint: string; readonly fix: string } | undefined {
  if (schema === undefined || dataType === undefined) return undefined
  const domain = quoteTable({ schema, table: dataType })
  const ofColumn = `of domain ${domain}, the type of a column`
  if (sqlstate === sqlstates.notNullViolation) {
    return {
      constraint: `NOT NULL ${ofColumn}`,
      fix: `Run \`ALTER DOMAIN ${domain} DROP NOT NULL\`, or correct the value at the source; then run the connection again.`,
    }
  }
  if (sqlstate !== sqlstates.checkViolation || constraint === undefined) return undefined
  const name = quoteIdentifier(constraint)
  return {
    constraint: `constraint ${name} ${ofColumn}`,
    fix: `Correct the value at the source, or run \`ALTER DOMAIN ${domain} DROP CONSTRAINT ${name}\`; then run the connection again.`,
  }
}

/**
 * The foreign key of another table keeps a row of the stream's table from being deleted, or from getting
 * another key.
 */
export function referringFacts(
  { message }: DatabaseError,
  { sqlstate, schema, table, constraint }: ServerRefusal,
  own: TableName | undefined,
): { readonly constraint: string; readonly fix: string } | undefined {
  if (sqlstate !== sqlstates.foreignKeyViolation || own === undefined) return undefined
  if (schema === undefined || table === undefined || constraint === undefined) return undefined
  if (isSameTable({ schema, table }, own) || !namesThree(message, [table, constraint]))
    return undefined
  const other = quoteTable({ schema, table })
  const name = quoteIdentifier(constraint)
  return {
    constraint: `foreign key ${name}`,
    fix: `Rows of ${other} refer to rows of ${quoteTable(own)} that the source does not have any more, or that an overwrite deletes and writes again. Delete these rows of ${other}, or make the foreign key \`DEFERRABLE INITIALLY DEFERRED\` if the rows are written again, or run \`ALTER TABLE ${other} DROP CONSTRAINT ${name}\`; then run the connection again.`,
  }
}

/**
 * If a row refers to another row, the message names its table and the foreign key. If other rows refer to a
 * row, the message also names the row's own table, in every language. A partition that refers is not the
 * stream's table either.
 */
function namesThree(message: string, known: readonly string[]): boolean {
  const unnamed = known.reduce((text, name) => text.replaceAll(name, ''), message)
  return unnamed.split(/["«»„“”]/).length > 6
}

function fixOf(sqlstate: string, name: string): string {
  switch (sqlstate) {
    case sqlstates.foreignKeyViolation:
      return `Load the rows that foreign key ${name} needs first, in a run of their stream alone (the streams of one run have no order), make it \`DEFERRABLE INITIALLY DEFERRED\` if the rows that it refers to are only written again, or drop it; then run the connection again.`
    case sqlstates.uniqueViolation:
    case sqlstates.exclusionViolation:
      return `Choose \`overwrite_dedup\` or \`overwrite\`, which write all rows in one transaction, or drop ${name}. A stream that is only appended may need a dedup mode whose key is that of the constraint. To make ${name} \`DEFERRABLE\` (a constraint can be, a unique index alone cannot) helps only if values move between rows of one transaction (\`limits.commit_bytes\`), not between transactions or lanes. Then run the connection again.`
    default:
      return `Correct the value at the source, or drop or relax ${name}; then run the connection again.`
  }
}
