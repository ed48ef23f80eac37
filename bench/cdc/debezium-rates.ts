import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { connectJars, type ConnectJars } from '../../test/kafka/connect/connect-jars.ts'
import { givenOrStartedBroker } from '../../test/kafka/broker.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import type { BenchServer } from '../bench-server.ts'
import { startDebezium } from '../peers/debezium/start-debezium.ts'
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

function startWorker(
  { sourceUrl, warehouseUrl }: BenchServer,
  {
    folder,
    jars: { classpath, pluginPath },
    brokers,
  }: {
    readonly folder: string
    readonly jars: ConnectJars
    readonly brokers: readonly string[]
  },
): Promise<ChildProcess> {
  return startDebezium({
    ...{ folder, classpath, pluginPath, sourceUrl, target },
    brokers: brokers.join(','),
    targetUrl: warehouseUrl,
    table: `public.${changedTable}`,
    name: `dbz_${Date.now().toString(36)}`,
    source: { 'snapshot.max.threads': '4' },
    // The last one is known from 3.4 on; earlier versions ignore it.
    sink: { 'delete.enabled': 'true', 'dialect.postgres.unnest.insert.enabled': 'true' },
  })
}
