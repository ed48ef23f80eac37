import { quoteIdentifier } from '../../../postgres/quote.ts'
import type { PostgresType } from '../../../protocol/index.ts'
import type { DestinationSession } from '../session.ts'
import {
  createEnum,
  enumNames,
  labelsAfter,
  statementsForLabels,
  type PresentType,
} from './enum-types.ts'
import { builtInType, namedType, type SourceType } from './source-types.ts'
import type { StreamTarget } from './stream-target.ts'
import type { TableColumns } from './table-columns.ts'

/** The types of the source's columns at this destination. */
export interface SourceTypes {
  /** By the name of the column in the table. A column without a type here has the portable one. */
  readonly types: ReadonlyMap<string, SourceType>
  /** Statements that make and extend enums, before the table is made or altered. */
  readonly statements: readonly string[]
  /** The columns whose enum these statements make or extend. */
  readonly enumColumns: ReadonlySet<string>
  /** Extensions that the destination does not have, with the columns that would need them. */
  readonly missing: ReadonlyMap<string, readonly string[]>
}

interface Lookup {
  readonly target: Pick<StreamTarget, 'table' | 'columns'>
  /** Undefined if there is no table. */
  readonly actual: TableColumns | undefined
}

/** Only reads. Queries the server only if a column has a type that not every server has. */
export async function findSourceTypes(
  session: DestinationSession,
  { target, actual }: Lookup,
): Promise<SourceTypes> {
  const wanted = target.columns.flatMap((column) =>
    column.postgres === undefined ? [] : [{ name: column.name, type: column.postgres }],
  )
  const types = new Map<string, SourceType>()
  for (const { name, type } of wanted)
    if (type.labels === undefined && type.extension === undefined)
      types.set(name, builtInType(type))
  const extensions = await ofExtensions(session, wanted)
  for (const [name, type] of extensions.types) types.set(name, type)
  const enums = await enumTypes(session, wanted, { target, actual })
  for (const [name, type] of enums.types) types.set(name, type)
  const money = wanted.filter(({ type }) => type.name === 'money')
  if (money.length > 0 && !(await readsAmounts(session)))
    for (const { name } of money) types.delete(name)
  const { statements, enumColumns } = enums
  return { types, statements, enumColumns, missing: extensions.missing }
}

interface WantedType {
  readonly name: string
  readonly type: PostgresType
}

/** Money arrives as its amount, `-12.34`, which the server reads by its lc_monetary. */
async function readsAmounts(session: DestinationSession): Promise<boolean> {
  const [row] = await session.rows<{ reads: boolean }>(
    `SELECT '-12.34'::money::numeric = -12.34 AS reads`,
  )
  return row?.reads === true
}

async function ofExtensions(
  session: DestinationSession,
  wanted: readonly WantedType[],
): Promise<Pick<SourceTypes, 'types' | 'missing'>> {
  const types = new Map<string, SourceType>()
  const missing = new Map<string, readonly string[]>()
  const needed = wanted.flatMap(({ name, type }) =>
    type.extension === undefined ? [] : [{ name, type, extension: type.extension }],
  )
  if (needed.length === 0) return { types, missing }
  const installed = await session.rows<{
    extension: string
    name: string
    schema: string
    formatted: string
  }>(
    `SELECT e.extname AS extension, t.typname AS name, n.nspname AS schema, format_type(t.oid, NULL) AS formatted
       FROM pg_extension e JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
        AND d.classid = 'pg_type'::regclass AND d.deptype = 'e'
       JOIN pg_type t ON t.oid = d.objid JOIN pg_namespace n ON n.oid = t.typnamespace
      WHERE (e.extname, t.typname) IN (SELECT * FROM unnest($1::name[], $2::name[]))`,
    [needed.map(({ extension }) => extension), needed.map(({ type }) => type.name)],
  )
  for (const { name, type, extension } of needed) {
    const found = installed.find((own) => own.extension === extension && own.name === type.name)
    if (found === undefined) missing.set(extension, [...(missing.get(extension) ?? []), name])
    else types.set(name, namedType(type, found))
  }
  return { types, missing }
}

async function enumTypes(
  session: DestinationSession,
  wanted: readonly WantedType[],
  { target: { table }, actual }: Lookup,
): Promise<Pick<SourceTypes, 'types' | 'statements' | 'enumColumns'>> {
  const enumColumns = new Set<string>()
  const types = new Map<string, SourceType>()
  const needed = wanted.flatMap(({ name, type }) =>
    type.labels === undefined ? [] : [{ name, type, labels: type.labels }],
  )
  if (needed.length === 0) return { types, statements: [], enumColumns }
  const present = await presentTypes(session, {
    schema: table.schema,
    names: needed.flatMap(({ type }) => enumNames(type.name)),
    oids: needed.flatMap(({ name }) => actual?.get(name)?.oids?.type ?? []),
  })
  const statements: string[] = []
  const known = new Map(present.map((found) => [keyOf(found), found]))
  for (const { name, type, labels } of needed) {
    const all = [...known.values()]
    const held = all.find(({ oids }) => oids.includes(actual?.get(name)?.oids?.type ?? 0))
    const own = held && heldEnum(held, { schema: table.schema, labels })
    const chosen =
      own ?? chooseEnum(all, { schema: table.schema, type, labels, table: table.table })
    if (chosen === undefined) continue
    types.set(name, namedType(type, chosen))
    statements.push(...chosen.statements)
    const key = keyOf(chosen)
    const before = known.get(key)
    if (chosen.statements.length > 0) known.set(key, plannedEnum(chosen, before, labels))
    if (known.get(key)?.planned !== undefined) enumColumns.add(name)
  }
  return { types, statements, enumColumns }
}

interface FoundType extends PresentType {
  /** The oids of the type and of its array; none of a type that the statements make. */
  readonly oids: readonly number[]
  /** The statements for the columns before make or extend it. */
  readonly planned?: 'made' | 'extended'
}

function keyOf({ schema, name }: Pick<PresentType, 'schema' | 'name'>): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`
}

/** An enum as the statements leave it for the columns that follow. */
function plannedEnum(
  { schema, name, formatted }: ChosenEnum,
  before: FoundType | undefined,
  labels: readonly string[],
): FoundType {
  return {
    ...{ schema, name, formatted, isOwned: true, oids: before?.oids ?? [] },
    labels: labelsAfter(before?.labels ?? [], labels),
    planned: before === undefined ? 'made' : 'extended',
  }
}

interface ChosenEnum extends Pick<PresentType, 'schema' | 'name' | 'formatted'> {
  readonly statements: readonly string[]
}

/** The enum that a column has: also one of another schema, which is not extended. */
function heldEnum(
  held: FoundType,
  { schema, labels }: { readonly schema: string; readonly labels: readonly string[] },
): ChosenEnum | undefined {
  const type = { ...held, isOwned: held.isOwned && held.schema === schema }
  const statements = statementsForLabels(type, labels, { mayHaveMore: true })
  return statements && { ...held, statements }
}

/** The enum of a new column: the first name that is free, or that is an enum with these labels. */
function chooseEnum(
  present: readonly FoundType[],
  {
    schema,
    type,
    labels,
    table,
  }: {
    readonly schema: string
    readonly type: PostgresType
    readonly labels: readonly string[]
    readonly table: string
  },
): ChosenEnum | undefined {
  for (const name of enumNames(type.name)) {
    // A table is a type too.
    if (name === table) continue
    const found = present.find((other) => other.schema === schema && other.name === name)
    if (found === undefined) {
      const formatted = formattedName(schema, name)
      return { schema, name, formatted, statements: [createEnum(schema, name, labels)] }
    }
    const statements = statementsForLabels(found, labels, { mayHaveMore: false })
    // One that another column has made gets no labels that its source does not have.
    const isOthers = found.planned === 'made' && statements !== undefined && statements.length > 0
    if (statements !== undefined && !isOthers) return { ...found, statements }
  }
  return undefined
}

/** As the server writes it, once the type is there. */
function formattedName(schema: string, name: string): string {
  return [schema, name]
    .map((part) => (/^[a-z_][a-z0-9_]*$/.test(part) ? part : `"${part.replaceAll('"', '""')}"`))
    .join('.')
}

async function presentTypes(
  session: DestinationSession,
  {
    schema,
    names,
    oids,
  }: {
    readonly schema: string
    readonly names: readonly string[]
    readonly oids: readonly number[]
  },
): Promise<readonly FoundType[]> {
  return session.rows<FoundType & Record<string, unknown>>(
    `SELECT n.nspname AS schema, t.typname AS name, format_type(t.oid, NULL) AS formatted, pg_has_role(t.typowner, 'USAGE') AS "isOwned",
            ARRAY[t.oid, t.typarray]::int8[]::float8[] AS oids,
            (SELECT array_agg(enumlabel::text ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid) AS labels
       FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
      WHERE n.nspname = $1 AND t.typname = ANY ($2::name[])
         OR t.typtype = 'e' AND (t.oid = ANY ($3::int8[]::oid[]) OR t.typarray = ANY ($3::int8[]::oid[]))
      ORDER BY t.oid`,
    [schema, names, oids],
  )
}
