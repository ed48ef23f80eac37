import {
  ConnectError,
  streamIdOf,
  type AirbyteCatalog,
  type JsonObject,
  type JsonValue,
  type StreamId,
} from '../../protocol/index.ts'
import { Mutex } from '../../lib/async/slots.ts'
import type {
  CheckedStatus,
  Connector,
  ConnectorContext,
  ReadSession,
  ReadTask,
  RecordOutput,
} from '../connector.ts'
import {
  databaseOf,
  parsePostgresConfig,
  type PostgresConfig,
  postgresSpec,
  socketFolderOf,
} from './config.ts'
import { changesSession } from './cdc/changes-state.ts'
import { checkChanges } from './cdc/check-changes.ts'
import { changeStreams } from './cdc/discover-changes.ts'
import { openChanges } from './cdc/open-changes.ts'
import { readChanges } from './cdc/read-changes.ts'
import { canReadAny, discoverStreams } from './discover.ts'
import { type ConnectionLimits, connectionLimits, requireSessions } from './connection-limits.ts'
import { serverOf } from './origin.ts'
import { planStream } from './plan.ts'
import { addRange } from './range-again.ts'
import { readSlice } from './read.ts'
import { PlannedTables } from './planned-tables.ts'
import type { SourceSession } from './session.ts'
import type { Table } from './tables.ts'
import { giveBack, openOrEnter } from './used-again.ts'

/**
 * PostgreSQL as a source: full refresh (resumable by the primary key, large tables in ranges) and incremental
 * by a cursor column, in one snapshot a run, over COPY: deletes are not seen. Or change data capture
 * (`replication: cdc`, the folder cdc/).
 */
export const postgresConnector: Connector = {
  descriptor: {
    type: 'postgres',
    title: 'PostgreSQL',
    docsUrl: 'docs/connectors/postgres.md',
    spec: postgresSpec,
    auth: [{ kind: 'basic', usernameField: 'user', passwordField: 'password' }],
    webhooks: [],
    // The server itself, and how it proves its identity.
    addressFields: () => ['/host', '/port', '/ssl', '/ca'],
    socketFolder: socketFolderOf,
    postgresDatabase: databaseOf,
  },
  check,
  discover,
  openRead,
  read,
  readRange: addRange,
  openComparison: async (config, context) => {
    const { openComparison } = await import('./comparison.ts')
    return openComparison(config, context)
  },
  appliesRules: true,
}

async function check(config: JsonObject, context: ConnectorContext): Promise<CheckedStatus> {
  try {
    const parsed = parsePostgresConfig(config)
    const isUsable = await ask(parsed, context, (session) => canReadAny(session, parsed))
    if (!isUsable) return { status: 'FAILED', message: nothingToRead }
    if (parsed.replication === 'cdc') await checkChanges(parsed, context)
    return { status: 'SUCCEEDED' }
  } catch (thrown) {
    const error = ConnectError.from(thrown)
    // A lost session says nothing about the configuration: the caller may try again.
    if (error.failureType === 'system_error' || error.code === 'source_connection_lost') throw error
    const message = `${error.message}. ${error.suggestedFix}`
    return { status: 'FAILED', message, ...(error.retryable && { error }) }
  }
}

const nothingToRead =
  'The login works, but the role may read no table. Grant it: `GRANT USAGE ON SCHEMA … TO …; GRANT SELECT ON ALL TABLES IN SCHEMA … TO …`, or correct `schemas`.'

async function discover(config: JsonObject, context: ConnectorContext): Promise<AirbyteCatalog> {
  const parsed = parsePostgresConfig(config)
  const { logger } = context
  return ask(parsed, context, async (session) => {
    const catalog = await discoverStreams(session, parsed, logger)
    return parsed.replication === 'cdc' ? changeStreams(session, catalog, logger) : catalog
  })
}

async function read(
  task: ReadTask,
  out: RecordOutput,
  context: ConnectorContext,
): Promise<'complete' | 'stopped'> {
  const ofChanges = changesSession.safeParse(task.session).success
  return ofChanges ? readChanges(task, out, context) : readSlice(task, out, context)
}

/** Runs in a session of its own, which the next caller may use again. */
async function ask<T>(
  config: PostgresConfig,
  { logger, idleSessions }: ConnectorContext,
  question: (session: SourceSession) => Promise<T>,
): Promise<T> {
  const session = await openOrEnter(config, { logger }, idleSessions)
  try {
    return await question(session)
  } finally {
    await giveBack(session, config, idleSessions)
  }
}

/** The open session holds the transaction whose snapshot every read of the run imports. */
async function openRead(
  config: JsonObject,
  context: ConnectorContext,
  streams: readonly StreamId[] = [],
): Promise<ReadSession> {
  const parsed = parsePostgresConfig(config)
  if (parsed.replication === 'cdc') return openChanges(parsed, context, streams)
  const session = await openOrEnter(parsed, { logger: context.logger }, context.idleSessions)
  try {
    const [row] = await session.rows<{ snapshot: string } & ConnectionLimits>(
      `SELECT pg_export_snapshot() AS snapshot, ${connectionLimits}`,
    )
    requireSessions(row, parsed)
    // A session takes one query at a time, and streams are planned side by side.
    const mutex = new Mutex()
    const tables = new PlannedTables(session, streams)
    const shared = { snapshot: row?.snapshot ?? '', server: await serverOf(session) }
    return {
      shared,
      sharedWith: ({ stream }) => ({ ...shared, table: asJson(tables.take(streamIdOf(stream))) }),
      isLost: () => session.isLost,
      isOfOneMoment: parsed.on_lost_snapshot === 'restart',
      plan: (stream, states, rules) =>
        mutex.run(() =>
          session.undone(() =>
            planStream(session, parsed, { stream, states, tables, rules, logger: context.logger }),
          ),
        ),
      [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
    }
  } catch (thrown) {
    session.destroy()
    throw thrown
  }
}

function asJson(table: Table | undefined): JsonValue {
  return table === undefined ? null : (JSON.parse(JSON.stringify(table)) as JsonValue)
}
