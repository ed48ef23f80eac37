import { ConnectError } from '../../../protocol/index.ts'
import { quoteIdentifier, quoteLiteral } from '../../../postgres/quote.ts'
import type { StreamSync } from '../../sink.ts'
import type { DestinationSession } from '../session.ts'
import { derivedName, quoteTable, type TableName } from '../tables/identifiers.ts'
import type { StreamTarget } from '../tables/stream-target.ts'
import type { WantedDefinition } from './planned-definition.ts'
import { wantedDefinitions } from './wanted-definitions.ts'

/** Kinds that are relations or constraints with a name of their own. */
export const namedKinds: readonly string[] = ['index', 'unique', 'exclusion', 'check']

/** A stage has them too: otherwise it could not become the table. */
const stagedKinds = [...namedKinds, 'collation']

/** The facts by which a definition is recognized at the destination. */
export type SoughtDefinition = Pick<WantedDefinition, 'collation' | 'name'> & {
  readonly kind: string
}

export interface MadeDefinitions {
  readonly warnings: readonly string[]
  /** Those that the rows do not allow. */
  readonly failed: readonly WantedDefinition[]
}

interface Making {
  readonly target: StreamTarget
  /** The table, or the stage that may become it: a stage only gets what has a name. */
  readonly table: TableName
  /** Labels of definitions that are not tried: they failed just now. */
  readonly without?: ReadonlySet<string>
}

/** Long enough for a short query of a reader, and too short to hold up those that queue behind. */
const lockSeconds = 5

/**
 * Gives the table what it lacks of the source's definitions, each in transactions of its own: a run that is
 * killed has made some of them, and the next one makes the rest. A statement that fails is a warning.
 */
export async function makeDefinitions(
  session: DestinationSession,
  { sink }: StreamSync,
  { target, table, without = new Set() }: Making,
): Promise<MadeDefinitions> {
  if (sink.definitions === undefined) return { warnings: [], failed: [] }
  const isStage = table.table === target.stage.table
  if (sink.types !== 'source') {
    return { warnings: isStage ? [] : [noTypes(table)], failed: [] }
  }
  const { wanted, notes } = await wantedDefinitions(session, sink, { target, table })
  const warnings = isStage ? [] : notes.map((note) => `${quoteTable(target.table)}: ${note}.`)
  const failed: WantedDefinition[] = []
  for (const definition of wanted) {
    if (without.has(definition.label)) continue
    if (isStage && !stagedKinds.includes(definition.kind)) continue
    const failure = await make(session, table, { definition, isStage })
    if (failure === undefined) continue
    failed.push(definition)
    const shown = definition.statements(target.table, definition.name).join('; ')
    warnings.push(
      `${quoteTable(target.table)}: ${definition.label} could not be made: ${failure}. The next run tries again; or run \`${shown}\`.`,
    )
  }
  if (!isStage) await advanceIdentities(session, table, wanted)
  return { warnings, failed }
}

function noTypes(table: TableName): string {
  return `${quoteTable(table)} gets no indexes, constraints and so on of the source (\`with\`): its columns do not have the source's types. For them, run \`DROP TABLE ${quoteTable(table)}\`: the next run makes it again and reads all rows.`
}

/** Resolves with the reason if it failed. */
async function make(
  session: DestinationSession,
  table: TableName,
  { definition, isStage }: { readonly definition: WantedDefinition; readonly isStage: boolean },
): Promise<string | undefined> {
  const found = await findDefinition(session, table, definition)
  if (found.state === 'made') return undefined
  const name = isStage ? derivedName(table, definition.name) : found.name
  const statements = definition.statements(table, name)
  for (const statement of found.state === 'begun' ? statements.slice(1) : statements) {
    try {
      await session.transaction(() => session.runPinned(statement), { lockSeconds })
    } catch (error) {
      if (!(error instanceof ConnectError) || session.isLost) throw error
      const { sqlstate, reason } = error.details
      if (typeof sqlstate !== 'string' || typeof reason !== 'string') throw error
      return reason
    }
  }
  return undefined
}

interface FoundDefinition {
  /** begun: the first of two statements has run. */
  readonly state: 'missing' | 'begun' | 'made'
  /** The name that it has, or is to get: its own, unless another table's object has that. */
  readonly name: string
}

/** The object that the table has of the definition. */
export async function findDefinition(
  session: DestinationSession,
  table: TableName,
  definition: SoughtDefinition,
): Promise<FoundDefinition> {
  const { kind, name } = definition
  if (!namedKinds.includes(kind)) {
    const state = (await hasOfColumn(session, table, definition)) ? 'made' : 'missing'
    return { state, name }
  }
  const names = [name, derivedName(table, name)]
  const [found] = await session.rows<{ name: string; isMade: boolean }>(
    `SELECT name, "isMade" FROM (
       SELECT c.relname AS name, $3 = 'index' AS "isMade", 2 AS place FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = to_regclass($1) AND c.relname = ANY ($2::name[]) AND i.indisvalid
       UNION ALL
       SELECT conname, convalidated, 1 FROM pg_constraint
        WHERE conrelid = to_regclass($1) AND conname = ANY ($2::name[]) AND $3 <> 'index') f
      ORDER BY place, name = $4 DESC LIMIT 1`,
    [quoteTable(table), names, kind, name],
  )
  if (found !== undefined) return { state: found.isMade ? 'made' : 'begun', name: found.name }
  const [taken] = await session.rows(
    `SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2`,
    [table.schema, name],
  )
  return { state: 'missing', name: taken === undefined ? name : derivedName(table, name) }
}

/** Whether the column has the collation, a default or an identity, or the object a comment. */
async function hasOfColumn(
  session: DestinationSession,
  table: TableName,
  { kind, name, collation }: SoughtDefinition,
): Promise<boolean> {
  if (kind === 'collation') {
    const rows = await session.rows(
      `SELECT FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = $2 AND attcollation = to_regcollation($3)`,
      [quoteTable(table), name, collation],
    )
    return rows.length > 0
  }
  const [found] = await session.rows<{ has: boolean }>(
    kind === 'comment'
      ? `SELECT EXISTS (SELECT FROM pg_description d WHERE d.classoid = 'pg_class'::regclass AND d.objoid = to_regclass($1)
           AND d.objsubid = coalesce((SELECT attnum FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = $2), 0)) AS has`
      : `SELECT atthasdef OR attidentity <> '' AS has FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = $2 AND NOT attisdropped`,
    [quoteTable(table), name],
  )
  return found?.has === true
}

/** The next number of an identity comes after those that were loaded. */
async function advanceIdentities(
  session: DestinationSession,
  table: TableName,
  wanted: readonly WantedDefinition[],
): Promise<void> {
  for (const { kind, name } of wanted) {
    if (kind !== 'identity') continue
    const column = quoteIdentifier(name)
    const sequence = `pg_catalog.pg_get_serial_sequence(${quoteLiteral(quoteTable(table))}, ${quoteLiteral(name)})`
    await session.rows(
      `SELECT setval(s.name::regclass, m.most) FROM (SELECT ${sequence} AS name) s,
              (SELECT max(${column})::int8 AS most FROM ${quoteTable(table)}) m
        WHERE s.name IS NOT NULL AND m.most > 0`,
    )
  }
}
