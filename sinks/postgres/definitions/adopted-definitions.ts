import { quoteIdentifier } from '../../../postgres/quote.ts'
import type { DefinitionEntry, SinkStream } from '../../sink.ts'
import type { DestinationSession } from '../session.ts'
import { derivedName, quoteTable } from '../tables/identifiers.ts'
import type { StreamTarget } from '../tables/stream-target.ts'
import { namedKinds } from './make-definitions.ts'

/** Objects of a table that it may lose when its stage takes its place: they are made again. */
export interface OwnDefinitions {
  /** The names of indexes and constraints. */
  readonly names: readonly string[]
  /** Columns with a default. */
  readonly defaults: readonly string[]
  /** Columns with an identity. */
  readonly identities: readonly string[]
  readonly hasComments: boolean
}

export function ownDefinitions(sink: SinkStream, { table }: StreamTarget): OwnDefinitions {
  const { entries = [] } = sink.definitions ?? {}
  const namesOf = (...kinds: readonly string[]): readonly string[] =>
    entries.flatMap(([kind, name]) => (kinds.includes(kind) ? [name] : []))
  return {
    names: namesOf(...namedKinds).flatMap((name) => [name, derivedName(table, name)]),
    defaults: namesOf('default'),
    identities: namesOf('identity'),
    hasComments: entries.some(([kind]) => kind === 'comment'),
  }
}

/** Gives the objects of a stage that has become the table the names of the table's. */
export async function renameAdopted(
  session: DestinationSession,
  { table, stage }: StreamTarget,
  entries: readonly DefinitionEntry[],
): Promise<void> {
  const names = entries.flatMap(([kind, name]) => (namedKinds.includes(kind) ? [name] : []))
  if (names.length === 0) return
  const staged = new Map(names.map((name) => [derivedName(stage, name), name]))
  const rows = await session.rows<{ name: string; isConstraint: boolean }>(
    `SELECT conname AS name, true AS "isConstraint" FROM pg_constraint WHERE conrelid = to_regclass($1) AND conname = ANY ($2::name[])
     UNION ALL
     SELECT c.relname, false FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
      WHERE i.indrelid = to_regclass($1) AND c.relname = ANY ($2::name[])
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = c.oid AND conrelid = i.indrelid)`,
    [quoteTable(table), [...staged.keys()]],
  )
  const taken = await session.rows<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = ANY ($2::name[])`,
    [table.schema, names],
  )
  const isTaken = new Set(taken.map(({ name }) => name))
  const renames = rows.map(({ name, isConstraint }) => {
    const wanted = staged.get(name) ?? name
    const free = quoteIdentifier(isTaken.has(wanted) ? derivedName(table, wanted) : wanted)
    return isConstraint
      ? `ALTER TABLE ${quoteTable(table)} RENAME CONSTRAINT ${quoteIdentifier(name)} TO ${free}`
      : `ALTER INDEX ${quoteTable({ schema: table.schema, table: name })} RENAME TO ${free}`
  })
  if (renames.length > 0) await session.run(renames.join('; '))
}
