import { ConnectError } from '../../../protocol/index.ts'
import type { SinkStream } from '../../sink.ts'
import { quoteIdentifier } from '../../../postgres/quote.ts'
import { isSameTable, quoteTable, type TableName } from '../tables/identifiers.ts'
import { findCascade, findSetupRefusal } from '../tables/table-setup.ts'
import { findKeyTypeChange } from './key-type.ts'
import { findUnfitKey } from '../tables/usable-key.ts'
import { findUnfitColumn } from '../tables/unfit-column.ts'
import { findWideRow } from '../tables/row-width.ts'
import { findRewritingRule } from '../tables/row-account.ts'
import type { DestinationSession } from '../session.ts'
import type { StreamRow } from '../bookkeeping/stream-rows.ts'
import type { StreamTarget } from '../tables/stream-target.ts'
import {
  findChangeRefusal,
  findTypeOfName,
  hasRows,
  missingSigns,
  planTableChanges,
  readTable,
  type TableChange,
  type TableColumns,
  type WantedTable,
} from '../tables/table-columns.ts'

/** A stream whose table is planned. */
interface Planned {
  readonly session: DestinationSession
  readonly sink: SinkStream
  readonly target: StreamTarget
  /** The stream's row as the last sync left it. */
  readonly row: StreamRow | undefined
  /** The table was made by a sync. */
  readonly isOurs: boolean
}

/** The stream's row, if it loaded the table. */
export function findKnownRow({
  row,
  target,
}: Pick<Planned, 'row' | 'target'>): StreamRow | undefined {
  return row !== undefined && isSameTable(row.table, target.table) ? row : undefined
}

/** The place of the stream's table, as `begin` finds it. */
export interface TablePlace {
  /** The table; undefined if there is none. */
  readonly actual: TableColumns | undefined
  /** Another thing has the table's name. Only counts if there is no table. */
  readonly typeOfName: ConnectError | undefined
}

export async function readPlace(
  session: DestinationSession,
  { table }: Pick<StreamTarget, 'table'>,
): Promise<TablePlace> {
  const [actual, typeOfName] = await Promise.all([
    readTable(session, table),
    findTypeOfName(session, table),
  ])
  return { actual, typeOfName }
}

/** The work that a sync has to do on its table before it loads. */
export interface TablePlan {
  /** The table as it is; undefined if it is to be created. */
  readonly actual: TableColumns | undefined
  readonly changes: readonly TableChange[]
  /** Why it cannot be done. */
  readonly refusal: ConnectError | undefined
}

/** Only reads. A sandbox shows this plan, and a sync executes it. `place`: if it has just been read. */
export async function planTable({
  place,
  ...preparation
}: Planned & { readonly place: TablePlace | undefined }): Promise<TablePlan> {
  const { session, target } = preparation
  return planAt(preparation, place ?? (await readPlace(session, target)))
}

async function planAt(
  preparation: Planned,
  { actual, typeOfName }: TablePlace,
): Promise<TablePlan> {
  const { session, sink, target, isOurs } = preparation
  const row = findKnownRow(preparation)
  if (actual === undefined) {
    const refusal =
      typeOfName ?? (await findWideRow(session, { sink, target, actual, changes: [] }))
    return { actual, changes: [], refusal }
  }
  const changes = planTableChanges(wantedOf(preparation, target.table), actual)
  const signs = isOurs ? [] : missingSigns(actual, sink.metadata)
  if (signs.length > 0 && (await hasRows(session, target.table))) {
    const details = { table: quoteTable(target.table), additions: signs.join(', ') }
    return { actual, changes, refusal: new ConnectError('destination_table_foreign', { details }) }
  }
  const refusal =
    (await findTypeRefusal(session, sink, { target, row, actual, changes })) ??
    (await findWideRow(session, { sink, target, actual, changes })) ??
    (await findOwnedColumn(session, target)) ??
    (await findSetupRefusal(session, target)) ??
    (target.isOverwrite ? await findCascade(session, target.table) : undefined) ??
    (await findRewritingRule(session, target.table, rulesInTheWay(sink, target)))
  return { actual, changes, refusal }
}

async function findTypeRefusal(
  session: DestinationSession,
  sink: SinkStream,
  known: Parameters<typeof findKeyTypeChange>[2],
): Promise<ConnectError | undefined> {
  const { target, actual, changes } = known
  return (
    (await findUnfitKey(session, target, actual)) ??
    (await findUnfitColumn(session, { sink, target, actual, changes })) ??
    (await findKeyTypeChange(session, sink, known)) ??
    (await findChangeRefusal(session, target.table, changes))
  )
}

/**
 * COPY ignores rules. The upsert of a merge is refused if a table has any, and so is a part of a statement
 * that deletes.
 */
function rulesInTheWay(
  { deletes }: SinkStream,
  { isOverwrite, key, deletedAt }: StreamTarget,
): Parameters<typeof findRewritingRule>[2] {
  if (isOverwrite) return { any: [], instead: ['insert', 'delete'] }
  if (key === undefined) return { any: [], instead: [] }
  const hasDeletes = deletedAt !== undefined && deletes === 'hard'
  return { any: ['insert', 'update', ...(hasDeletes ? (['delete'] as const) : [])], instead: [] }
}

/** The server drops no expression of a virtual column (18), which has no values to lose either. */
type Undo = 'DROP IDENTITY' | 'DROP EXPRESSION' | 'DROP COLUMN'

/**
 * A column of the stream that takes no values, because the table computes it, or counts it itself: COPY may
 * fill that, INSERT may not.
 */
async function findOwnedColumn(
  session: DestinationSession,
  { table, columns, isOverwrite, key }: StreamTarget,
): Promise<ConnectError | undefined> {
  const [found] = await session.rows<{ column: string; type: string; undo: Undo }>(
    `SELECT attname AS column, format_type(atttypid, atttypmod) AS type,
            CASE attgenerated WHEN '' THEN 'DROP IDENTITY' WHEN 's' THEN 'DROP EXPRESSION' ELSE 'DROP COLUMN' END AS undo
       FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = ANY($2) AND NOT attisdropped
        AND (attgenerated <> '' OR attidentity = 'a' AND $3) ORDER BY attnum LIMIT 1`,
    [quoteTable(table), columns.map(({ name }) => name), isOverwrite || key !== undefined],
  )
  if (found === undefined) return undefined
  const { type, undo } = found
  const column = quoteIdentifier(found.column)
  const change =
    undo === 'DROP COLUMN'
      ? `DROP COLUMN ${column}, ADD COLUMN ${column} ${type}`
      : `ALTER COLUMN ${column} ${undo}`
  const details = { table: quoteTable(table), column, undo, change }
  return new ConnectError('destination_column_generated', { details })
}

export function wantedOf(
  { sink, target }: Pick<Planned, 'sink' | 'target'>,
  name: TableName,
): WantedTable {
  const { columns, key, hasSourceTypes, primaryKey } = target
  return { name, columns, metadata: sink.metadata, key, hasSourceTypes, primaryKey }
}
