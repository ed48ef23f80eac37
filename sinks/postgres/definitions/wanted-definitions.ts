import { createHash } from 'node:crypto'
import type { PostgresDefinition } from '../../../protocol/index.ts'
import { canonicalJson } from '../../../lib/text/canonical-json.ts'
import type { DefinitionEntry, SinkStream, SourceDefinitions } from '../../sink.ts'
import { quoteQualified } from '../../../postgres/quote.ts'
import type { DestinationSession } from '../session.ts'
import { quoteTable, type TableName } from '../tables/identifiers.ts'
import type { StreamTarget } from '../tables/stream-target.ts'
import { readTable } from '../tables/table-columns.ts'
import { columnOf, planDefinition } from './definition-sql.ts'
import type { DefinitionContext, WantedDefinition } from './planned-definition.ts'

/** How the names of the source's columns and the values of their rows are here. */
type Renaming = Pick<DefinitionContext, 'changed' | 'isWhole'> & {
  readonly columns: ReadonlyMap<string, string>
}

function renamingOf(
  { rules }: SinkStream,
  { fields, isTransformed }: SourceDefinitions,
  target: Pick<StreamTarget, 'columns' | 'isOverwrite'>,
): Renaming {
  const names = new Map(target.columns.map(({ field, name }) => [field, name]))
  const columns = Object.entries(fields).flatMap(([column, field]) => {
    const name = names.get(field)
    return name === undefined ? [] : [[column, name] as const]
  })
  const masked = new Set(rules?.masked)
  return {
    columns: new Map(columns),
    changed: (column) => {
      if (masked.has(fields[column] ?? '')) return 'masked'
      return isTransformed ? 'changed by a function' : undefined
    },
    isWhole: target.isOverwrite,
  }
}

/** In the order of the list. An entry is another one when the object would be made in another way. */
export function definitionEntries(
  sink: SinkStream,
  definitions: SourceDefinitions,
  target: Pick<StreamTarget, 'columns' | 'isOverwrite'>,
): readonly DefinitionEntry[] {
  const { columns, changed, isWhole } = renamingOf(sink, definitions, target)
  return definitions.list.map((definition) => {
    const used = definition.columns.map((column) => [
      columns.get(column) ?? null,
      changed(column) ?? null,
    ])
    const text = canonicalJson({
      definition: JSON.stringify(definition),
      used,
      isWhole,
    })
    const digest = createHash('sha256').update(text).digest('hex').slice(0, 16)
    const name =
      'name' in definition && definition.kind !== 'collation'
        ? definition.name
        : columnOf(definition, { names: { columns, types: new Map() } })
    return [definition.kind, name, digest]
  })
}

export function isSameEntry(left: DefinitionEntry, right: DefinitionEntry): boolean {
  return left.every((part, index) => part === right[index])
}

export interface WantedDefinitions {
  readonly wanted: readonly WantedDefinition[]
  /** Notes about those that the table does not get, if no earlier run has reported them. */
  readonly notes: readonly string[]
}

/** The definitions for the table, which is there. Only reads. */
export async function wantedDefinitions(
  session: DestinationSession,
  sink: SinkStream,
  { target, table }: { readonly target: StreamTarget; readonly table: TableName },
): Promise<WantedDefinitions> {
  const { definitions } = sink
  if (definitions === undefined) return { wanted: [], notes: [] }
  const { columns, changed, isWhole } = renamingOf(sink, definitions, target)
  const context = {
    names: { columns, types: await typeNames(session, target, table) },
    changed,
    isWhole,
    operators: await operatorClasses(session, definitions.list),
    ...(await collationsOf(session, table, definitions.list)),
    key: target.key ?? target.primaryKey ?? [],
  }
  const plans = definitions.list.map((definition) => planDefinition(definition, context))
  const unsafe = await volatileFunctions(
    session,
    plans.flatMap((plan) => (plan !== undefined && 'functions' in plan ? plan.functions : [])),
  )
  const found = plans.map((plan) => (plan === undefined ? undefined : judge(plan, unsafe)))
  const { entries = [], reported = [] } = definitions
  const isReported = (entry: DefinitionEntry | undefined): boolean =>
    entry !== undefined && reported.some((other) => isSameEntry(other, entry))
  return {
    wanted: found.flatMap((judged) => judged?.wanted ?? []),
    notes: found.flatMap((judged, index) =>
      judged?.note === undefined || isReported(entries[index]) ? [] : [judged.note],
    ),
  }
}

interface Judged {
  readonly wanted?: WantedDefinition
  readonly note?: string
}

function judge(
  plan: WantedDefinition | { readonly note: string },
  unsafe: ReadonlySet<string>,
): Judged {
  if ('note' in plan) return plan
  const called = plan.functions.find((name) => unsafe.has(name))
  if (called !== undefined)
    return {
      note: `${plan.label} is left out: it calls ${called}(), which may do more than compute a value`,
    }
  return { wanted: plan, ...(plan.remark !== undefined && { note: plan.remark }) }
}

/** Enums and types of extensions have the names and schemas of the destination. */
async function typeNames(
  session: DestinationSession,
  { columns }: StreamTarget,
  table: TableName,
): Promise<ReadonlyMap<string, string>> {
  const named = columns.filter(
    ({ postgres }) => postgres?.labels !== undefined || postgres?.extension !== undefined,
  )
  if (named.length === 0) return new Map()
  const actual = await readTable(session, table)
  const oids = named.flatMap(({ name }) => actual?.get(name)?.oids?.type ?? [])
  const rows = await session.rows<{ name: string; schema: string; oids: readonly number[] }>(
    `SELECT t.typname AS name, n.nspname AS schema, ARRAY[t.oid, t.typarray]::int8[]::float8[] AS oids
       FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
      WHERE t.oid = ANY ($1::int8[]::oid[]) AND t.typelem = 0 OR t.typarray = ANY ($1::int8[]::oid[])`,
    [oids],
  )
  return new Map(
    named.flatMap(({ name, postgres }) => {
      const oid = actual?.get(name)?.oids?.type ?? 0
      const found = rows.find((row) => row.oids.includes(oid))
      if (postgres === undefined || found === undefined || found.schema === 'pg_catalog') return []
      return [[postgres.name, quoteQualified(found.schema, found.name)] as const]
    }),
  )
}

async function operatorClasses(
  session: DestinationSession,
  list: readonly PostgresDefinition[],
): Promise<ReadonlyMap<string, string>> {
  const wanted = list.flatMap((definition) =>
    'keys' in definition ? definition.keys.flatMap(({ operators }) => operators ?? []) : [],
  )
  const ofExtensions = wanted.filter(({ extension }) => extension != null)
  if (ofExtensions.length === 0) return new Map()
  const rows = await session.rows<{ name: string; schema: string }>(
    `SELECT DISTINCT o.opcname AS name, n.nspname AS schema
       FROM pg_opclass o JOIN pg_namespace n ON n.oid = o.opcnamespace
       JOIN pg_depend d ON d.classid = 'pg_opclass'::regclass AND d.objid = o.oid AND d.deptype = 'e'
       JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid
      WHERE (e.extname, o.opcname) IN (SELECT * FROM unnest($1::name[], $2::name[]))`,
    [ofExtensions.map(({ extension }) => extension), ofExtensions.map(({ name }) => name)],
  )
  return new Map(rows.map(({ name, schema }) => [name, quoteQualified(schema, name)]))
}

/** Those of the catalog come first, then those of the table's schema, and of the others one by that name. */
async function collationsOf(
  session: DestinationSession,
  table: TableName,
  list: readonly PostgresDefinition[],
): Promise<Pick<DefinitionContext, 'collations' | 'types'>> {
  const wanted = list.flatMap((definition) =>
    definition.kind === 'collation' ? [definition.name] : [],
  )
  if (wanted.length === 0) return { collations: new Map(), types: new Map() }
  const rows = await session.rows<{ name: string; schema: string }>(
    `SELECT DISTINCT ON (collname) collname AS name, n.nspname AS schema
       FROM pg_collation JOIN pg_namespace n ON n.oid = collnamespace
      WHERE collname = ANY ($1::name[]) AND has_schema_privilege(n.oid, 'USAGE')
        AND collencoding IN (-1, (SELECT encoding FROM pg_database WHERE datname = current_database()))
      ORDER BY collname, n.nspname <> 'pg_catalog', n.nspname <> $2, n.nspname`,
    [wanted, table.schema],
  )
  const types = await session.rows<{ name: string; type: string }>(
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
      WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attcollation <> 0`,
    [quoteTable(table)],
  )
  return {
    collations: new Map(rows.map(({ name, schema }) => [name, quoteQualified(schema, name)])),
    types: new Map(types.map(({ name, type }) => [name, type])),
  }
}

/** Volatile functions that only return a value. */
const harmless = [
  ...['random', 'gen_random_uuid', 'uuidv4', 'uuidv7', 'clock_timestamp', 'timeofday'],
]

/** The functions of the catalog, among these, that may have effects. */
async function volatileFunctions(
  session: DestinationSession,
  names: readonly string[],
): Promise<ReadonlySet<string>> {
  const asked = [...new Set(names)].filter((name) => !harmless.includes(name))
  if (asked.length === 0) return new Set()
  const rows = await session.rows<{ name: string }>(
    `SELECT DISTINCT proname AS name FROM pg_proc
      WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = ANY ($1::name[]) AND provolatile = 'v'`,
    [asked],
  )
  return new Set(rows.map(({ name }) => name))
}
