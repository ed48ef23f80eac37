import type pg from 'pg'
import { ConnectError, type StreamId } from '../../protocol/index.ts'

/**
 * The destination's own tables: the truth about what has been loaded. They live in the destination's database, so that rows
 * and checkpoints commit together. Numbered steps, forward only, under an advisory lock.
 */
const migrations: readonly string[] = [
  `CREATE TABLE reactor_connect.runs (
     connection text PRIMARY KEY,
     run bigint NOT NULL,
     ended boolean NOT NULL -- by itself: complete or with failed streams, not killed or stopped
   );
   CREATE TABLE reactor_connect.streams (
     connection text NOT NULL,
     stream text NOT NULL, -- JSON: [namespace or null, name]
     table_schema text NOT NULL,
     table_name text NOT NULL,
     settings jsonb NOT NULL, -- what an unfinished sync must have in common with the next one to be continued
     columns jsonb NOT NULL, -- of the last attempt: the records in the log are written with them
     sync_id bigint NOT NULL,
     generation_id bigint NOT NULL,
     epoch bigint NOT NULL, -- the fence
     complete boolean NOT NULL,
     run bigint NOT NULL, -- the run that began or continued the sync last
     updated_at timestamptz NOT NULL DEFAULT now(),
     PRIMARY KEY (connection, stream)
   );
   CREATE TABLE reactor_connect.slices (
     connection text NOT NULL,
     stream text NOT NULL,
     slice text NOT NULL,
     ordinal bigint GENERATED ALWAYS AS IDENTITY,
     partition integer NOT NULL,
     state json, -- json keeps the text of the numbers
     seq bigint NOT NULL, -- records of this sync that the state covers: loaded and rejected
     loaded bigint NOT NULL DEFAULT 0,
     rejected bigint NOT NULL DEFAULT 0,
     complete boolean NOT NULL DEFAULT false,
     updated_at timestamptz NOT NULL DEFAULT now(),
     PRIMARY KEY (connection, stream, slice)
   );
   CREATE TABLE reactor_connect.positions (
     connection text NOT NULL,
     stream text NOT NULL,
     partition integer NOT NULL,
     next text NOT NULL,
     PRIMARY KEY (connection, stream, partition)
   );
   CREATE TABLE reactor_connect.rejected_records (
     connection text NOT NULL,
     stream text NOT NULL,
     sync_id bigint NOT NULL,
     slice text NOT NULL,
     seq bigint NOT NULL,
     reason text NOT NULL,
     rejected_at timestamptz NOT NULL DEFAULT now(),
     PRIMARY KEY (connection, stream, sync_id, slice, seq)
   )`,
]

const lockKey = 7_245_112_006
/** UNIQUE NULLS NOT DISTINCT came with 15. */
const oldestServer = 150_000

export async function migrateBookkeeping(client: pg.Client): Promise<void> {
  await requireServer(client)
  if ((await appliedVersion(client)) >= migrations.length) return
  await client.query('BEGIN')
  try {
    await client.query('SELECT pg_advisory_xact_lock($1)', [lockKey])
    await client.query(`CREATE SCHEMA IF NOT EXISTS reactor_connect`)
    await client.query(
      'CREATE TABLE IF NOT EXISTS reactor_connect.migrations (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())',
    )
    for (
      let version = (await appliedVersion(client)) + 1;
      version <= migrations.length;
      version++
    ) {
      await client.query(migrations[version - 1] ?? '')
      await client.query('INSERT INTO reactor_connect.migrations (version) VALUES ($1)', [version])
    }
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  }
}

async function requireServer(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ version: number; name: string }>(
    `SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS name`,
  )
  const [row] = rows
  if (row !== undefined && row.version < oldestServer) {
    throw new ConnectError('destination_version_unsupported', { details: { version: row.name } })
  }
}

async function appliedVersion(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ exists: boolean }>(
    `SELECT to_regclass('reactor_connect.migrations') IS NOT NULL AS exists`,
  )
  if (rows[0]?.exists !== true) return 0
  const versions = await client.query<{ version: number }>(
    'SELECT coalesce(max(version), 0) AS version FROM reactor_connect.migrations',
  )
  return versions.rows[0]?.version ?? 0
}

/** The key of a stream in these tables: an absent namespace and an empty one differ. */
export function streamKey({ namespace, name }: StreamId): string {
  return JSON.stringify([namespace ?? null, name])
}
