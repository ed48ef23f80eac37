import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { z } from 'zod'
import { startDebezium } from './start-debezium.ts'

/**
 * Kafka Connect with Debezium's source and sink, until the table has all rows; then both end. A program of
 * its own, so that its processes are measured like those of any peer.
 */

const settings = z
  .object({
    brokers: z.string(),
    classpath: z.string(),
    pluginPath: z.string(),
    sourceUrl: z.string(),
    targetUrl: z.string(),
    table: z.string(),
    target: z.string(),
    rows: z.coerce.number().int().positive(),
    workDir: z.string(),
    /** New for each run: of the topic and the slot. */
    name: z.string(),
  })
  .parse(JSON.parse(process.env.DEBEZIUM_RUN ?? '{}'))

const { workDir: folder, ...rest } = settings
const connect = await startDebezium({ folder, ...rest })
const ended = once(connect, 'exit')
try {
  await waitForRows()
} finally {
  // All rows are there: nobody waits for an orderly end.
  connect.kill('SIGKILL')
  await ended
}
await forgetSlot()

async function waitForRows(): Promise<void> {
  const client = new pg.Client({ connectionString: settings.targetUrl })
  await client.connect()
  try {
    for (;;) {
      if ((await loadedRows(client)) >= settings.rows) return
      if (connect.exitCode !== null)
        throw new Error(`Kafka Connect ended with ${String(connect.exitCode)}`)
      await delay(200)
    }
  } finally {
    await client.end()
  }
}

/** The sink makes the table with the first rows. */
async function loadedRows(client: pg.Client): Promise<number> {
  const { rows: tables } = await client.query<{ name: string | null }>(
    'SELECT to_regclass($1)::text AS name',
    [settings.target],
  )
  const name = tables[0]?.name ?? null
  if (name === null) return 0
  const { rows } = await client.query<{ loaded: number }>(
    `SELECT count(*)::int AS loaded FROM ${name}`,
  )
  return rows[0]?.loaded ?? 0
}

/** The server notices in its own time that the slot's reader is gone. */
async function forgetSlot(): Promise<void> {
  const client = new pg.Client({ connectionString: settings.sourceUrl })
  await client.connect()
  try {
    for (;;) {
      const { rows } = await client.query<{ active: boolean }>(
        'SELECT active FROM pg_replication_slots WHERE slot_name = $1',
        [settings.name],
      )
      if (rows[0]?.active !== true) break
      await delay(20)
    }
    await client.query(
      'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1',
      [settings.name],
    )
    await client.query(`DROP PUBLICATION IF EXISTS ${settings.name}`)
  } finally {
    await client.end()
  }
}
