import { ConnectError, streamLabel } from '../../../protocol/index.ts'
import { quoteIdentifier } from '../../../postgres/quote.ts'
import type { SinkStream } from '../../sink.ts'
import { isChosen, refusesOthers, widenedType, type WideType } from './column-types.ts'
import { quoteTable } from './identifiers.ts'
import type { DestinationSession } from '../session.ts'
import type { StreamTarget, TargetColumn } from './stream-target.ts'
import { hasRows, widening, type TableChange, type TableColumns } from './table-columns.ts'

interface Table {
  readonly sink: SinkStream
  readonly target: StreamTarget
  readonly actual: TableColumns
  readonly changes: readonly TableChange[]
}

/**
 * Why the type that a user gave a column cannot take the stream's values as they come, and is not changed: a
 * domain would lose its rules, and keys that are in the table may be written otherwise than those that come.
 * Only reads.
 */
export async function findUnfitColumn(
  session: DestinationSession,
  table: Table,
): Promise<ConnectError | undefined> {
  return findPinned(table) ?? (await findChosenKey(session, table))
}

function findPinned({ sink, target, actual }: Table): ConnectError | undefined {
  for (const column of target.columns) {
    const { name, kind } = column
    const present = actual.get(name)
    if (present?.isPinned !== true || refusesOthers(present, kind)) continue
    const type = widenedType(present, kind, target.key?.includes(name))
    if (type === undefined) continue
    const problem =
      'would round, cut or rewrite some of them without a word; it is a domain with a CHECK or a default, which are not taken away by themselves'
    const hint = 'If you need its CHECK, add that to the table.'
    return unfitColumn({ sink, target, actual }, column, { type, problem, hint })
  }
  return undefined
}

async function findChosenKey(
  session: DestinationSession,
  { sink, target, actual, changes }: Table,
): Promise<ConnectError | undefined> {
  if (sink.mode !== 'append_dedup') return undefined
  const rewritten = changes.find((change) => {
    const held = actual.get(change.column)?.held
    if (change.kind !== 'widen' || (change.wide !== 'text' && change.wide !== 'jsonb')) return false
    // The source's own uuid has one text for each value.
    if (held === undefined || (held === 'uuid' && target.hasSourceTypes === true)) return false
    return isChosen(held) && target.key?.includes(change.column)
  })
  const column = target.columns.find(({ name }) => name === rewritten?.column)
  if (rewritten?.kind !== 'widen' || rewritten.wide === undefined || column === undefined)
    return undefined
  if (!(await hasRows(session, target.table))) return undefined
  const type = rewritten.wide
  const problem =
    'may take several keys for one value, and the table has rows whose keys may be written otherwise than those of the source'
  const hint =
    'Look whether the keys of the rows are then written as at the source, or empty the table instead (`TRUNCATE`), which has the column changed by the run.'
  return unfitColumn({ sink, target, actual }, column, { type, problem, hint })
}

function unfitColumn(
  { sink, target, actual }: Omit<Table, 'changes'>,
  { name, kind }: TargetColumn,
  {
    type,
    problem,
    hint,
  }: { readonly type: WideType; readonly problem: string; readonly hint: string },
): ConnectError {
  const table = quoteTable(target.table)
  const column = quoteIdentifier(name)
  const present = actual.get(name)
  const { held = 'other', formatted = held } = present ?? {}
  const alter = `ALTER TABLE ${table} ${widening(name, held, type).action}`
  return new ConnectError('destination_column_unfit', {
    details: {
      stream: streamLabel(sink.stream.stream),
      table,
      column,
      type: formatted,
      kind,
      problem,
      fix: `Run \`${alter}\`, and run the connection again. ${hint}`,
    },
  })
}
