import { labelOfKind } from '../definitions/definition-sql.ts'
import { findDefinition } from '../definitions/make-definitions.ts'
import {
  definitionEntries,
  isSameEntry,
  wantedDefinitions,
} from '../definitions/wanted-definitions.ts'
import type { DestinationSession } from '../session.ts'
import { isSameTable, type TableName } from '../tables/identifiers.ts'
import type { Production } from './production.ts'

/** Names of indexes, constraints and so on: `index "orders_email_idx"`. */
export interface DefinitionChanges {
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

/**
 * The definitions that a run would make and drop, by `with`; undefined if it makes none. `loaded`: the
 * sandbox's table. One that changes is in both lists. Only reads.
 */
export async function definitionChanges(
  session: DestinationSession,
  { sink, target, row, types }: Production,
  loaded: TableName,
): Promise<DefinitionChanges | undefined> {
  const { definitions } = sink
  if (definitions === undefined || types !== 'source') return undefined
  const entries = definitionEntries(sink, definitions, target)
  const isKnown = row !== undefined && isSameTable(row.table, target.table)
  const last = isKnown ? (row.settings.definitions ?? []) : []
  const removed: string[] = []
  // A collation stays: the column keeps it, or gets another one.
  const gone = last.filter(
    (entry) => entry[0] !== 'collation' && !entries.some((other) => isSameEntry(other, entry)),
  )
  for (const [kind, name] of gone) {
    const { state } = await findDefinition(session, target.table, { kind, name })
    if (state !== 'missing') removed.push(labelOfKind(kind, name))
  }
  const { wanted } = await wantedDefinitions(session, sink, { target, table: loaded })
  const added: string[] = []
  for (const definition of wanted) {
    const { label } = definition
    const { state } = await findDefinition(session, target.table, definition)
    if (state !== 'made' || removed.includes(label)) added.push(label)
  }
  return { added, removed }
}
