import { quoteIdentifier } from '../../../postgres/quote.ts'
import { sqlstates } from '../../../postgres/sqlstate.ts'
import { ConnectError } from '../../../protocol/index.ts'
import { raisedBy } from '../destination-errors.ts'
import type { DestinationSession } from '../session.ts'
import { markedSessions } from '../bookkeeping/run-sessions.ts'
import type { SinkStream } from '../../sink.ts'
import { ownDefinitions, renameAdopted } from '../definitions/adopted-definitions.ts'
import { derivedName, quoteTable } from '../tables/identifiers.ts'
import { freeName, hasIndex, keyIndexName } from '../tables/key-index.ts'
import type { StreamTarget } from '../tables/stream-target.ts'
import { hasRows } from '../tables/table-columns.ts'
import { grantsOf, hasDefaultRights } from './table-rights.ts'

/** How long a table is waited for that is vacuumed or analyzed. */
const vacuumSeconds = 5

/** The sync whose rows the stage has. */
export interface StagedSync {
  /** The id of the stream's row in the bookkeeping. */
  readonly id: string
  readonly syncId: number
  readonly sink: SinkStream
}

/**
 * The stage becomes the table, so that no row is written twice and none is left for vacuum: if the table is
 * still what `begin` made, so that nobody loses anything with it, and nobody could miss its rows. In the
 * transaction that finishes the sync. Returns false, with nothing changed, if the rows have to be copied.
 * @param found by `findPlain`: a table that is another's may not even be locked
 */
export async function adoptStage(
  session: DestinationSession,
  target: StreamTarget,
  { found, staged }: { readonly found: StageWay; readonly staged: StagedSync },
): Promise<boolean> {
  if (!(await mayGoUnseen(session, target, staged))) return false
  // Queries are planned as well as before; without statistics they are not until autovacuum comes.
  if (found.hasStatistics) await session.run(`ANALYZE ${quoteTable(target.stage)}`)
  if (!(await lockAtOnce(session, target))) return false
  const [way, isUnseen] = await Promise.all([
    findPlain(session, target, staged.sink),
    mayGoUnseen(session, target, staged),
  ])
  if (way === undefined || !isUnseen) return false
  const { table, stage, key } = target
  const exchange = `DROP TABLE ${quoteTable(table)};
     ALTER TABLE ${quoteTable(stage)} RENAME TO ${quoteIdentifier(table.table)};
     ALTER TABLE ${quoteTable(table)} REPLICA IDENTITY DEFAULT;
     ${way.grants ?? ''}`
  if (!(await runIfAllowed(session, exchange))) return false
  if (key !== undefined) {
    const wanted = keyIndexName(table, key)
    await freeName(session, table, wanted)
    const index = quoteTable({ schema: table.schema, table: keyIndexName(stage, key) })
    await session.run(`ALTER INDEX ${index} RENAME TO ${quoteIdentifier(wanted)}`)
  }
  await renameAdopted(session, target, staged.sink.definitions?.entries ?? [])
  return true
}

/** Returns false, with nothing changed, if a function of the database (of an event trigger) forbids it. */
async function runIfAllowed(session: DestinationSession, sql: string): Promise<boolean> {
  try {
    await session.run(sql, 'exchange')
    return true
  } catch (error) {
    if (!(error instanceof ConnectError) || raisedBy(error) === undefined) throw error
    await session.rollbackTo('exchange')
    return false
  }
}

/** How the stage becomes the table. */
export interface StageWay {
  /**
   * Nobody but the owner may read a stage: these statements make the table one that others may use as before.
   */
  readonly grants: string | null
  /** The table has been analyzed. */
  readonly hasStatistics: boolean
}

/** Whether nobody could miss the rows of the table, or those of the stage. */
async function mayGoUnseen(
  session: DestinationSession,
  { table, stage }: StreamTarget,
  staged: StagedSync,
): Promise<boolean> {
  if (!(await hasRows(session, table))) return true
  // The rows of a table that gets none are deleted and counted.
  return (await hasRows(session, stage)) && isSeenByAll(session, staged)
}

/**
 * Does not wait for readers: who waits for their locks holds up all that come after. Autovacuum is waited
 * for, with a lock that holds up nobody else: it gives way after a second (`deadlock_timeout`). False if
 * somebody is in the way.
 */
async function lockAtOnce(
  session: DestinationSession,
  { table, stage }: StreamTarget,
): Promise<boolean> {
  try {
    await session.run(
      `LOCK TABLE ${quoteTable(stage)} IN ACCESS EXCLUSIVE MODE;
       SET LOCAL lock_timeout = '${vacuumSeconds}s';
       LOCK TABLE ${quoteTable(table)} IN SHARE UPDATE EXCLUSIVE MODE;
       LOCK TABLE ${quoteTable(table)} IN ACCESS EXCLUSIVE MODE NOWAIT`,
      'adoption',
    )
    return true
  } catch (error) {
    const held: readonly unknown[] = [sqlstates.lockNotAvailable, sqlstates.deadlockDetected]
    if (!(error instanceof ConnectError && held.includes(error.details.sqlstate))) throw error
    await session.rollbackTo('adoption')
    return false
  }
}

/**
 * Undefined if the table has more than its rows, a subscriber waits for rows under its name, or one of the
 * two does not exist.
 */
export async function findPlain(
  session: DestinationSession,
  target: StreamTarget,
  sink: SinkStream,
): Promise<StageWay | undefined> {
  const { table, stage, key } = target
  const own = ownDefinitions(sink, target)
  const asked = session.rows<StageWay & { same: boolean }>(
    `SELECT ${grantsOf('t', '$1')} AS grants, ${isPlain} AND ${belongsToNobody} AND ${isLikeStage} AND ${hasNoDependents} AND ${isNotReplicated} AS same,
            EXISTS (SELECT FROM pg_stats WHERE schemaname = $4 AND tablename = t.relname) AS "hasStatistics"
       FROM pg_class t JOIN pg_type y ON y.oid = t.reltype, pg_class s
      WHERE t.oid = to_regclass($1) AND s.oid = to_regclass($2)`,
    [
      quoteTable(table),
      quoteTable(stage),
      key === undefined ? null : keyIndexName(table, key),
      table.schema,
      key === undefined
        ? null
        : quoteTable({ schema: stage.schema, table: keyIndexName(stage, key) }),
      [...own.names, ...own.names.map((name) => derivedName(stage, name))],
      own.defaults,
      own.identities,
      own.hasComments,
    ],
  )
  const [[found], hasKey] = await Promise.all([
    asked,
    key === undefined || hasIndex(session, stage, keyIndexName(stage, key)),
  ])
  return found?.same === true && hasKey ? found : undefined
}

/** The table with its columns, the index of its key, and the types that came with it. */
const isOfTable = `(classoid = 'pg_class'::regclass AND (objoid = t.oid OR objoid = to_regclass(quote_ident($4::text) || '.' || quote_ident($3::text)))
    OR classoid = 'pg_type'::regclass AND objoid IN (y.oid, y.typarray)
    OR classoid = 'pg_constraint'::regclass AND objoid IN (SELECT oid FROM pg_constraint WHERE conrelid = t.oid))`

const isPlain = `t.relkind = 'r' AND t.relreplident = 'd' AND t.reloftype = 0
  AND NOT (t.relrowsecurity OR t.relforcerowsecurity OR t.relispartition OR t.relhassubclass OR t.relhasrules OR t.relhastriggers)
  AND y.typacl IS NULL
  AND ($9::boolean OR NOT EXISTS (SELECT FROM pg_description WHERE ${isOfTable}))
  AND NOT EXISTS (SELECT FROM pg_seclabel WHERE ${isOfTable})`

/** It inherits from no table, no extension has it, and its values out of line have no settings. */
const belongsToNobody = `NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = t.oid)
  AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = t.oid AND deptype IN ('e', 'x'))
  AND NOT EXISTS (SELECT FROM pg_class o WHERE o.oid = t.reltoastrelid AND o.reloptions IS NOT NULL)`

/** Column by column with what belongs to it; one that was dropped counts too. */
const isLikeStage = `t.relowner = s.relowner AND t.relpersistence = s.relpersistence AND t.reltablespace = s.reltablespace
  AND t.relam = s.relam AND coalesce(t.reloptions, '{}') <@ coalesce(s.reloptions, '{}') AND ${hasDefaultRights('t')}
  AND ${columnsOf('t')} = ${columnsOf('s')}`

function columnsOf(table: string): string {
  return `(SELECT array_agg(ROW(attname, atttypid, atttypmod, attcollation, attnotnull, atthasdef AND attname <> ALL ($7::name[]),
     CASE WHEN attname = ANY ($8::name[]) THEN '' ELSE attidentity END, attgenerated,
     attstorage, attcompression, attstattarget, attoptions, attacl)::text ORDER BY attnum)
     FROM pg_attribute WHERE attrelid = ${table}.oid AND attnum > 0)`
}

/** The index `i`, `x` has no settings of its own. */
const isPlainIndex = `i.reloptions IS NULL AND NOT x.indisclustered
  AND i.reltablespace = (SELECT reltablespace FROM pg_class WHERE oid = to_regclass($5))`

/**
 * Views, foreign keys, indexes, statistics, policies, sequences, publications, functions and columns of its
 * type; ours is the index of the key, without settings, or the primary key with its NOT
 * NULL, and what is made again from the source's definitions.
 */
const hasNoDependents = `NOT EXISTS (SELECT FROM pg_depend d
     WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.deptype <> 'i'
       AND NOT (d.classid = 'pg_class'::regclass AND EXISTS (
         SELECT FROM pg_class i JOIN pg_index x ON x.indexrelid = i.oid
          WHERE i.oid = d.objid AND i.relkind = 'i' AND (i.relname = $3 AND ${isPlainIndex} OR i.relname = ANY ($6::name[]))))
       AND NOT (d.classid = 'pg_attrdef'::regclass AND EXISTS (
         SELECT FROM pg_attrdef f JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
          WHERE f.oid = d.objid AND f.adrelid = t.oid AND a.attname = ANY ($7::name[]) AND a.attgenerated = ''))
       AND NOT (d.classid = 'pg_constraint'::regclass AND EXISTS (
         SELECT FROM pg_constraint n LEFT JOIN pg_class i ON i.oid = n.conindid LEFT JOIN pg_index x ON x.indexrelid = i.oid
          WHERE n.oid = d.objid AND n.conrelid = t.oid
            AND (n.contype = 'n' OR n.contype IN ('c', 'u', 'x') AND n.conname = ANY ($6::name[]) OR n.contype = 'p' AND n.conname = $3 AND NOT n.condeferrable AND ${isPlainIndex}))))
  AND NOT EXISTS (SELECT FROM pg_depend d
     WHERE d.refclassid = 'pg_type'::regclass AND d.refobjid IN (y.oid, y.typarray) AND d.deptype <> 'i')`

/**
 * A subscriber received the rows of the stage under the stage's name, and does not learn of a rename: it
 * needs them once more, under the table's name. Publications of all tables, or of a schema, show the table
 * too; other plugins than pgoutput need none.
 */
const isNotReplicated = `NOT EXISTS (SELECT FROM pg_publication_tables p JOIN pg_namespace n ON n.nspname = p.schemaname
     WHERE n.oid = t.relnamespace AND p.tablename = t.relname)
  AND NOT EXISTS (SELECT FROM pg_subscription_rel WHERE srrelid = t.oid)
  AND NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_type = 'logical' AND database = current_database() AND plugin <> 'pgoutput')`

/**
 * Whether each transaction that might still open the table sees all rows of the stage. One whose snapshot is
 * older than the last of their commits, and that has not read the table yet, would find them missing under
 * the table's name. What other users' transactions see is hidden, unless the role has pg_read_all_stats: then
 * only one that began after this transaction is known to be young enough. Lanes read no table but their own.
 */
async function isSeenByAll(
  session: DestinationSession,
  { id, syncId }: StagedSync,
): Promise<boolean> {
  const [row] = await session.rows<{ seen: boolean | null }>(
    `SELECT last.age IS NOT NULL AND ${hasNoStandby} AND NOT EXISTS (
       SELECT FROM pg_stat_activity a JOIN pg_locks x USING (pid)
        WHERE a.datname = current_database() AND a.usesysid IS NOT NULL AND a.pid <> pg_backend_pid()
          AND x.locktype = 'virtualxid' AND x.mode = 'ExclusiveLock' AND x.granted
          AND (a.xact_start IS NULL OR a.xact_start <= now())
          AND (a.backend_type IS NULL OR age(a.backend_xmin) >= last.age)
          AND NOT (a.pid = ANY (${markedSessions}))) AS seen
       FROM (SELECT min(age(xmin)) AS age FROM ${session.bookkeeping}.slices WHERE stream_id = $1 AND planned_sync = $2) last`,
    [id, syncId],
  )
  return row?.seen === true
}

/**
 * A server that follows this one has readers of its own, whose snapshots are not known here. Its connection
 * is in no database.
 */
const hasNoStandby = `NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_type = 'physical')
  AND NOT EXISTS (SELECT FROM pg_stat_replication JOIN pg_stat_activity w USING (pid) WHERE w.datid IS NULL)`
