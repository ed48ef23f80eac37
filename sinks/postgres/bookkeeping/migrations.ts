import { ConnectError } from '../../../protocol/index.ts'
import { lockForTransaction } from '../advisory-locks.ts'
import { requireIntact, requireNone } from './damaged-bookkeeping.ts'
import { requireTrusted, revokeTriggers } from './trusted-bookkeeping.ts'
import { lockKey } from '../tables/identifiers.ts'
import { bookkeepingOwnerMissing } from '../missing-right.ts'
import type { DestinationSession } from '../session.ts'
import { schemaExists } from '../tables/schemas.ts'

/**
 * The destination's own tables: the truth about what has been loaded. They live in the destination's
 * database, so that rows and checkpoints commit together. Numbered steps, forward only. They run on the
 * role's search path: types and functions have their schema.
 */
const migrations: readonly ((schema: string) => string)[] = [
  (schema) => `CREATE TABLE ${schema}.runs (
     connection pg_catalog.text PRIMARY KEY,
     run bigint NOT NULL,
     ended boolean NOT NULL -- false: running, or killed, or stopped; then the next start continues it
   );
   CREATE TABLE ${schema}.streams (
     id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     connection pg_catalog.text NOT NULL,
     namespace pg_catalog.text, -- absent (null) and empty are two different streams
     name pg_catalog.text NOT NULL,
     table_schema pg_catalog.text NOT NULL,
     table_name pg_catalog.text NOT NULL,
     settings pg_catalog.text NOT NULL, -- JSON: what an unfinished sync must have in common with the next one to be continued
     columns pg_catalog.text NOT NULL, -- JSON: of the last attempt; the records in the log were written with them
     key_index pg_catalog.text, -- name of the unique index that a dedup mode made on the table
     staged boolean NOT NULL, -- a new generation is (or was, when its sync died) being gathered in the stage table
     run bigint NOT NULL, -- the last run that began the sync
     sync_id bigint NOT NULL,
     generation_id bigint NOT NULL,
     epoch bigint NOT NULL, -- the fence: a lane of an older one cannot commit
     complete boolean NOT NULL,
     started_at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now(),
     finished_at pg_catalog.timestamptz,
     UNIQUE NULLS NOT DISTINCT (connection, namespace, name)
   );
   CREATE INDEX ON ${schema}.streams (table_schema, table_name);
   CREATE TABLE ${schema}.slices (
     stream_id bigint NOT NULL REFERENCES ${schema}.streams ON DELETE CASCADE,
     slice pg_catalog.text NOT NULL,
     ordinal integer NOT NULL,
     partition integer NOT NULL,
     planned_sync bigint NOT NULL, -- the last sync that had the slice in its plan
     state pg_catalog.text, -- JSON, to the letter
     seq bigint NOT NULL, -- records of this sync that the state covers: loaded + rejected
     loaded bigint NOT NULL DEFAULT 0,
     rejected bigint NOT NULL DEFAULT 0,
     complete boolean NOT NULL DEFAULT false,
     updated_at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now(),
     PRIMARY KEY (stream_id, slice)
   );
   CREATE TABLE ${schema}.positions (
     stream_id bigint NOT NULL REFERENCES ${schema}.streams ON DELETE CASCADE,
     partition integer NOT NULL,
     next pg_catalog.text NOT NULL, -- where to go on in the log
     PRIMARY KEY (stream_id, partition)
   );
   CREATE TABLE ${schema}.rejected_records (
     stream_id bigint NOT NULL REFERENCES ${schema}.streams ON DELETE CASCADE,
     sync_id bigint NOT NULL,
     slice pg_catalog.text NOT NULL,
     seq bigint NOT NULL,
     reason pg_catalog.text NOT NULL,
     rejected_at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now(),
     PRIMARY KEY (stream_id, sync_id, slice, seq)
   )`,
  (schema) =>
    `ALTER TABLE ${schema}.runs ADD COLUMN key pg_catalog.text -- names the run where its starter does`,
  (schema) => `ALTER TABLE ${schema}.runs
     ADD COLUMN start bigint NOT NULL DEFAULT 0, -- counts the starts: the newest one has the connection
     ADD COLUMN started_at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now(),
     ADD COLUMN started_by pg_catalog.text; -- the process
   ALTER TABLE ${schema}.streams
     ADD COLUMN sync_start bigint NOT NULL DEFAULT 0; -- the start that began the sync
   ALTER TABLE ${schema}.slices -- of all syncs of the stream in its run
     ADD COLUMN run_loaded bigint NOT NULL DEFAULT 0,
     ADD COLUMN run_rejected bigint NOT NULL DEFAULT 0;
   ALTER TABLE ${schema}.positions
     ADD COLUMN columns pg_catalog.text; -- JSON: the records at the position were written with them
   -- Before, those of the stream's last attempt were all that was known.
   UPDATE ${schema}.positions AS p SET columns = s.columns FROM ${schema}.streams AS s WHERE s.id OPERATOR(pg_catalog.=) p.stream_id;
   ALTER TABLE ${schema}.positions ALTER COLUMN columns SET NOT NULL`,
  (schema) =>
    `ALTER TABLE ${schema}.rejected_records ADD COLUMN key pg_catalog.text -- JSON: the primary key of the record; null without one`,
  (
    schema,
  ) => `ALTER TABLE ${schema}.slices -- of all syncs of the stream in its run; those of a commit are with one of its slices
     ADD COLUMN run_nulled bigint NOT NULL DEFAULT 0,
     ADD COLUMN run_cut bigint NOT NULL DEFAULT 0`,
  (schema) =>
    `ALTER TABLE ${schema}.streams ADD COLUMN table_notes pg_catalog.text NOT NULL DEFAULT '[]' -- JSON: what happened to the table's columns, until a run told it`,
  (schema) => `ALTER TABLE ${schema}.streams
     ADD COLUMN attempt_keys pg_catalog.text[] NOT NULL DEFAULT '{}' -- random, of the sync's attempts: the log's states are the sync's if one of these wrote them`,
  (schema) => `ALTER TABLE ${schema}.streams
     ADD COLUMN attempt pg_catalog.text, -- the key of the newest attempt: the fence, with the epoch, which a database that was made again counts a second time
     ADD COLUMN planned bigint NOT NULL DEFAULT 0; -- slices that were saved of the stream: where there are fewer, somebody deleted some
   UPDATE ${schema}.streams AS s
      SET planned = (SELECT pg_catalog.count(*) FROM ${schema}.slices AS p WHERE p.stream_id OPERATOR(pg_catalog.=) s.id)`,
  (
    schema,
  ) => `ALTER TABLE ${schema}.streams -- what the last begin saw of the table; null if it may not read it, or overwrites it
     ADD COLUMN table_oid bigint,
     ADD COLUMN bookkeeping_oid bigint, -- of this table: a restore of the database changes both
     ADD COLUMN had_rows boolean,
     ADD COLUMN table_warnings pg_catalog.text[] NOT NULL DEFAULT '{}' -- of rows that it lost, or that a read from the checkpoints leaves out, until a run told it`,
  (schema) =>
    `ALTER TABLE ${schema}.streams ADD COLUMN earlier_tables pg_catalog.text NOT NULL DEFAULT '[]' -- JSON: other tables that the stream was loaded into, whose rows stayed`,
  (schema) =>
    `ALTER TABLE ${schema}.streams ADD COLUMN merged_key pg_catalog.text -- JSON: the key that the rows of the table were merged by; null: by none, or that of the settings`,
  (schema) =>
    `ALTER TABLE ${schema}.streams ADD COLUMN begin_warnings pg_catalog.text[] NOT NULL DEFAULT '{}' -- what else its begins and its ends warned of, until a run told it`,
  (
    schema,
  ) => `ALTER TABLE ${schema}.streams -- the run that told its notes, its warnings and the counts of its run, and ended: another run forgets them
     ADD COLUMN told_run bigint;
   -- Before, the end of a run was that of all streams.
   UPDATE ${schema}.streams AS s SET told_run = r.run FROM ${schema}.runs AS r
    WHERE r.ended AND r.connection OPERATOR(pg_catalog.=) s.connection`,
  (
    schema,
  ) => `ALTER TABLE ${schema}.streams -- JSON: what syncs before that of the slices committed to a table, until a run told it
     ADD COLUMN untold_counts pg_catalog.text[] NOT NULL DEFAULT '{}'`,
]

/**
 * Creates or migrates the bookkeeping. Durable when it resolves; at most one at a time in a database.
 * Throws `destination_bookkeeping_newer`, `destination_bookkeeping_damaged` if tables or columns of it were
 * dropped, and `destination_bookkeeping_untrusted` if others can make it run what they want.
 */
export async function migrateBookkeeping(session: DestinationSession): Promise<void> {
  if ((await knownVersion(session)) === migrations.length) {
    await requireIntact(session, { known: 'columns' })
    return
  }
  await session.transaction(async () => {
    await lockForTransaction(session, {
      keys: [lockKey('migrations')],
      subject: `schema ${session.bookkeepingSchema}`,
      seconds: 60,
    })
    const schema = session.bookkeeping
    if (!(await schemaExists(session, session.bookkeepingSchema))) {
      await session.run(`CREATE SCHEMA ${schema}`)
    }
    await session.run(
      `CREATE TABLE IF NOT EXISTS ${schema}.migrations
         (version integer PRIMARY KEY, applied_at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now())`,
    )
    const applied = await knownVersion(session)
    if (applied === 0) {
      await requireNone(session)
    } else {
      await requireIntact(session, { known: 'tables' })
      await requireOwner(session)
    }
    // In one round trip: one after the other they took 20 to 40 ms of a first run.
    const steps = migrations.map(
      (sql, index) => `${sql(schema)}
        ; INSERT INTO ${schema}.migrations (version) VALUES (${String(index + 1)})`,
    )
    await session.run(steps.slice(applied).join(';'))
    await revokeTriggers(session)
  })
}

/** Checked first: the server's refusal would name one table, without its schema. */
async function requireOwner(session: DestinationSession): Promise<void> {
  const schema = session.bookkeepingSchema
  const tables = await session.rows<{ name: string; owner: string }>(
    `SELECT c.relname AS name, pg_get_userbyid(c.relowner) AS owner
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relkind = 'r' AND NOT pg_has_role(c.relowner, 'USAGE') ORDER BY c.relname`,
    [schema],
  )
  if (tables.length > 0) throw bookkeepingOwnerMissing(session.address, { schema, tables })
}

/** The applied migrations; not if a newer version did it, whose data this one might misread. */
async function knownVersion(session: DestinationSession): Promise<number> {
  const found = await appliedVersion(session)
  const known = migrations.length
  if (found <= known) return found
  const details = { schema: session.bookkeepingSchema, found, known }
  throw new ConnectError('destination_bookkeeping_newer', { details })
}

async function appliedVersion(session: DestinationSession): Promise<number> {
  // Before anything is read: also a view runs what its owner wrote.
  const { exists } = await requireTrusted(session)
  if (!exists) return 0
  const [row] = await session.rows<{ version: number }>(
    `SELECT coalesce(max(version), 0) AS version FROM ${session.bookkeeping}.migrations`,
  )
  return row?.version ?? 0
}
