import { randomUUID } from 'node:crypto'
import { SharedLook } from '../../../lib/async/shared-look.ts'
import {
  columnsOf,
  type ConfiguredAirbyteStream,
  ConnectError,
  type JsonValue,
  primaryKey,
  type StreamId,
  streamIdOf,
  streamLabel,
} from '../../../protocol/index.ts'
import type { ConnectorContext, ReadSession } from '../../connector.ts'
import type { PostgresConfig } from '../config.ts'
import { placeOf } from '../planned-tables.ts'
import { tableKey } from './change-router.ts'
import {
  type ChangesSession,
  type ChangesState,
  firstState,
  nextEra,
  parseChangesState,
  stateAgain,
} from './changes-state.ts'
import { unloggedColumns } from './column-changes.ts'
import { formatLsn, type Lsn, parseLsn } from './lsn.ts'
import { findPublications, type Publications, publishTables } from './publication.ts'
import { ReplicationConnection, type ServerIdentity } from './replication-connection.ts'
import { requireReplication, type ServerFacts } from './server-facts.ts'
import { ServerSession } from './server-session.ts'
import { watchSlot } from './slot-watch.ts'
import { ensureSlot, readableSlot, type Slot } from './slot.ts'
import { eraOf } from './row-order.ts'
import { tablesNamed, type TableIdentity } from './table-identity.ts'

/** The facts that a plan compares with the states of its streams. */
interface Source {
  readonly slot: Slot
  readonly publications: Publications
  readonly server: ServerIdentity
  readonly isStandby: boolean
  /** Where the timeline of a state was left, if it is not the server's own. */
  readonly endOfTimeline: (timeline: number) => Promise<Lsn | undefined>
  readonly tables: ReadonlyMap<string, TableIdentity>
  /** That of reads that begin now. */
  readonly era: number
}

/** Facts of the server at one moment, and what the reads of all streams get of them. */
interface Opened {
  readonly source: Source
  readonly shared: ChangesSession
}

/** Makes what a run needs at the server, and finds where its changes begin and end. */
export async function openChanges(
  config: PostgresConfig,
  context: ConnectorContext,
  streams: readonly StreamId[],
): Promise<ReadSession> {
  const { logger } = context
  const feed = randomUUID()
  const known = new Map(streams.map((stream) => [keyOfId(stream), stream]))
  const open = (): Promise<Opened> => openServer(config, context, { feed, streams: known })
  const opened = await open()
  // A stream that is planned again failed, or is new: the slot may be lost, and the table another one.
  const again = new SharedLook(open)
  const plans = new Map<string, Planned & { readonly shared: ChangesSession }>()
  return {
    shared: opened.shared,
    isFeed: true,
    watch: (onLag, signal) => watchSlot({ config, logger, onLag, signal }),
    sharedWith: ({ stream }) => {
      const { shared, warnings, again, left, columns, fills } = plans.get(keyOf(stream)) ?? noPlan()
      return {
        ...shared,
        warnings: [...shared.warnings, ...warnings],
        ...(again !== undefined && { again }),
        ...(left !== undefined && { left }),
        ...(columns !== undefined && { columns }),
        ...(fills !== undefined && { fills }),
      }
    },
    plan: async (stream, states, rules) => {
      if (rules?.where !== undefined) throw noCondition(streamLabel(stream.stream))
      const key = keyOf(stream.stream)
      const isKnown = known.has(key) && !plans.has(key)
      known.set(key, streamIdOf(stream.stream))
      const { source, shared } = isKnown ? opened : await again.fresh()
      const earlier = plans.get(key)
      const planned = await planChanges(source, config, { stream, states, earlier })
      plans.set(key, { ...planned, shared })
      return [{ slice: '', state: planned.state }]
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

function noPlan(): never {
  throw new TypeError('a stream is planned before it is read')
}

async function openServer(
  config: PostgresConfig,
  context: ConnectorContext,
  { feed, streams }: { readonly feed: string; readonly streams: ReadonlyMap<string, StreamId> },
): Promise<Opened> {
  const { logger } = context
  await using session = await ServerSession.open(config, logger)
  const facts = await requireReplication(session, config)
  const tables = await tablesOf(session, [...streams.values()])
  const isSandbox = context.isSandbox === true
  const all = [...tables.values()]
  const publications = isSandbox
    ? await findPublications(session, config, all)
    : await publishTables(session, config, { tables: all, facts })
  const present = isSandbox ? await readableSlot(session, config) : undefined
  const end = isSandbox ? await endOfLog(session, facts) : undefined
  const slot =
    end === undefined
      ? await ensureSlot(session, config, { facts, logger })
      : (present ?? { confirmed: parseLsn(end) })
  const runEnd = end ?? (await markEnd(session, facts))
  const server = await identify(config)
  const source: Source = {
    slot,
    publications,
    server,
    isStandby: facts.isStandby,
    tables,
    era: eraOf(context.now()),
    endOfTimeline: (timeline) => endOfTimeline(config, timeline, server.timeline),
  }
  const shared: ChangesSession = {
    kind: 'changes',
    feed,
    slot: config.slot,
    publications: [...publications.names],
    members: [...tables.keys()],
    start: formatLsn(slot.confirmed),
    end: runEnd,
    system: server.system,
    timeline: server.timeline,
    era: source.era,
    ...(isSandbox && { isSandbox: true as const }),
    ...(isSandbox && present === undefined && { hasNoSlot: true as const }),
    others: [...publications.others],
    warnings: othersWarning(config, publications),
  }
  return { source, shared }
}

function keyOf(stream: ConfiguredAirbyteStream['stream']): string {
  return keyOfId(streamIdOf(stream))
}

function keyOfId(stream: StreamId): string {
  const { schema, name } = placeOf(stream)
  return tableKey(schema, name)
}

/** The tables of the streams, by their keys. A stream without a table fails when it is planned. */
async function tablesOf(
  session: ServerSession,
  streams: readonly StreamId[],
): Promise<ReadonlyMap<string, TableIdentity>> {
  const tables = await tablesNamed(session, streams.map(placeOf))
  return new Map(tables.map((table) => [tableKey(table.schema, table.name), table]))
}

/** Where a sandbox ends, which writes nothing to the source. */
async function endOfLog(session: ServerSession, { isStandby }: ServerFacts): Promise<string> {
  const [row] = await session.rows<{ lsn: string }>(
    `SELECT pg_${isStandby ? 'last_wal_replay' : 'current_wal_flush'}_lsn()::text AS lsn`,
  )
  return row?.lsn ?? '0/0'
}

/**
 * Where a run ends that is not continuous. A transaction of our own is flushed with all that is before it,
 * and lets the server pass the position also if nothing else happens.
 */
async function markEnd(session: ServerSession, { isStandby }: ServerFacts): Promise<string> {
  const sql = isStandby
    ? 'SELECT pg_last_wal_replay_lsn()::text AS lsn'
    : `SELECT pg_logical_emit_message(true, 'reactor_connect', 'end')::text AS lsn`
  const [row] = await session.rows<{ lsn: string }>(sql)
  return row?.lsn ?? '0/0'
}

async function identify(config: PostgresConfig): Promise<ServerIdentity> {
  const connection = await ReplicationConnection.open(config)
  try {
    return await connection.identify()
  } finally {
    await connection.close()
  }
}

async function endOfTimeline(
  config: PostgresConfig,
  timeline: number,
  present: number,
): Promise<Lsn | undefined> {
  const connection = await ReplicationConnection.open(config)
  try {
    return await connection.endOfTimeline(timeline, present)
  } finally {
    await connection.close()
  }
}

function othersWarning({ slot }: PostgresConfig, { others, names }: Publications): string[] {
  if (others.length === 0) return []
  const some = others.slice(0, 3).join(', ') + (others.length > 3 ? ' and others' : '')
  return [
    `The slot ${slot} is not advanced, because publication ${names.join(' and ')} has tables that this run does not read: ${some}. The server keeps its log for them. If they are not wanted any more, run \`ALTER PUBLICATION … DROP TABLE …\` at the source.`,
  ]
}

interface Planned {
  readonly state: ChangesState
  readonly warnings: readonly string[]
  /** As in `ChangesSession`. */
  readonly again?: number
  readonly left?: ChangesSession['left']
  readonly columns?: ChangesSession['columns'] | undefined
  readonly fills?: ChangesSession['fills']
}

async function planChanges(
  source: Source,
  config: PostgresConfig,
  {
    stream,
    states,
    earlier,
  }: {
    readonly stream: ConfiguredAirbyteStream
    readonly states: ReadonlyMap<string, JsonValue | null>
    readonly earlier: Planned | undefined
  },
): Promise<Planned> {
  const label = streamLabel(stream.stream)
  const table = tableOf(source, stream)
  const warnings = table.identity === 'nothing' ? [insertsOnly(label)] : []
  const columns = columnsOfTable(table)
  const { system, timeline } = source.server
  const { era } = source
  const facts = { start: formatLsn(source.slot.confirmed), system, timeline, era }
  const saved = [...states.values()].find((state) => state !== null) ?? null
  if (saved === null) return { state: firstState(facts), warnings, columns }
  const state = parseChangesState(saved, label)
  if (state.system !== source.server.system) throw otherServer(label)
  // The destination has committed nothing since the loss was noticed.
  if (earlier?.again !== undefined && (state.era ?? 0) < earlier.again) return earlier
  const end = state.timeline === timeline ? undefined : await source.endOfTimeline(state.timeline)
  const loss = lossOfChanges(source, state, { table, end })
  if (loss === undefined) return goOn(stream, { state, table, end, warnings, columns })
  if (config.on_lost_slot === 'fail')
    throw new ConnectError('source_changes_lost', { details: { stream: label, reason: loss } })
  const again = nextEra(state, era)
  const first = stateAgain({ ...facts, era: again })
  return { state: first, warnings: [...warnings, readAgain(stream, loss)], again, columns }
}

function tableOf({ tables }: Source, stream: ConfiguredAirbyteStream): TableIdentity {
  const table = tables.get(keyOf(stream.stream))
  const details = { stream: streamLabel(stream.stream) }
  if (table === undefined) throw new ConnectError('source_stream_missing', { details })
  requireKey(stream, table)
  return table
}

function columnsOfTable({ columns }: TableIdentity): NonNullable<ChangesSession['columns']> {
  return columns.map(({ name, number, type, modifier }) => [name, number, type, modifier])
}

/** No change is missing: the stream goes on from its state. */
function goOn(
  stream: ConfiguredAirbyteStream,
  {
    state,
    table,
    end,
    warnings,
    columns,
  }: {
    readonly state: ChangesState
    readonly table: TableIdentity
    /** Where the timeline of the state was left, if it is another one now. */
    readonly end: Lsn | undefined
    readonly warnings: readonly string[]
    readonly columns: Planned['columns']
  },
): Planned {
  const left = end === undefined ? undefined : { timeline: state.timeline, end: formatLsn(end) }
  const planned = { state, warnings, columns, ...(left && { left }) }
  const unlogged = unloggedColumns(state.columns, table.columns)
  if (unlogged.length === 0) return planned
  const isMerged = stream.destination_sync_mode.endsWith('_dedup')
  const label = streamLabel(stream.stream)
  const warning = valuesWarning(label, unlogged, isMerged ? 'read again' : 'left')
  const more = { ...planned, warnings: [...warnings, warning] }
  return isMerged ? { ...more, fills: true } : more
}

/** Updates and deletes say of their row only what belongs to its replica identity. */
function requireKey(stream: ConfiguredAirbyteStream, table: TableIdentity): void {
  if (table.identity !== 'key' || !stream.destination_sync_mode.endsWith('_dedup')) return
  const columns = new Set(columnsOf(stream.stream.json_schema).map(({ name }) => name))
  const key = (primaryKey(stream) ?? []).map(([name = '']) => name)
  const missing = key.filter((name) => columns.has(name) && !table.key.includes(name))
  if (missing.length === 0) return
  const details = {
    place: `stream ${streamLabel(stream.stream)}`,
    field: 'primary_key',
    problem: `a deleted row shows only its replica identity (${table.key.join(', ')}), and ${missing.join(', ')} is not in it`,
    fix: `Remove \`primary_key\`, or run \`ALTER TABLE ${table.schema}.${table.name} REPLICA IDENTITY FULL\` at the source.`,
  }
  throw new ConnectError('stream_primary_key_missing', { details })
}

/**
 * Why changes between the state and now are gone; undefined if none are. The server itself would not say it:
 * asked for an earlier position, it begins at that of the slot.
 */
function lossOfChanges(
  { slot, publications, server, isStandby }: Source,
  state: ChangesState,
  { table, end }: { readonly table: TableIdentity; readonly end: Lsn | undefined },
): string | undefined {
  const position = parseLsn(state.lsn)
  if (slot.lost !== undefined) return `the replication slot was lost: ${slot.lost}`
  if (position < slot.confirmed)
    return `the replication slot begins at ${formatLsn(slot.confirmed)}, and the last checkpoint is at ${state.lsn}: the slot was made again, or something else reads it`
  // A standby may not have received everything that was read elsewhere.
  if (!isStandby && position > server.position)
    return `the log of the server ends at ${formatLsn(server.position)}, before the last checkpoint at ${state.lsn}: it was restored`
  if (publications.added.has(table.oid))
    return 'the table was taken out of the publication meanwhile'
  if (state.timeline === server.timeline) return undefined
  if (end !== undefined && position <= end) return undefined
  return 'the server was restored, or a standby took over that did not have all changes yet'
}

function otherServer(stream: string): ConnectError {
  const reason =
    'its checkpoint belongs to another server, or to one that was restored or upgraded, so that positions cannot be compared'
  return new ConnectError('source_changes_lost', { details: { stream, reason } })
}

/** A row that leaves the condition would have to be deleted, and a change does not always show that. */
function noCondition(stream: string): ConnectError {
  const details = {
    place: `stream ${stream}`,
    field: 'where',
    problem: 'change data capture reads all rows of a table',
    fix: 'Remove `where`, or set `replication: cursor` in the configuration of the source.',
  }
  return new ConnectError('stream_rule_invalid', { details })
}

function insertsOnly(stream: string): string {
  return `Updates and deletes of ${stream} are not seen: the table has no primary key and no replica identity. Add a key, or run \`ALTER TABLE … REPLICA IDENTITY FULL\` at the source.`
}

function valuesWarning(
  stream: string,
  columns: readonly string[],
  rows: 'read again' | 'left',
): string {
  const outcome =
    rows === 'read again'
      ? 'all rows of the table are read again'
      : 'rows that were appended before stay without them'
  return `Values of ${columns.join(', ')} in older rows of ${stream} are not in the log of the source (the column was added with a default, or got another type): ${outcome}.`
}

function readAgain({ destination_sync_mode: mode }: ConfiguredAirbyteStream, loss: string): string {
  const sweep = mode.endsWith('_dedup')
    ? 'When they are complete, the rows that the source does not have any more are deleted at the destination.'
    : 'A record without a key then says that older rows are gone, unless they came again.'
  return `Changes are missing, so all rows are read again: ${loss}. ${sweep}`
}
