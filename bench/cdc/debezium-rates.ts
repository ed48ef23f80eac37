import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { connectJars, type ConnectJars } from '../../test/kafka/connect/connect-jars.ts'
import { givenOrStartedBroker } from '../../test/kafka/broker.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import type { BenchServer } from '../bench-server.ts'
import { changedTable, makeChanges, sumSql } from './cdc-load.ts'

export interface DebeziumRates {
  readonly version: string
  readonly snapshot_rows_per_second: number
  readonly changes_per_second: number
}

const version = '3.3.1'
const target = 'debezium.copied'
/** Beyond the changes of all rounds of the others. */
const firstChange = 100_000_000
const json = 'org.apache.kafka.connect.json.JsonConverter'

/**
 * Debezium's source and its JDBC sink in one Kafka Connect worker: first all rows, then the same changes as
 * the others. While the changes are made, the worker is frozen; the time begins when it goes on, so that the
 * start of the JVM is no part of it.
 */
export async function measureDebezium(
  bench: BenchServer,
  options: {
    readonly rows: number
    readonly changes: number
    readonly perTransaction: number
    readonly cacheDir: string
  },
  print: (line: string) => void,
): Promise<DebeziumRates> {
  await using broker = await givenOrStartedBroker(print)
  await using folder = await temporaryFolder('bench-debezium')
  const jars = await connectJars(['postgres', 'jdbc'], options.cacheDir)
  await bench.warehouse('DROP SCHEMA IF EXISTS debezium CASCADE', 'CREATE SCHEMA debezium')
  const started = performance.now()
  const worker = await startWorker(bench, { folder: folder.path, jars, brokers: broker.brokers })
  try {
    await untilSame(bench, worker)
    const snapshotSeconds = (performance.now() - started) / 1000
    print(`Debezium: first read ${snapshotSeconds.toFixed(1)} s`)
    worker.kill('SIGSTOP')
    await makeChanges(bench.sourceUrl, firstChange, options)
    const resumed = performance.now()
    worker.kill('SIGCONT')
    await untilSame(bench, worker)
    const seconds = (performance.now() - resumed) / 1000
    print(`Debezium: changes ${seconds.toFixed(1)} s`)
    return {
      version,
      snapshot_rows_per_second: Math.round(options.rows / snapshotSeconds),
      changes_per_second: Math.round(options.changes / seconds),
    }
  } finally {
    const ended = once(worker, 'exit')
    worker.kill('SIGKILL')
    await ended
  }
}

async function untilSame(bench: BenchServer, worker: ChildProcess): Promise<void> {
  const wanted = await bench.sourceValue(sumSql(changedTable))
  for (;;) {
    const hasTable = await bench.value(`SELECT to_regclass('${target}') IS NOT NULL`)
    if (hasTable === 'true' && (await bench.value(sumSql(target))) === wanted) return
    if (worker.exitCode !== null)
      throw new Error(`Kafka Connect ended with ${String(worker.exitCode)}`)
    await delay(500)
  }
}

async function startWorker(
  bench: BenchServer,
  {
    folder,
    jars,
    brokers,
  }: {
    readonly folder: string
    readonly jars: ConnectJars
    readonly brokers: readonly string[]
  },
): Promise<ChildProcess> {
  const source = new URL(bench.sourceUrl)
  const warehouse = new URL(bench.warehouseUrl)
  const name = `dbz_${Date.now().toString(36)}`
  const write = async (file: string, content: object | readonly string[]): Promise<string> => {
    const path = join(folder, file)
    const text = Array.isArray(content) ? content.join('\n') : JSON.stringify(content)
    await writeFile(path, text, { mode: 0o600 })
    return path
  }
  const workerFile = await write('worker.properties', [
    `bootstrap.servers=${brokers.join(',')}`,
    `key.converter=${json}`,
    `value.converter=${json}`,
    `offset.storage.file.filename=${join(folder, 'offsets')}`,
    'offset.flush.interval.ms=5000',
    `plugin.path=${jars.pluginPath}`,
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
      'topic.prefix': name,
      'table.include.list': `public.${changedTable}`,
      'slot.name': name,
      'publication.name': name,
      'publication.autocreate.mode': 'filtered',
      'snapshot.mode': 'initial',
      'snapshot.max.threads': '4',
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
      topics: `${name}.public.${changedTable}`,
      'connection.url': `jdbc:postgresql://${warehouse.host}${warehouse.pathname}?reWriteBatchedInserts=true`,
      'connection.username': warehouse.username,
      'connection.password': decodeURIComponent(warehouse.password),
      'insert.mode': 'upsert',
      'delete.enabled': 'true',
      'primary.key.mode': 'record_key',
      'schema.evolution': 'basic',
      'collection.name.format': target,
      // Known from 3.4 on; earlier versions ignore it.
      'dialect.postgres.unnest.insert.enabled': 'true',
      'batch.size': '5000',
      'consumer.override.max.poll.records': '5000',
      'use.reduction.buffer': 'true',
    },
  })
  return spawn(
    'java',
    [
      ...['-Xmx768m', '-XX:+UseSerialGC', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'],
      ...['-cp', jars.classpath, 'org.apache.kafka.connect.cli.ConnectStandalone'],
      ...[workerFile, sourceFile, sinkFile],
    ],
    { stdio: ['ignore', 2, 2] },
  )
}
