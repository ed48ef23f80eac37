import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { z } from 'zod'

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

const source = new URL(settings.sourceUrl)
const target = new URL(settings.targetUrl)
const json = 'org.apache.kafka.connect.json.JsonConverter'

const workerFile = await write('worker.properties', [
  `bootstrap.servers=${settings.brokers}`,
  `key.converter=${json}`,
  `value.converter=${json}`,
  `offset.storage.file.filename=${join(settings.workDir, 'offsets')}`,
  'offset.flush.interval.ms=5000',
  `plugin.path=${settings.pluginPath}`,
  'plugin.discovery=service_load',
  'listeners=http://127.0.0.1:0',
  'connector.client.config.override.policy=All',
])
const sourceFile = await write('source.json', {
  name: 'source',
  config: {
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'plugin.name': 'pgoutput',
    'database.hostname': source.hostname,
    'database.port': source.port,
    'database.user': source.username,
    'database.password': decodeURIComponent(source.password),
    'database.dbname': source.pathname.slice(1),
    'topic.prefix': settings.name,
    'table.include.list': settings.table,
    'slot.name': settings.name,
    'publication.name': settings.name,
    'publication.autocreate.mode': 'filtered',
    'snapshot.mode': 'initial',
    'max.batch.size': '8192',
    'max.queue.size': '32768',
    'poll.interval.ms': '50',
    'topic.creation.default.replication.factor': '1',
    'topic.creation.default.partitions': '1',
  },
})
const sinkFile = await write('sink.json', {
  name: 'sink',
  config: {
    'connector.class': 'io.debezium.connector.jdbc.JdbcSinkConnector',
    topics: `${settings.name}.${settings.table}`,
    'connection.url': `jdbc:postgresql://${target.host}${target.pathname}?reWriteBatchedInserts=true`,
    'connection.username': target.username,
    'connection.password': decodeURIComponent(target.password),
    'insert.mode': 'upsert',
    'primary.key.mode': 'record_key',
    'schema.evolution': 'basic',
    'collection.name.format': settings.target,
    'batch.size': '5000',
    'consumer.override.max.poll.records': '5000',
    'use.reduction.buffer': 'true',
  },
})

const connect = spawn(
  'java',
  [
    '-Xmx768m',
    '-XX:+UseSerialGC',
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
    '-cp',
    settings.classpath,
    'org.apache.kafka.connect.cli.ConnectStandalone',
    workerFile,
    sourceFile,
    sinkFile,
  ],
  { stdio: ['ignore', 2, 2] },
)
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

async function write(name: string, content: readonly string[] | object): Promise<string> {
  const path = join(settings.workDir, name)
  await writeFile(path, Array.isArray(content) ? content.join('\n') : JSON.stringify(content), {
    mode: 0o600,
  })
  return path
}
