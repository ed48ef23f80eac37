import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connectJars } from '../../test/kafka/connect/connect-jars.ts'
import { missingForMaven } from '../../test/kafka/java-and-jars.ts'
import { startBenchServer, type BenchServer } from '../bench-server.ts'
import { buildProgram, builtProgram } from '../built-program.ts'
import { dropEngineTables } from '../engine-run.ts'
import { copyPipe, psqlVersion } from '../replicate/copy-pipe.ts'
import {
  benchTable,
  createPipeTable,
  createSourceTable,
  pipeTable,
} from '../replicate/source-table.ts'
import { median } from '../statistics.ts'
import { debeziumProgram } from './debezium/debezium.ts'
import { dlt } from './dlt.ts'
import type { Peer } from './peer.ts'
import { inWorkDir, measure, requireRows, type Measured, type Program } from './program.ts'
import { pythonEnvironment, pythonVersion, type PythonEnvironment } from './python-environment.ts'
import { sling } from './sling.ts'

export interface PeersOptions {
  readonly rows: number
  readonly rounds: number
  /** The folder of the peers' virtual environments. */
  readonly cacheDir: string
  /** If given, the engine also runs through Kafka, and Debezium if there are Java and Maven. */
  readonly kafkaBrokers?: readonly string[]
}

export interface PeersFigures {
  readonly rows: number
  readonly rounds: number
  /** Medians over the rounds. */
  readonly programs: readonly {
    readonly name: string
    readonly note: string
    readonly rows: number
    readonly rowsPerSecond: number
    /** Median of the rounds' ratios to the COPY pipe of the same round. */
    readonly ratioToPipe: number
    readonly cpuSeconds?: number
    readonly peakRssMb?: number
  }[]
}

const allPeers: readonly Peer[] = [sling, dlt]

/**
 * The same table through the COPY pipe, this engine and its peers, one after the other in each round. A peer
 * that fails is an error, never a gap.
 */
export async function benchPeers(
  options: PeersOptions,
  print: (line: string) => void,
): Promise<PeersFigures> {
  const python = pythonVersion()
  if (python === undefined || psqlVersion() === undefined)
    throw new Error('the peers need python3 (with venv and pip), and the COPY pipe needs psql')
  await buildProgram()
  const environments = new Map<Peer, PythonEnvironment>()
  for (const peer of allPeers) {
    print(`${peer.name}: installing with ${python}, where it is not yet`)
    const name = peer.name.split(' ')[0] ?? peer.name
    environments.set(
      peer,
      await pythonEnvironment(options.cacheDir, name.toLowerCase(), peer.packages),
    )
  }
  // Debezium reads changes through a slot.
  await using bench = await startBenchServer({ wal_level: 'logical' })
  await bench.source(...createSourceTable(options.rows), 'CHECKPOINT')
  const programs = [
    pipeProgram(bench, options.rows),
    engineProgram(bench, options.rows),
    ...[...environments].map(([peer, environment]) =>
      peerProgram(bench, { peer, environment, rows: options.rows }),
    ),
    ...(options.kafkaBrokers === undefined
      ? []
      : await kafkaPrograms(bench, { ...options, brokers: options.kafkaBrokers }, print)),
  ]
  return figuresOf(options, programs, await runRounds(options, programs, print))
}

async function kafkaPrograms(
  bench: BenchServer,
  options: {
    readonly rows: number
    readonly cacheDir: string
    readonly brokers: readonly string[]
  },
  print: (line: string) => void,
): Promise<readonly Program[]> {
  const engine = engineProgram(bench, options.rows, options.brokers)
  const missing = missingForMaven()
  if (missing !== undefined) {
    print(`Debezium is left out: ${missing}`)
    return [engine]
  }
  print('Debezium: fetching its jars, where they are not yet')
  const jars = await connectJars(['postgres', 'jdbc'], options.cacheDir)
  return [engine, await debeziumProgram(bench, { ...options, jars })]
}

type Round = readonly Measured[]

async function runRounds(
  options: PeersOptions,
  programs: readonly Program[],
  print: (line: string) => void,
): Promise<readonly Round[]> {
  const rounds: Round[] = []
  // The first round warms caches and is not counted.
  for (let round = 0; round <= options.rounds; round++) {
    const results: Measured[] = []
    for (const program of programs) results.push(await program.once())
    const label = round === 0 ? 'warm-up' : `round ${String(round)}`
    const seconds = results.map(
      (result, index) => `${programs[index]?.name ?? ''} ${result.seconds.toFixed(2)} s`,
    )
    print(`${label}: ${seconds.join(', ')}`)
    if (round > 0) rounds.push(results)
  }
  return rounds
}

function figuresOf(
  options: PeersOptions,
  programs: readonly Program[],
  rounds: readonly Round[],
): PeersFigures {
  const medianOf = (value: (round: Round) => number | undefined): number | undefined => {
    const values = rounds.map(value).filter((number) => number !== undefined)
    return values.length === 0 ? undefined : median(values)
  }
  return {
    rows: options.rows,
    rounds: options.rounds,
    programs: programs.map(({ name, note, rows }, index) => {
      const rateIn = (round: Round, index: number): number =>
        (programs[index]?.rows ?? 0) / (round[index]?.seconds ?? Number.NaN)
      const cpuSeconds = medianOf((round) => round[index]?.cpuSeconds)
      const peakRssMb = medianOf((round) => round[index]?.peakRssMb)
      return {
        name,
        note,
        rows,
        rowsPerSecond: Math.round(medianOf((round) => rateIn(round, index)) ?? 0),
        ratioToPipe: medianOf((round) => rateIn(round, index) / rateIn(round, 0)) ?? 0,
        ...(cpuSeconds !== undefined && { cpuSeconds }),
        ...(peakRssMb !== undefined && { peakRssMb }),
      }
    }),
  }
}

function pipeProgram(bench: BenchServer, rows: number): Program {
  return {
    name: 'psql COPY pipe',
    note: 'table without a key; the limit of the server and the machine',
    rows,
    async once() {
      await bench.warehouse(...createPipeTable('no_key'), 'CHECKPOINT')
      return copyPipe({
        fromUrl: bench.sourceUrl,
        from: benchTable,
        toUrl: bench.warehouseUrl,
        to: pipeTable,
      })
    },
  }
}

/**
 * As a user runs it, in a process of its own: like the peers, it begins with nothing and finds the table
 * itself.
 */
function engineProgram(bench: BenchServer, rows: number, brokers?: readonly string[]): Program {
  const log = brokers === undefined ? 'embedded log' : 'Kafka, block framing'
  return {
    name: brokers === undefined ? 'Reactor Connect' : 'Reactor Connect, Kafka',
    note: `${log}, append, metadata minimal, table without a key`,
    rows,
    once: () =>
      inWorkDir(async (workDir) => {
        await bench.warehouse(...dropEngineTables)
        const file = join(workDir, 'run.yaml')
        await writeFile(file, runFileOf(bench, brokers))
        const argv = [process.execPath, builtProgram, 'connect', 'run', file]
        const result = await measure({ argv, environment: {} }, workDir)
        await requireRows(bench, { table: benchTable, rows })
        return result
      }),
  }
}

/** JSON is YAML. */
function runFileOf({ server }: BenchServer, brokers?: readonly string[]): string {
  return JSON.stringify({
    // A connection of its own each time: its topics are new.
    connection: `bench-${Date.now().toString(36)}`,
    ...(brokers !== undefined && { log: { kafka: { brokers } } }),
    source: { type: 'postgres', config: { ...server.address, schemas: ['public'] } },
    destination: {
      type: 'postgres',
      config: { ...server.address, database: 'warehouse', schema: 'public' },
    },
    metadata: 'minimal',
    streams: [{ name: benchTable, sync_mode: 'full_refresh', destination_sync_mode: 'append' }],
  })
}

interface InstalledPeer {
  readonly peer: Peer
  readonly environment: PythonEnvironment
}

function peerProgram(
  bench: BenchServer,
  { peer, environment, rows }: InstalledPeer & { readonly rows: number },
): Program {
  return {
    name: peer.name,
    note: peer.note,
    rows,
    once: () =>
      inWorkDir(async (workDir) => {
        await bench.warehouse('DROP SCHEMA IF EXISTS peer CASCADE', 'CREATE SCHEMA peer')
        await bench.warehouse('CHECKPOINT')
        const work = {
          sourceUrl: bench.sourceUrl,
          targetUrl: bench.warehouseUrl,
          table: `public.${benchTable}`,
          targetSchema: 'peer',
          targetTable: 'copied',
          workDir,
        }
        const result = await measure(peer.command(environment, work), workDir)
        await requireRows(bench, { table: 'peer.copied', rows })
        return result
      }),
  }
}

export function peersMarkdown({ rows, rounds, programs }: PeersFigures): string {
  const number = (value: number | undefined, digits: number): string =>
    value === undefined ? '' : value.toFixed(digits)
  const lines = programs.map(
    ({ name, note, rowsPerSecond, ratioToPipe, cpuSeconds, peakRssMb }) =>
      `| ${name} | ${rowsPerSecond.toLocaleString('en')} | ${ratioToPipe.toFixed(2)} | ${number(cpuSeconds, 1)} | ${number(peakRssMb, 0)} | ${note} |`,
  )
  return [
    `${rows.toLocaleString('en')} rows of 12 columns, Postgres to Postgres on one server, start-up included; medians of ${String(rounds)} interleaved rounds.`,
    '',
    '| program | rows/s | / COPY pipe | CPU s (its own processes) | peak RSS MB | how |',
    '|---|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n')
}
