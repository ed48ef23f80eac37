import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { buildProgram, builtProgram } from '../built-program.ts'
import { type BenchServer, startBenchServer } from '../bench-server.ts'
import { type Measured, measureProgram, nodeFlags } from '../measured-process.ts'
import { createFilled } from '../table-shape.ts'
import { ordersTable } from '../replicate/source-table.ts'
import { median } from '../statistics.ts'
import { changedTable, makeChanges, sumSql, workloadSql } from './cdc-load.ts'
import { type DebeziumRates, measureDebezium } from './debezium-rates.ts'
import { createDecodeSlot, decodeUntil, dropDecodeSlot } from './decode-limit.ts'
import { type Latency, measureLatency, ticksTable } from './feed-latency.ts'
import { NativeSubscription, type Streaming } from './native-subscription.ts'

export interface CdcOptions {
  readonly rows: number
  readonly changes: number
  readonly perTransaction: number
  readonly rounds: number
  readonly streaming: Streaming
  /** The length of the run whose latency is measured. */
  readonly seconds: number
  readonly vsDebezium: boolean
  readonly cacheDir: string
}

interface StreamRound {
  readonly ours: Measured
  readonly nativeSeconds: number
  readonly decodeSeconds: number
}

export interface CdcFigures {
  readonly rows: number
  readonly changes: number
  readonly per_transaction: number
  /** The setting of the native subscription. */
  readonly native_streaming: Streaming
  readonly server_version: string
  /** Ours by Debezium's; null if it was not measured. */
  readonly snapshot_vs_debezium: number | null
  readonly stream_vs_debezium: number | null
  /** Ours by that of PostgreSQL's subscription, and by what a walsender decodes at most. */
  readonly stream_vs_native: number
  readonly stream_vs_pg_recvlogical: number
  readonly p99_ms_2000: number
  readonly latency: Latency
  readonly snapshot: Measured & { readonly rows_per_second: number }
  readonly stream: Measured & {
    readonly changes_per_second: number
    readonly cpu_us_per_change: number
  }
  readonly native_changes_per_second: number
  readonly pg_recvlogical_changes_per_second: number
  readonly debezium: DebeziumRates | null
}

const copied = `copy.${changedTable}`

/** Change data capture of one server into another database of it, beside what PostgreSQL itself does. */
export async function benchCdc(
  options: CdcOptions,
  print: (line: string) => void,
): Promise<CdcFigures> {
  await buildProgram()
  await using bench = await startBenchServer({
    wal_level: 'logical',
    max_replication_slots: '20',
    max_wal_senders: '20',
    max_logical_replication_workers: '8',
    wal_sender_timeout: '0',
  })
  await using folder = await temporaryFolder('bench-cdc')
  const { rows } = options
  await bench.source(...createFilled(ordersTable(rows)), ...workloadSql(rows))
  await bench.warehouse(...createFilled(ordersTable(rows)))
  const file = join(folder.path, 'orders.yaml')
  await writeFile(file, runFile(bench, changedTable))
  print('first read')
  const snapshot = await runOnce(file)
  const rounds: StreamRound[] = []
  let first = 1
  for (let round = 1; round <= options.rounds; round += 1) {
    rounds.push(await streamRound(bench, options, { file, first }))
    print(`round ${String(round)}: ${describeRound(rounds.at(-1), options.changes)}`)
    first += options.changes
  }
  const latency = await latencyOf(bench, options, folder.path)
  print(`latency at ${String(latency.changesPerSecond)} changes/s: p99 ${String(latency.p99Ms)} ms`)
  const debezium = options.vsDebezium ? await measureDebezium(bench, options, print) : null
  const version = await bench.sourceValue('SHOW server_version')
  return figuresOf(options, { snapshot, rounds, latency, debezium, version })
}

function runOnce(file: string): Promise<Measured> {
  return measureProgram(builtProgram, ['connect', 'run', file, '--log-level', 'error'], {
    flags: nodeFlags,
  })
}

/**
 * The same changes, read by each of them from a slot of its own: one after the other, so that none waits for
 * CPU.
 */
async function streamRound(
  bench: BenchServer,
  { changes, perTransaction, streaming }: CdcOptions,
  { file, first }: { readonly file: string; readonly first: number },
): Promise<StreamRound> {
  const native = new NativeSubscription(bench)
  await native.create(streaming)
  await createDecodeSlot(bench)
  const end = await makeChanges(bench.sourceUrl, first, { changes, perTransaction })
  // The server decodes up to the end of what it has flushed.
  await bench.source('CHECKPOINT')
  const decodeSeconds = await decodeUntil(bench, end)
  const ours = await runOnce(file)
  const nativeSeconds = await native.applyUntil(end)
  const [wanted, byUs, byNative] = [
    await bench.sourceValue(sumSql(changedTable)),
    await bench.value(sumSql(copied)),
    await bench.value(sumSql(changedTable)),
  ]
  if (byUs !== wanted || byNative !== wanted)
    throw new Error(`the rows differ: source ${wanted}, ours ${byUs}, native ${byNative}`)
  await dropDecodeSlot(bench)
  await native.drop()
  return { ours, nativeSeconds, decodeSeconds }
}

async function latencyOf(
  bench: BenchServer,
  { seconds }: CdcOptions,
  folder: string,
): Promise<Latency> {
  await bench.source(
    `CREATE TABLE ${ticksTable} (writer int, id int, n int, note text, PRIMARY KEY (writer, id, n))`,
    `INSERT INTO ${ticksTable} VALUES (0, 0, 0, 'first'), (1, 0, 0, 'first')`,
  )
  const file = join(folder, 'ticks.yaml')
  await writeFile(file, runFile(bench, ticksTable))
  return measureLatency(bench, {
    file,
    destination: `copy.${ticksTable}`,
    changesPerSecond: 2_000,
    seconds,
  })
}

function runFile(bench: BenchServer, table: string): string {
  const source = configOf(bench.sourceUrl)
  const slot = { replication: 'cdc', slot: table, publication: table }
  return JSON.stringify({
    connection: table,
    metadata: 'minimal',
    source: { type: 'postgres', config: { ...source, ...slot } },
    destination: {
      type: 'postgres',
      config: { ...configOf(bench.warehouseUrl), schema: 'copy' },
    },
    defaults: { sync_mode: 'incremental', destination_sync_mode: 'append_dedup' },
    streams: [{ name: table }],
  })
}

function configOf(url: string): Readonly<Record<string, string | number>> {
  const { hostname, port, username, password, pathname } = new URL(url)
  return {
    host: hostname,
    port: Number(port),
    user: username,
    password: decodeURIComponent(password),
    database: pathname.slice(1),
    ssl: 'disable',
  }
}

function describeRound(round: StreamRound | undefined, changes: number): string {
  if (round === undefined) return 'none'
  const rate = (seconds: number): string =>
    `${Math.round(changes / seconds).toLocaleString('en')}/s`
  return `ours ${rate(round.ours.seconds)}, native ${rate(round.nativeSeconds)}, pg_recvlogical ${rate(round.decodeSeconds)}`
}

interface Measurements {
  readonly snapshot: Measured
  readonly rounds: readonly StreamRound[]
  readonly latency: Latency
  readonly debezium: DebeziumRates | null
  readonly version: string
}

function figuresOf(
  { rows, changes, perTransaction, streaming }: CdcOptions,
  { snapshot, rounds, latency, debezium, version }: Measurements,
): CdcFigures {
  const seconds = median(rounds.map(({ ours }) => ours.seconds))
  const nativeSeconds = median(rounds.map((round) => round.nativeSeconds))
  const decodeSeconds = median(rounds.map((round) => round.decodeSeconds))
  const cpuSeconds = median(rounds.map(({ ours }) => ours.cpuSeconds))
  const snapshotRate = rows / snapshot.seconds
  const rate = changes / seconds
  return {
    rows,
    changes,
    per_transaction: perTransaction,
    native_streaming: streaming,
    server_version: version,
    snapshot_vs_debezium: debezium && ratio(snapshotRate, debezium.snapshot_rows_per_second),
    stream_vs_debezium: debezium && ratio(rate, debezium.changes_per_second),
    stream_vs_native: ratio(nativeSeconds, seconds),
    stream_vs_pg_recvlogical: ratio(decodeSeconds, seconds),
    p99_ms_2000: latency.p99Ms,
    latency,
    snapshot: { ...snapshot, rows_per_second: Math.round(snapshotRate) },
    stream: {
      seconds,
      cpuSeconds,
      peakRssMb: Math.max(...rounds.map(({ ours }) => ours.peakRssMb)),
      changes_per_second: Math.round(rate),
      cpu_us_per_change: Math.round((cpuSeconds / changes) * 1e7) / 10,
    },
    native_changes_per_second: Math.round(changes / nativeSeconds),
    pg_recvlogical_changes_per_second: Math.round(changes / decodeSeconds),
    debezium,
  }
}

function ratio(part: number, whole: number): number {
  return Math.round((part / whole) * 100) / 100
}

export function cdcTable(figures: CdcFigures): string {
  const rate = (value: number): string => value.toLocaleString('en').padStart(9)
  const { stream, snapshot, latency, debezium } = figures
  return [
    `PostgreSQL ${figures.server_version}; ${figures.rows.toLocaleString('en')} rows, ${figures.changes.toLocaleString('en')} changes in transactions of ${String(figures.per_transaction)}`,
    `first read        ${rate(snapshot.rows_per_second)} rows/s     peak ${String(snapshot.peakRssMb)} MB`,
    `changes           ${rate(stream.changes_per_second)} changes/s  ${String(stream.cpu_us_per_change)} us of CPU a change, peak ${String(stream.peakRssMb)} MB`,
    `native            ${rate(figures.native_changes_per_second)} changes/s  streaming = ${figures.native_streaming}; ours ${String(figures.stream_vs_native)} times`,
    `pg_recvlogical    ${rate(figures.pg_recvlogical_changes_per_second)} changes/s  into nothing; ours ${String(figures.stream_vs_pg_recvlogical)} times`,
    ...(debezium === null
      ? []
      : [
          `Debezium ${debezium.version}    ${rate(debezium.changes_per_second)} changes/s  ${rate(debezium.snapshot_rows_per_second)} rows/s; ours ${String(figures.stream_vs_debezium)} and ${String(figures.snapshot_vs_debezium)} times`,
        ]),
    `latency at ${String(latency.changesPerSecond)} changes/s: p50 ${String(latency.p50Ms)} ms, p99 ${String(latency.p99Ms)} ms, at most ${String(latency.mostMs)} ms`,
    '',
  ].join('\n')
}
