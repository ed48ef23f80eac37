import type { TestDatabase } from './postgres.ts'

export const crashRows = 20_000
export const crashModes = ['append', 'append_dedup', 'overwrite', 'overwrite_dedup'] as const

/** One table per mode, so that every kill meets every mode. */
export async function createCrashShop(shop: TestDatabase): Promise<void> {
  for (const mode of crashModes) {
    await shop.query(
      `CREATE TABLE orders_${mode} (id bigint PRIMARY KEY, body text, updated_at timestamptz)`,
    )
    await shop.query(
      `INSERT INTO orders_${mode} SELECT n, repeat(md5(n::text), 4), timestamptz '2024-01-01Z' + n * interval '1 second' FROM generate_series(1, ${String(crashRows)}) n`,
    )
    await shop.query(`ANALYZE orders_${mode}`)
  }
}

export interface CrashTarget {
  readonly connection: string
  /** As in a run file. */
  readonly destination: unknown
  readonly log: unknown
}

/** The run file of all modes, or of some. */
export function crashRunFile(
  shop: TestDatabase,
  { connection, destination, log }: CrashTarget,
  modes: readonly (typeof crashModes)[number][] = crashModes,
): string {
  const { ssl, ...address } = shop.address
  return JSON.stringify({
    connection,
    source: {
      type: 'postgres',
      config: { ...address, ssl, schemas: ['public'], range_rows: 5_000, parallel: 3 },
    },
    destination,
    log,
    streams: modes.map((mode) => ({
      name: `orders_${mode}`,
      sync_mode: 'full_refresh',
      destination_sync_mode: mode,
    })),
    // Small transactions: a kill then meets every step of many of them.
    limits: { commit_bytes: 131_072, commit_ms: 20, partitions_per_stream: 2 },
  })
}
