import { resetCommands } from '../../../lib/text/reset-commands.ts'
import { quoteIdentifier } from '../../../postgres/quote.ts'
import { ConnectError, streamLabel } from '../../../protocol/index.ts'
import { isSameConnection } from '../../events-connection.ts'
import { findReplacedRows, isOverwriteMode, warnOfRules } from '../../continuation.ts'
import type { SinkStream } from '../../sink.ts'
import { isSameTable, quoteTable, type TableName } from '../tables/identifiers.ts'
import type { DestinationSession } from '../session.ts'
import { otherOwners, type StreamRow, type TableOwner } from '../bookkeeping/stream-rows.ts'
import { streamTarget, targetColumns, type StreamTarget } from '../tables/stream-target.ts'
import { hasRows, readTable } from '../tables/table-columns.ts'

/**
 * Streams that only append may share a table. Any other mode would delete or replace rows of the others, also
 * of complete ones; except that a stream and its events merge rows of the same keys, the newest of which
 * counts. A stream that was forgotten has given up its table.
 */
export function findSharedTable(
  sink: SinkStream,
  target: StreamTarget,
  owners: readonly TableOwner[],
): ConnectError | undefined {
  const rival = owners.find((owner) => {
    const { settings, isForgotten } = owner
    const isShared = settings.mode === 'append' && sink.mode === 'append'
    return !isForgotten && !isShared && !isSameStream(owner, sink)
  })
  if (rival === undefined) return undefined
  const { connection, stream, letGo } = rival
  const details = { table: quoteTable(target.table), connection, stream, letGo }
  return new ConnectError('destination_table_shared', { details })
}

/** `Destination.requireFreeTables`: see the contract. One statement for each stream, sent together. */
export async function requireFreeTables(
  session: DestinationSession,
  streams: readonly SinkStream[],
  schema: string | undefined,
): Promise<void> {
  const refusals = await Promise.all(
    streams.map(async (sink) => {
      // Only the names count: whether it has its key and its cursor is for its run.
      const target = streamTarget({ ...sink, mode: 'append' }, schema)
      return findSharedTable(sink, target, await otherOwners(session, target, sink.connection))
    }),
  )
  const refusal = refusals.find((found) => found !== undefined)
  if (refusal !== undefined) throw refusal
}

/** The stream itself, and what webhooks load of it. */
function isSameStream({ connection, stream, settings }: TableOwner, sink: SinkStream): boolean {
  const modes = [settings.mode, sink.mode]
  return (
    isSameConnection(connection, sink.connection) &&
    stream === streamLabel(sink.stream.stream) &&
    modes.every((mode) => mode === 'append_dedup')
  )
}

/**
 * The table is another one than in the stream's last run, or its rows are masked otherwise, which nothing
 * else would report.
 */
export function warnOfKnownStream(
  row: StreamRow | undefined,
  sink: SinkStream,
  target: StreamTarget,
): readonly string[] {
  if (row === undefined || row.run === 0) return []
  const { table } = target
  if (isSameTable(row.table, table))
    return [...warnOfRules(row, sink), ...warnOfClearColumns(row, sink, target)]
  const { connection } = sink
  return [
    `The stream was loaded into ${quoteTable(row.table)} before, and is read from the beginning into ${quoteTable(table)}. The rows of ${quoteTable(row.table)} stay as they are. If two run files load the stream, give their connections two names: both are ${connection} now.`,
  ]
}

/**
 * Masks begin or change, and columns of the last run have another name now: the table keeps them, with values
 * that no reset replaces.
 */
function warnOfClearColumns(
  { columns, settings }: StreamRow,
  { mode, rules }: SinkStream,
  target: StreamTarget,
): readonly string[] {
  if (isOverwriteMode(mode) || settings.rules === rules?.mark) return []
  if (rules === undefined || rules.masked.length === 0) return []
  const names = new Set(target.columns.map(({ name }) => name))
  const left = targetColumns(columns).flatMap(({ name }) =>
    names.has(name) ? [] : [quoteIdentifier(name)],
  )
  if (left.length === 0) return []
  const table = quoteTable(target.table)
  const drops = left.map((name) => `DROP COLUMN IF EXISTS ${name}`).join(', ')
  return [
    `${table} keeps the values of earlier runs in ${left.join(', ')}, which the stream no longer has under ${left.length === 1 ? 'this name' : 'these names'}: also values that are masked now. A reset does not change them. To remove them, run \`ALTER TABLE ${table} ${drops}\` in its database.`,
  ]
}

/** The tables that the stream leaves behind with their rows, once it is loaded into the target. */
export function listEarlierTables(
  row: StreamRow | undefined,
  { table }: StreamTarget,
): readonly TableName[] {
  if (row === undefined) return []
  const left = row.run === 0 ? row.earlierTables : [...row.earlierTables, row.table]
  return [...new Map(left.map((other) => [quoteTable(other), other])).values()].filter(
    (other) => !isSameTable(other, table),
  )
}

/**
 * The result for a stream that appends to a table which has rows, from its beginning or since its mode has
 * changed: a refusal if it reads them again, as far as the bookkeeping knows, else warnings. A full refresh
 * that appends adds all rows in every run, as configured.
 */
export async function findRepeatedAppend(
  session: DestinationSession,
  sink: SinkStream,
  {
    target,
    row,
    owners,
    goesOn,
  }: {
    readonly target: StreamTarget
    readonly row: StreamRow | undefined
    readonly owners: readonly TableOwner[]
    /** It continues from states. */
    readonly goesOn: boolean
  },
): Promise<ConnectError | readonly string[]> {
  if (sink.mode !== 'append') return []
  const isKnown = hasLoaded(row, target)
  if (isKnown && (goesOn || !readsAgain(row, sink))) return warnOfMode(session, row, target)
  if (!(await isFilled(session, target.table))) return []
  const why = isKnown ? whyAgain(row) : whyLeft(row, target)
  if (row !== undefined && why !== undefined && sink.stream.sync_mode === 'incremental') {
    return repeated(sink, { table: target.table, why, owners })
  }
  return [againWarning(target, owners)]
}

/** False also after a reset. */
function hasLoaded(row: StreamRow | undefined, { table }: StreamTarget): row is StreamRow {
  return row !== undefined && row.run !== 0 && isSameTable(row.table, table)
}

/**
 * Its settings have changed, so it starts over, and nobody asked for its rows a second time. A full refresh
 * whose mode has changed has its own warning.
 */
function readsAgain({ settings }: StreamRow, { stream: { sync_mode: now } }: SinkStream): boolean {
  return now === 'incremental' || (settings.mode === 'append' && settings.sync_mode !== now)
}

/** Rows that an overwrite has gathered and not finished are appended too. */
async function warnOfMode(
  session: DestinationSession,
  { settings: { mode }, staged }: StreamRow,
  { table, stage }: StreamTarget,
): Promise<readonly string[]> {
  if (mode === 'append') return []
  const isDoubled = (await isFilled(session, table)) || (staged && (await isFilled(session, stage)))
  if (!isDoubled) return []
  return [
    `The mode was ${mode}, and is append: rows that are read again are added a second time. To keep one row for each key, set \`destination_sync_mode: append_dedup\` and \`primary_key\`.`,
  ]
}

function whyAgain({ settings: { mode } }: StreamRow): string {
  return mode === 'append'
    ? 'its cursor or its `sync_mode` is another one now'
    : `its mode was ${mode}, and it has no checkpoint to go on from`
}

function whyLeft(row: StreamRow | undefined, { table }: StreamTarget): string | undefined {
  if (row?.earlierTables.some((earlier) => isSameTable(earlier, table)) !== true) return undefined
  return `since then it was loaded into ${quoteTable(row.table)}`
}

function repeated(
  { connection, stream: { stream } }: SinkStream,
  {
    table,
    why,
    owners,
  }: {
    readonly table: TableName
    readonly why: string
    readonly owners: readonly TableOwner[]
  },
): ConnectError {
  const label = streamLabel(stream)
  const reset = resetCommands(label, connection)
  const details = {
    stream: label,
    table: quoteTable(table),
    why,
    reset,
    others: othersNote(owners),
  }
  return new ConnectError('destination_rows_repeated', { details })
}

/** Their rows go with a TRUNCATE, and their checkpoints do not. */
function othersNote(owners: readonly TableOwner[]): string {
  const others = owners.filter(({ isForgotten }) => !isForgotten)
  if (others.length === 0) return ''
  const names = others.map(({ stream, connection }) => `${stream} of connection ${connection}`)
  return ` The table has the rows of other streams too (${names.join(', ')}): reset these as well, or their rows do not come back.`
}

function againWarning({ table, streamId }: StreamTarget, owners: readonly TableOwner[]): string {
  const name = quoteTable(table)
  const [owner] = owners.filter(({ isForgotten }) => !isForgotten)
  const begins = 'and the stream is appended to them from its beginning'
  if (owner !== undefined) {
    return `${name} holds rows of other streams (${owner.stream} of connection ${owner.connection}), ${begins}: rows that both read are in it twice.`
  }
  return `${name} holds rows of an earlier load, ${begins}: rows that were loaded before are in it twice. To have each row once, run \`TRUNCATE ${name}\` and reset the stream (${resetCommands(streamLabel(streamId))}), or set \`destination_sync_mode: append_dedup\` and \`primary_key\`.`
}

/**
 * See `findReplacedRows` of continuation.ts. A table that somebody emptied or dropped has nothing to lose.
 */
export async function findReplacingMode(
  session: DestinationSession,
  sink: SinkStream,
  {
    row,
    target: { table },
  }: { readonly row: StreamRow | undefined; readonly target: StreamTarget },
): Promise<ConnectError | undefined> {
  const refusal = findReplacedRows(row, sink)
  if (refusal === undefined || row === undefined || !isSameTable(row.table, table)) return undefined
  return (await isFilled(session, table)) ? refusal : undefined
}

async function isFilled(session: DestinationSession, table: TableName): Promise<boolean> {
  return (await readTable(session, table)) !== undefined && (await hasRows(session, table))
}
