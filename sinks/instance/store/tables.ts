import type { DestinationSession } from '../../postgres/session.ts'

export const schema = 'reactor_connect_writes'

/** Each once, in their order. Never change one that was released: add another. */
const migrations: readonly string[] = [
  `CREATE TABLE ${schema}.documents (
     connection text NOT NULL, stream text NOT NULL, content text, PRIMARY KEY (connection, stream));
   CREATE TABLE ${schema}.targets (
     id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     connection text NOT NULL, stream text NOT NULL, place text NOT NULL,
     UNIQUE (connection, stream, place));
   CREATE TABLE ${schema}.sent (
     target bigint NOT NULL REFERENCES ${schema}.targets, key text NOT NULL, id text NOT NULL,
     fields text NOT NULL, version text, seen bigint NOT NULL, sent_at timestamptz NOT NULL,
     is_pending boolean NOT NULL DEFAULT false,
     PRIMARY KEY (target, key));
   CREATE TABLE ${schema}.rejects (
     target bigint NOT NULL REFERENCES ${schema}.targets, key text NOT NULL, operation text NOT NULL,
     code text NOT NULL, reason text NOT NULL, fields text[] NOT NULL, may_retry boolean NOT NULL,
     record text NOT NULL, times int NOT NULL DEFAULT 1, first_at timestamptz NOT NULL DEFAULT now(),
     last_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (target, key))`,
  // The last sync that rejected it.
  `ALTER TABLE ${schema}.rejects ADD COLUMN sync_id bigint NOT NULL DEFAULT 0`,
]

/** Makes the tables of the bookkeeping, or brings them up to this version. */
export async function makeTables(session: DestinationSession): Promise<void> {
  if ((await versionOf(session)) >= migrations.length) return
  await session.transaction(async () => {
    await session.rows(`SELECT pg_advisory_xact_lock(7103)`)
    await session.runPinned(`CREATE SCHEMA IF NOT EXISTS ${schema}`)
    await session.runPinned(
      `CREATE TABLE IF NOT EXISTS ${schema}.migrations (version int PRIMARY KEY)`,
    )
    const done = await versionOf(session)
    for (const [index, migration] of migrations.entries()) {
      if (index < done) continue
      await session.runPinned(migration)
      await session.rows(`INSERT INTO ${schema}.migrations (version) VALUES ($1)`, [index + 1])
    }
  })
}

async function versionOf(session: DestinationSession): Promise<number> {
  const [table] = await session.rows<{ there: boolean }>(
    `SELECT to_regclass('${schema}.migrations') IS NOT NULL AS there`,
  )
  if (table?.there !== true) return 0
  const [row] = await session.rows<{ version: number | null }>(
    `SELECT max(version) AS version FROM ${schema}.migrations`,
  )
  return row?.version ?? 0
}
