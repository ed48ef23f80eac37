import { randomUUID } from 'node:crypto'
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
  parseChangesState,
} from './changes-state.ts'
import { formatLsn, type Lsn, parseLsn } from './lsn.ts'
import { type Publications, publishTables } from './publication.ts'
import { ReplicationConnection, type ServerIdentity } from './replication-connection.ts'
import { requireReplication, type ServerFacts } from './server-facts.ts'
import { ServerSession } from './server-session.ts'
import { ensureSlot, type Slot } from './slot.ts'
import { tableIdentities, type TableIdentity } from './table-identity.ts'

/** The facts that a plan compares with the states of its streams. */
interface Source {
  readonly slot: Slot
  readonly publications: Publications
  readonly server: ServerIdentity
  /** Where the timeline of a state was left, if it is not the server's own. */
  readonly endOfTimeline: (timeline: number) => Promise<Lsn | undefined>
  readonly tables: ReadonlyMap<string, TableIdentity>
}

/** Makes what a run needs at the server, and finds where its changes begin and end. */
export async function openChanges(
  config: PostgresConfig,
  context: ConnectorContext,
  streams: readonly StreamId[],
): Promise<ReadSession> {
  const { logger } = context
  if (context.isSandbox === true) throw noSandbox(config)
  await using session = await ServerSession.open(config, logger)
  const facts = await requireReplication(session, config)
  const tables = await tablesOf(session, streams)
  const publications = await publishTables(session, config, { tables: [...tables.values()], facts })
  const slot = await ensureSlot(session, config, { facts, logger })
  const end = await markEnd(session, facts)
  const server = await identify(config)
  const source: Source = {
    slot,
    publications,
    server,
    tables,
    endOfTimeline: (timeline) => endOfTimeline(config, timeline, server.timeline),
  }
  const shared: ChangesSession = {
    kind: 'changes',
    feed: randomUUID(),
    slot: config.slot,
    publications: [...publications.names],
    members: [...tables.keys()],
    start: formatLsn(slot.confirmed),
    end,
    system: server.system,
    timeline: server.timeline,
    others: [...publications.others],
    warnings: othersWarning(config, publications),
  }
  const plans = new Map<string, Planned>()
  return {
    shared,
    isFeed: true,
    sharedWith: ({ stream }) => {
      const { warnings = [], again } = plans.get(keyOf(stream)) ?? {}
      const all = [...shared.warnings, ...warnings]
      return { ...shared, warnings: all, ...(again !== undefined && { again }) }
    },
    plan: async (stream, states, rules) => {
      if (rules?.where !== undefined) throw noCondition(streamLabel(stream.stream))
      const planned = await planChanges(source, config, { stream, states })
      plans.set(keyOf(stream.stream), planned)
      return [{ slice: '', state: planned.state }]
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

function keyOf(stream: ConfiguredAirbyteStream['stream']): string {
  const { schema, name } = placeOf(streamIdOf(stream))
  return tableKey(schema, name)
}

/** The tables of the streams, by their keys. A stream without a table fails when it is planned. */
async function tablesOf(
  session: ServerSession,
  streams: readonly StreamId[],
): Promise<ReadonlyMap<string, TableIdentity>> {
  const places = streams.map(placeOf)
  const found = await session.rows<{ oid: number }>(
    `SELECT c.oid::int8::float8 AS oid FROM unnest($1::text[], $2::text[]) AS w(schema, name)
       JOIN pg_namespace n ON n.nspname = w.schema
       JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
      WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p'`,
    [places.map(({ schema }) => schema), places.map(({ name }) => name)],
  )
  const tables = await tableIdentities(
    session,
    found.map(({ oid }) => oid),
  )
  return new Map(tables.map((table) => [tableKey(table.schema, table.name), table]))
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
  readonly again?: string
}

async function planChanges(
  source: Source,
  config: PostgresConfig,
  {
    stream,
    states,
  }: {
    readonly stream: ConfiguredAirbyteStream
    readonly states: ReadonlyMap<string, JsonValue | null>
  },
): Promise<Planned> {
  const label = streamLabel(stream.stream)
  const table = source.tables.get(keyOf(stream.stream))
  if (table === undefined)
    throw new ConnectError('source_stream_missing', { details: { stream: label } })
  requireKey(stream, table)
  const warnings = table.identity === 'nothing' ? [insertsOnly(label)] : []
  const { system, timeline } = source.server
  const first = firstState({ start: formatLsn(source.slot.confirmed), system, timeline })
  const saved = [...states.values()].find((state) => state !== null) ?? null
  if (saved === null) return { state: first, warnings }
  const state = parseChangesState(saved, label)
  if (state.system !== source.server.system) throw otherServer(label)
  const loss = await lossOfChanges(source, state, table)
  if (loss === undefined) return { state, warnings }
  if (config.on_lost_slot === 'fail')
    throw new ConnectError('source_changes_lost', { details: { stream: label, reason: loss } })
  return { state: first, warnings: [...warnings, readAgain(loss)], again: state.lsn }
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
async function lossOfChanges(
  { slot, publications, server, endOfTimeline: endOf }: Source,
  state: ChangesState,
  table: TableIdentity,
): Promise<string | undefined> {
  const position = parseLsn(state.lsn)
  if (slot.lost !== undefined) return `the replication slot was lost: ${slot.lost}`
  if (position < slot.confirmed)
    return `the replication slot begins at ${formatLsn(slot.confirmed)}, and the last checkpoint is at ${state.lsn}: the slot was made again, or something else reads it`
  if (publications.added.has(table.oid))
    return 'the table was taken out of the publication meanwhile'
  if (state.timeline === server.timeline) return undefined
  const end = await endOf(state.timeline)
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

/** A sandbox would move the position of the slot, and the next run would miss what is before it. */
function noSandbox({ host, port }: PostgresConfig): ConnectError {
  const problem = 'a sandbox cannot try it, because a replication slot gives each change only once'
  const fix =
    'Try the streams with `replication: cursor` in the configuration of the source. A connection of the service is started without a sandbox by `reactor connect connections activate NAME`.'
  return new ConnectError('source_replication_unavailable', {
    details: { host, port, problem, fix },
  })
}

function insertsOnly(stream: string): string {
  return `Updates and deletes of ${stream} are not seen: the table has no primary key and no replica identity. Add a key, or run \`ALTER TABLE … REPLICA IDENTITY FULL\` at the source.`
}

function readAgain(loss: string): string {
  return `Changes are missing, so all rows are read again: ${loss}. Rows that were deleted at the source in between stay at the destination: to be rid of them, empty its table and reset the stream.`
}
