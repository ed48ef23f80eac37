import { setTimeout as sleep } from 'node:timers/promises'
import { type IdleSession, IdleSessions } from '../../lib/async/idle-sessions.ts'
import { quoteLiteral, quoteQualified } from '../../postgres/quote.ts'
import { pinPathLocally, useRolePath } from '../../postgres/search-path.ts'
import { sqlstates } from '../../postgres/sqlstate.ts'
import { ConnectError } from '../../protocol/index.ts'
import type { PostgresConfig } from './config.ts'
import type { SourceSession } from './session.ts'
import type { StreamSource } from './stream-source.ts'
import { openOrEnter } from './used-again.ts'

/**
 * The other lanes of the run may hold all connections that the server allows: wait this long for one of them
 * to end.
 */
const roomPatienceMs = 60_000
const longestPauseMs = 5_000

/** The idle sessions of this thread. */
export const idleSessions = new IdleSessions<IdleSession>()

/** Undefined if `signal` ended the wait. */
export async function openWhenFree(
  config: PostgresConfig,
  {
    signal,
    ...options
  }: Parameters<typeof SourceSession.open>[1] & { readonly signal: AbortSignal },
): Promise<SourceSession | undefined> {
  const giveUpAt = performance.now() + roomPatienceMs
  for (let pauseMs = 250; !signal.aborted; pauseMs = Math.min(longestPauseMs, 2 * pauseMs)) {
    try {
      return await openOrEnter(config, options, idleSessions)
    } catch (thrown) {
      if (!isBusy(thrown) || performance.now() >= giveUpAt) throw thrown
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
    }
  }
  return undefined
}

/** Too many connections; out of memory or disk is no reason to wait. */
function isBusy(thrown: unknown): boolean {
  return thrown instanceof ConnectError && thrown.details.sqlstate === sqlstates.tooManyConnections
}

/**
 * Throws if the table was truncated, rewritten by ALTER TABLE or replaced by another table of its name since
 * the snapshot: PostgreSQL then shows the snapshot an empty table. The locks that are taken here prevent such
 * changes from now on. For a view or a partitioned table all tables are checked: planning locks them. One
 * round trip, which leaves the session ready for `copy`.
 */
export async function requireSameTables(
  session: SourceSession,
  source: StreamSource,
): Promise<void> {
  const { schema, name, oid } = source.table
  // pg_class is read as of the snapshot; the functions look at it as it is now.
  const results = await session.results(
    `${useRolePath};
     SELECT FROM ${source.from} LIMIT 0;
     ${pinPathLocally};
     SELECT true AS changed WHERE pg_catalog.to_regclass(${quoteLiteral(quoteQualified(schema, name))}) IS DISTINCT FROM ${oid}::oid
     UNION ALL
     SELECT true FROM (
       SELECT relation FROM pg_catalog.pg_locks
        WHERE pid = pg_catalog.pg_backend_pid() AND locktype = 'relation' AND relation >= 16384 OFFSET 0) l
       JOIN pg_catalog.pg_class c ON c.oid = l.relation
      WHERE c.relkind = 'r' AND c.relfilenode <> pg_catalog.pg_relation_filenode(c.oid)
     LIMIT 1;
     ${useRolePath}`,
    { stream: source.name },
  )
  const changed = results.flatMap(({ rows }) => rows)
  if (changed.length === 0) return
  throw new ConnectError('source_table_replaced', { details: { stream: source.name } })
}
