import { quoteIdentifier } from '../../../postgres/quote.ts'
import { createEnum } from '../tables/enum-types.ts'
import { tableIdentifierOf, type TableName } from '../tables/identifiers.ts'
import { retyping, type TableChange } from '../tables/table-columns.ts'
import type { Production } from './production.ts'

/**
 * An enum of the sandbox's own, in the place of one that a run would make or extend: a sandbox alters no type
 * of production.
 */
export interface SandboxEnum {
  /** The statement that makes it. */
  readonly create: string
  /** The column's type, as SQL. */
  readonly sql: string
  /** The (quoted) value of production's column in that type. */
  readonly convert: (value: string) => string
}

/** By column. */
export function sandboxEnums(
  { target, enumColumns }: Pick<Production, 'target' | 'enumColumns'>,
  { schema, table }: TableName,
): ReadonlyMap<string, SandboxEnum> {
  const enums = new Map<string, SandboxEnum>()
  for (const [index, { name, postgres }] of target.columns.entries()) {
    if (postgres?.labels === undefined || !enumColumns.has(name)) continue
    const type = tableIdentifierOf(`${table}_enum_${String(index + 1)}`)
    const brackets = postgres.array === true ? '[]' : ''
    const sql = `${quoteIdentifier(schema)}.${quoteIdentifier(type)}${brackets}`
    enums.set(name, {
      create: createEnum(schema, type, postgres.labels),
      sql,
      convert: (value) => `${value}::pg_catalog.text${brackets}::${sql}`,
    })
  }
  return enums
}

/** The changes of a run, with these enums: columns that are there get them too. */
export function withEnums(
  { plan, columns }: Pick<Production, 'plan' | 'columns'>,
  enums: ReadonlyMap<string, SandboxEnum>,
): readonly TableChange[] {
  const changes = plan.changes.map((change) => {
    const own = enums.get(change.column)
    if (own === undefined || change.kind !== 'add') return change
    const { sql } = own
    return { ...change, sql, action: `ADD COLUMN ${quoteIdentifier(change.column)} ${sql}` }
  })
  const retyped = columns.flatMap(({ name, type }) => {
    const own = enums.get(name)
    if (own === undefined || plan.changes.some(({ column }) => column === name)) return []
    const { sql, convert } = own
    return [retyping(name, { sql, formatted: type }, { wide: undefined, convert })]
  })
  return [...changes, ...retyped]
}
