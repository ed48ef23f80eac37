import { ConnectError, streamLabel, type ColumnKind } from '../../../protocol/index.ts'
import type { SinkStream } from '../../sink.ts'
import type { HeldType, WideType } from '../tables/column-types.ts'
import { quoteTable } from '../tables/identifiers.ts'
import type { DestinationSession } from '../session.ts'
import type { StreamRow } from '../bookkeeping/stream-rows.ts'
import type { StreamTarget } from '../tables/stream-target.ts'
import { fitOf, hasRows, type TableChange, type TableColumns } from '../tables/table-columns.ts'

/** A key column of a table: before the sync, and as it has to be for it. */
export interface KeyColumn {
  readonly held: HeldType
  /** Undefined if the column stays. */
  readonly widened: WideType | undefined
  /** The kind that the stream had before; undefined if it is not known. */
  readonly before: ColumnKind | undefined
  readonly kind: ColumnKind
}

/**
 * Their text is the same, whatever type holds it. A double is none: `1e+20` in one place is
 * 100000000000000000000 in another.
 */
const plainTypes: readonly HeldType[] = ['smallint', 'integer', 'bigint', 'numeric', 'text', 'uuid']
const plainKinds: readonly ColumnKind[] = ['string', 'integer', 'number']

/** Values of jsonb that are compared as one kind. */
const jsonKinds: Readonly<Partial<Record<ColumnKind, string>>> = {
  integer: 'number',
  number: 'number',
  double: 'number',
}

/**
 * Whether a key that is in the column still equals the same key of the stream. False if that is not known.
 */
export function staysEqual(column: KeyColumn): boolean {
  const { held, widened, before, kind } = column
  if (widened === undefined && (before === undefined || before === kind)) return true
  const becomes = widened ?? held
  if (becomes === 'text') return isSameText(column)
  if (becomes === 'jsonb' || becomes === 'json') return isSameJson(column)
  // The server compares the values, or the user chose a type of their own.
  return true
}

function isSameText({ held, before, kind }: KeyColumn): boolean {
  if (held === 'text' && (before === undefined || before === kind)) return true
  return (
    plainTypes.includes(held) && [before ?? kind, kind].every((name) => plainKinds.includes(name))
  )
}

function isSameJson({ held, before, kind }: KeyColumn): boolean {
  if (held === 'jsonb' || held === 'json') return jsonKindOf(before ?? kind) === jsonKindOf(kind)
  if (held === 'text') return before === undefined || before === 'string'
  return held === 'boolean' || held === 'float' || plainTypes.includes(held)
}

function jsonKindOf(kind: ColumnKind): string {
  return jsonKinds[kind] ?? kind
}

/** The known facts about the table when a sync begins. */
interface KnownTable {
  readonly target: StreamTarget
  /** The stream's, if it loaded the table. */
  readonly row: StreamRow | undefined
  readonly actual: TableColumns
  readonly changes: readonly TableChange[]
}

/**
 * Why rows cannot be merged by the key that the stream has now: its type is another one, so that the keys
 * that are in the table are written otherwise than those that come. The same record would be there twice.
 */
export async function findKeyTypeChange(
  session: DestinationSession,
  { mode, stream }: SinkStream,
  { target, row, actual, changes }: KnownTable,
): Promise<ConnectError | undefined> {
  if (mode !== 'append_dedup') return undefined
  const changed = target.columns.flatMap((column) => {
    const { name, field, kind } = column
    const existing = actual.get(name)
    if (existing === undefined || target.key?.includes(name) !== true) return []
    const { held } = existing
    // The server compares the values of the source's own type.
    if (fitOf(existing, column) !== 'other') return []
    const change = changes.find((planned) => planned.column === name)
    const widened = change?.kind === 'widen' ? change.wide : undefined
    const before = row?.columns.find((known) => known.name === field)?.kind
    return staysEqual({ held, widened, before, kind }) ? [] : [{ field, was: before ?? held, kind }]
  })
  if (changed.length === 0 || !(await hasRows(session, target.table))) return undefined
  const fields = changed.map(({ field }) => field).join(', ')
  return new ConnectError('destination_key_changed', {
    details: {
      stream: streamLabel(stream.stream),
      table: quoteTable(target.table),
      before: changed.map(({ field, was }) => `${field} as ${was}`).join(', '),
      after: changed.map(({ field, kind }) => `${field} as ${kind}`).join(', '),
      goOn: `give ${fields} its old type back at the source`,
    },
  })
}
