import { resetCommands } from '../../../lib/text/reset-commands.ts'
import { streamLabel } from '../../../protocol/index.ts'
import type { TableNote } from '../../sink.ts'
import { quoteIdentifier } from '../../../postgres/quote.ts'
import { quoteTable } from './identifiers.ts'
import { columnTypeOf, isChosen, type HeldColumn } from './column-types.ts'
import type { StreamTarget, TargetColumn } from './stream-target.ts'
import { fitOf, type TableChange, type TableColumns } from './table-columns.ts'

interface Columns {
  readonly columns: readonly TargetColumn[]
  /** The columns of the last sync of this table. */
  readonly before: readonly TargetColumn[]
  readonly actual: TableColumns
  readonly changes: readonly TableChange[]
  /** True if all rows of the table are new ones. */
  readonly isOverwrite: boolean
}

/**
 * Notes on the column changes that a sync makes in an existing table, and on those that it does not make
 * although the stream changed. `untold`: the notes of earlier attempts. Each note is returned once.
 */
export function noteTableChanges(
  given: Columns,
  untold: readonly TableNote[] = [],
): readonly TableNote[] {
  const notes = [
    ...given.columns.flatMap((column) => noteOf(column, given) ?? []),
    ...leftColumns(given),
  ]
  const known = new Set(notes.map((note) => JSON.stringify(note)))
  return [...untold.filter((note) => !known.has(JSON.stringify(note))), ...notes]
}

/**
 * Columns that the stream did not have in its last sync, and the table has had: what its rows hold there, no
 * source has said lately.
 */
export function warnOfReturned(
  { streamId, table }: Pick<StreamTarget, 'streamId' | 'table'>,
  { columns, before, actual, isOverwrite }: Omit<Columns, 'changes'>,
): readonly string[] {
  if (isOverwrite || before.length === 0) return []
  const known = new Set(before.map(({ name }) => name))
  const returned = columns.map(({ name }) => name).filter((name) => !known.has(name))
  return returned
    .filter((name) => actual.has(name))
    .map(
      (name) =>
        `The stream has column ${quoteIdentifier(name)}, which it did not have in its last sync, and ${quoteTable(table)} has it from before: rows that were loaded until now keep what it holds, or have NULL. To load them again, reset the stream (${resetCommands(streamLabel(streamId))}); if it appends, empty the table first.`,
    )
}

function noteOf(
  wanted: TargetColumn,
  { before, actual, changes, isOverwrite }: Columns,
): TableNote | undefined {
  const { name: column, kind } = wanted
  const change = changes.find((candidate) => candidate.column === column)
  const known = before.find(({ name }) => name === column)
  if (change?.kind === 'add') {
    const added = { kind: 'added', column, type: change.type } as const
    if (isOverwrite) return { ...added, replaced: true }
    return { ...added, ...(known !== undefined && { again: true }) }
  }
  const present = actual.get(column)
  if (present === undefined) return undefined
  if (change !== undefined)
    return { kind: 'widened', column, type: change.type, was: typeBefore(present, change.type) }
  if (fitOf(present, wanted) === 'fits') return noteOfKept(wanted, present, known)
  const { held } = present
  const source = columnTypeOf(kind)
  if (known === undefined || known.kind === kind || held === source) return undefined
  return { kind: 'kept', column, type: typeNow(present), source }
}

/** A column that holds the source's type, which may be another one than before. */
function noteOfKept(
  { name: column, postgres, source }: TargetColumn,
  { formatted: type = '' }: HeldColumn,
  known: TargetColumn | undefined,
): TableNote | undefined {
  if (known?.postgres === undefined || source === undefined || type === source.formatted)
    return undefined
  if (JSON.stringify(known.postgres) === JSON.stringify(postgres)) return undefined
  return { kind: 'kept', column, type, source: source.formatted }
}

/** A `numeric(6,2)` became `numeric`, and an `integer[]` `jsonb`. */
function typeBefore(present: HeldColumn, type: string): string {
  const { held, formatted = held } = present
  return held === type ? formatted : typeNow(present)
}

function typeNow({ held, formatted = held }: HeldColumn): string {
  return isChosen(held) ? formatted : held
}

function leftColumns({ columns, before, actual }: Columns): readonly TableNote[] {
  const names = new Set(columns.map(({ name }) => name))
  return before.flatMap(({ name: column }) => {
    const present = actual.get(column)
    if (names.has(column) || present === undefined) return []
    return [{ kind: 'left', column, type: typeNow(present) } as const]
  })
}
