import type { PostgresAddress } from '../support/postgres.ts'
import type { Database } from './table-rows.ts'

type Random = () => number

/** A stream for each destination mode, and both reads of `append_dedup`. */
export const shopStreams = [
  { name: 'events', sync_mode: 'incremental', destination_sync_mode: 'append' },
  { name: 'orders', sync_mode: 'incremental', destination_sync_mode: 'append_dedup' },
  { name: 'stock', sync_mode: 'full_refresh', destination_sync_mode: 'append_dedup' },
  { name: 'prices', sync_mode: 'full_refresh', destination_sync_mode: 'overwrite' },
  { name: 'people', sync_mode: 'full_refresh', destination_sync_mode: 'overwrite_dedup' },
] as const

const tables = shopStreams.map(({ name }) => name)

/** One table does not: its stream has no changes, only rows. */
function marksDeleted(table: string): boolean {
  return table !== 'stock'
}

export interface ShopReader {
  readonly user: string
  readonly password: string
}

/** Tables with the mark of deleted rows. Their reader waits at each row as long as `set_pause` says. */
export async function createShop(database: Database, reader: ShopReader): Promise<void> {
  await database.query(`
    CREATE TABLE pause (ms double precision NOT NULL);
    INSERT INTO pause VALUES (0);
    CREATE FUNCTION wait_a_little() RETURNS boolean LANGUAGE plpgsql VOLATILE SECURITY DEFINER COST 1000 AS $$
      DECLARE pause_ms double precision := (SELECT ms FROM pause);
      BEGIN
        IF pause_ms > 0 THEN PERFORM pg_sleep(pause_ms / 1000); END IF;
        RETURN true;
      END $$;
    CREATE ROLE ${reader.user} LOGIN PASSWORD '${reader.password}';
    -- The rows are read as they are found, not sorted first.
    ALTER ROLE ${reader.user} SET enable_seqscan = off;
    ALTER ROLE ${reader.user} SET enable_sort = off;
    ALTER ROLE ${reader.user} SET enable_bitmapscan = off`)
  for (const table of tables)
    await database.query(`
      CREATE TABLE ${table} (
        id bigint PRIMARY KEY, body text, amount numeric, small integer, flag boolean, ratio double precision, day date,
        moment timestamp, hour time, raw bytea, doc jsonb, updated_at timestamptz NOT NULL DEFAULT clock_timestamp());
      CREATE INDEX ON ${table} (updated_at);
      GRANT SELECT ON ${table} TO ${reader.user};
      ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
      CREATE POLICY slow ON ${table} FOR SELECT TO ${reader.user} USING (wait_a_little())`)
  for (const table of tables.filter(marksDeleted))
    await database.query(`ALTER TABLE ${table} ADD COLUMN _ab_cdc_deleted_at timestamptz`)
}

/** How long each row of the source takes to read. */
export async function setPause(database: Database, ms: number): Promise<void> {
  await database.query(`UPDATE pause SET ms = ${ms}`)
}

/** Adds rows to a table; the ids go on from the largest. */
export async function insertRows(database: Database, table: string, count: number): Promise<void> {
  await database.query(`
    INSERT INTO ${table} (id, body, amount, flag, ratio, day, moment, hour, raw, doc)
    SELECT n, CASE WHEN n % 7 > 0 THEN 'Żółć "' || n || '"' END, n * 1.250 - 100, n % 3 = 0,
           CASE n % 50 WHEN 1 THEN 'NaN' WHEN 2 THEN '-Infinity' ELSE n / 7.0 END,
           CASE WHEN n % 60 = 3 THEN 'infinity' ELSE date '0001-01-01' + (n * 997 % 700000)::int END,
           timestamp '1999-12-31 23:59:59.999999' + n * interval '1 hour 1 microsecond',
           CASE WHEN n % 40 = 4 THEN time '24:00' ELSE time '00:00' + n * interval '1 minute 1 microsecond' END,
           decode(left(md5(n::text), n::int % 8 * 2), 'hex'), jsonb_build_object('n', n, 'list', jsonb_build_array(n, null, 'x'))
      FROM generate_series((SELECT coalesce(max(id), 0) FROM ${table}) + 1,
                           (SELECT coalesce(max(id), 0) FROM ${table}) + ${count}) AS n`)
}

/** Inserts, updates, marks as deleted, takes marks away, and deletes for good. */
export async function changeRows(
  database: Database,
  random: Random,
  mostInserted = 120,
): Promise<void> {
  for (const table of tables) {
    if (random() < 0.2) continue
    await insertRows(database, table, Math.floor(random() * mostInserted))
    const where = (share: number): string =>
      `abs(hashint8(id + ${Math.floor(random() * 1e6)})::bigint) % 1000 < ${share * 1000}`
    await database.query(`
      UPDATE ${table} SET body = body || '.', amount = amount * 1.5, updated_at = clock_timestamp() WHERE ${where(0.08)};
      -- Larger than a message may be, until the next change.
      UPDATE ${table} SET body = repeat('x', 150000), updated_at = clock_timestamp() WHERE ${where(0.003)};
      UPDATE ${table} SET body = 'short', updated_at = clock_timestamp() WHERE length(body) > 100000 AND ${where(0.5)};
      DELETE FROM ${table} WHERE ${where(0.02)};
      ANALYZE ${table}`)
    if (marksDeleted(table))
      await database.query(`
        UPDATE ${table} SET _ab_cdc_deleted_at = clock_timestamp(), body = NULL, updated_at = clock_timestamp() WHERE ${where(0.03)};
        UPDATE ${table} SET _ab_cdc_deleted_at = NULL, updated_at = clock_timestamp()
         WHERE _ab_cdc_deleted_at IS NOT NULL AND ${where(0.2)}`)
  }
}

const addedTypes = ['text', 'integer', 'numeric', 'boolean', 'timestamptz', 'bytea'] as const

/** Adds a column, drops one, or gives one another type. Says what it did. */
export async function changeSchema(database: Database, random: Random): Promise<string> {
  const table = pick(tables, random)
  const columns = await addedColumns(database, table)
  const dice = random()
  const last = columns.at(-1)
  if (last !== undefined && dice < 0.3) {
    await database.query(`ALTER TABLE ${table} DROP COLUMN ${last.name}`)
    return `${table}: dropped ${last.name}`
  }
  if (dice < 0.6) return widen(database, table)
  const name = `extra_${Math.floor(random() * 4)}`
  if (columns.some((column) => column.name === name)) return widen(database, table)
  const type = pick(addedTypes, random)
  await database.query(`
    ALTER TABLE ${table} ADD COLUMN ${name} ${type};
    UPDATE ${table} SET ${name} = ${valueOf(type)}, updated_at = clock_timestamp() WHERE id % 5 = 1`)
  return `${table}: added ${name} ${type}`
}

function valueOf(type: (typeof addedTypes)[number]): string {
  const values = {
    text: `'text ' || id`,
    integer: 'id % 1000',
    numeric: 'id * 0.10',
    boolean: 'id % 2 = 0',
    timestamptz: `timestamptz '2024-01-01Z' + id * interval '1 minute'`,
    bytea: `decode(md5(id::text), 'hex')`,
  }
  return values[type]
}

const wider: Readonly<Record<string, string>> = {
  integer: 'bigint',
  bigint: 'numeric',
  numeric: 'text',
}

async function widen(database: Database, table: string): Promise<string> {
  const [{ type } = {}] = await database.query(`
    SELECT data_type AS type FROM information_schema.columns WHERE table_name = '${table}' AND column_name = 'small'`)
  const next = wider[String(type)]
  if (next === undefined) return `${table}: nothing`
  await database.query(`
    ALTER TABLE ${table} ALTER COLUMN small TYPE ${next};
    UPDATE ${table} SET small = (id % 1000)::text::${next}, updated_at = clock_timestamp() WHERE id % 6 = 2`)
  return `${table}: small became ${next}`
}

async function addedColumns(
  database: Database,
  table: string,
): Promise<readonly { readonly name: string }[]> {
  const rows = await database.query(`
    SELECT column_name AS name FROM information_schema.columns
     WHERE table_name = '${table}' AND column_name LIKE 'extra%' ORDER BY ordinal_position`)
  return rows.map(({ name }) => ({ name: String(name) }))
}

export interface ShopConnection {
  readonly name: string
  readonly source: PostgresAddress
  readonly reader: ShopReader
  readonly destination: PostgresAddress
  readonly brokers: readonly string[]
  readonly framing: 'block' | 'record'
  readonly deletes: 'hard' | 'soft'
}

/**
 * A run file with all streams of the shop. Tables are small, so everything about their reading is too:
 * slices, states, transactions. (The planner believes that the policy leaves a third of the rows: a table is
 * split from 90 rows on.)
 */
export function shopRunFile(connection: ShopConnection): unknown {
  const { source, reader, brokers, framing } = connection
  return {
    connection: connection.name,
    source: {
      type: 'postgres',
      config: {
        ...{ ...source, ...reader, schemas: ['public'] },
        ...{ parallel: 3, range_rows: 30, state_rows: 60 },
      },
    },
    destination: {
      type: 'postgres',
      config: { ...connection.destination, schema: connection.name },
    },
    log: { kafka: { brokers, framing } },
    deletes: connection.deletes,
    metadata: 'minimal',
    streams: shopStreams.map((stream) =>
      stream.sync_mode === 'incremental' ? { ...stream, cursor_field: 'updated_at' } : stream,
    ),
    limits: { parallel_lanes: 4, partitions_per_stream: 3, commit_bytes: 65_536, commit_ms: 50 },
  }
}

/** The topic of a stream of the shop. */
export function topicOf(connection: string, stream: string): string {
  return `connect.${connection}.public.${stream}`
}

export function pick<T>(items: readonly T[], random: Random): T {
  const item = items[Math.floor(random() * items.length)]
  if (item === undefined) throw new Error('nothing to pick from')
  return item
}
