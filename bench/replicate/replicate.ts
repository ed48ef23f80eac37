import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { z } from 'zod'
import { pino } from 'pino'
import { connectorOf } from '../../connectors/registry.ts'
import { columnsOf } from '../../protocol/index.ts'
import { defaultLimits, type LogConfig, type RunPlan } from '../../engine/run-types.ts'
import type { SyncMode } from '../../sinks/sink.ts'
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
} from '../../service/postgres/embedded-postgres.ts'
import { median } from '../statistics.ts'
import { copyPipe, psqlVersion } from './copy-pipe.ts'
import { benchTable, createPipeTable, createSourceTable } from './source-table.ts'

export interface ReplicateOptions {
  readonly rows: number
  readonly log: LogConfig
  readonly mode: SyncMode
  readonly metadata: 'full' | 'minimal'
  readonly rounds: number
}

const runFigures = z.object({
  seconds: z.number(),
  peakRssMb: z.number(),
  cpuSeconds: z.number(),
  stages: z.record(z.string(), z.number()),
  result: z.looseObject({
    status: z.string(),
    streams: z.array(z.looseObject({ loaded: z.number(), error: z.unknown().optional() })),
  }),
})
type RunFigures = z.infer<typeof runFigures>

export interface ReplicateFigures {
  readonly rows: number
  readonly log: string
  readonly mode: SyncMode
  readonly metadata: string
  readonly pipeRowsPerSecond: number
  readonly rowsPerSecond: number
  /** Median of the rounds' ratios: this engine's rate / the COPY pipe's rate. */
  readonly ratio: number
  /** append_dedup: time of a second sync that reads everything again / time of the first. */
  readonly secondSyncRatio?: number
  readonly cpuSeconds: number
  readonly peakRssMb: number
  readonly stages: Readonly<Record<string, number>>
  readonly rounds: readonly { readonly pipeSeconds: number; readonly seconds: number }[]
}

/** Interleaved rounds of the psql COPY pipe and of this engine over the same table on the same server. */
export async function benchReplicate(
  options: ReplicateOptions,
  print: (line: string) => void,
): Promise<ReplicateFigures> {
  const version = psqlVersion()
  if (version === undefined)
    throw new Error(
      'psql is not installed: it makes the COPY pipe that the rate is compared with (Debian: apt-get install postgresql-client)',
    )
  const folder = await mkdtemp(join(tmpdir(), 'reactor-bench-'))
  try {
    await using server = await startEmbeddedPostgres({
      dataDir: folder,
      settings: { max_wal_size: '8GB', shared_buffers: '512MB', checkpoint_timeout: '30min' },
    })
    print(`${version}; ${String(options.rows)} rows`)
    await execute(server.url, ['CREATE DATABASE warehouse'])
    await execute(server.url, createSourceTable(options.rows))
    return await measure(options, server, print)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function measure(
  options: ReplicateOptions,
  server: EmbeddedPostgres,
  print: (line: string) => void,
): Promise<ReplicateFigures> {
  const warehouseUrl = databaseUrl(server.url, 'warehouse')
  const plan = await planOf(options, server)
  const rounds: Round[] = []
  // The first round warms caches and is not counted.
  for (let round = 0; round <= options.rounds; round++) {
    await execute(warehouseUrl, [...createPipeTable(), 'CHECKPOINT'])
    const pipe = await copyPipe({
      fromUrl: server.url,
      from: benchTable,
      toUrl: warehouseUrl,
      to: `pipe_${benchTable}`,
    })
    await execute(warehouseUrl, [
      'DROP SCHEMA IF EXISTS reactor_connect CASCADE',
      `DROP TABLE IF EXISTS ${benchTable}`,
      'CHECKPOINT',
    ])
    const named = { ...plan, connection: `bench-${Date.now().toString(36)}` }
    const figures = await loadAll(named, options.rows)
    // All rows exist by now: each is merged.
    const again = options.mode === 'append_dedup' ? await loadAll(named, options.rows) : undefined
    print(
      `${round === 0 ? 'warm-up' : `round ${String(round)}`}: COPY pipe ${pipe.seconds.toFixed(2)} s, engine ${figures.seconds.toFixed(2)} s, ratio ${(pipe.seconds / figures.seconds).toFixed(2)}${again === undefined ? '' : `, second sync ${again.seconds.toFixed(2)} s`}`,
    )
    if (round > 0) {
      const secondSeconds = again?.seconds
      rounds.push({ pipeSeconds: pipe.seconds, seconds: figures.seconds, secondSeconds, figures })
    }
  }
  const of = (value: (round: Round) => number): number => median(rounds.map(value))
  const names = Object.keys(rounds[0]?.figures.stages ?? {})
  return {
    rows: options.rows,
    log: options.log.kind === 'kafka' ? `kafka (${options.log.framing})` : 'embedded',
    mode: options.mode,
    metadata: options.metadata,
    pipeRowsPerSecond: Math.round(options.rows / of((round) => round.pipeSeconds)),
    rowsPerSecond: Math.round(options.rows / of((round) => round.seconds)),
    ratio: of((round) => round.pipeSeconds / round.seconds),
    ...(options.mode === 'append_dedup' && {
      secondSyncRatio: of((round) => (round.secondSeconds ?? NaN) / round.seconds),
    }),
    cpuSeconds: of((round) => round.figures.cpuSeconds),
    peakRssMb: Math.round(of((round) => round.figures.peakRssMb)),
    stages: Object.fromEntries(
      names.map((name) => [name, of((round) => round.figures.stages[name] ?? 0)]),
    ),
    rounds: rounds.map(({ pipeSeconds, seconds }) => ({ pipeSeconds, seconds })),
  }
}

async function planOf(options: ReplicateOptions, server: EmbeddedPostgres): Promise<RunPlan> {
  const { ssl, ...address } = server.address
  const config = { ...address, ssl, schemas: ['public'] }
  const context = {
    logger: pino({ level: 'silent' }),
    signal: new AbortController().signal,
    now: Date.now,
  }
  const { streams } = await connectorOf('postgres').discover(config, context)
  const stream = streams.find(({ name }) => name === benchTable)
  if (stream === undefined) throw new Error(`${benchTable} was not discovered`)
  return {
    connection: 'bench',
    source: { type: 'postgres', config },
    destination: {
      type: 'postgres',
      address: { ...server.address, database: 'warehouse' },
      schema: 'public',
    },
    log: options.log,
    limits: defaultLimits,
    streams: [
      {
        connection: 'bench',
        stream: {
          stream,
          sync_mode: 'full_refresh',
          destination_sync_mode: options.mode === 'append' ? 'append' : 'append_dedup',
          primary_key: [['id']],
        },
        columns: columnsOf(stream.json_schema),
        mode: options.mode,
        metadata: options.metadata,
        deletes: 'hard',
      },
    ],
  }
}

interface Round {
  readonly pipeSeconds: number
  readonly seconds: number
  readonly secondSeconds: number | undefined
  readonly figures: RunFigures
}

async function loadAll(plan: RunPlan, rows: number): Promise<RunFigures> {
  const figures = await runOnce(plan)
  const loaded = figures.result.streams[0]?.loaded
  if (figures.result.status === 'complete' && loaded === rows) return figures
  throw new Error(`the run did not load ${String(rows)} rows: ${JSON.stringify(figures.result)}`)
}

async function runOnce(plan: RunPlan): Promise<RunFigures> {
  const named = {
    ...plan,
    streams: plan.streams.map((stream) => ({ ...stream, connection: plan.connection })),
  }
  const child = spawn(process.execPath, [new URL('run-once.ts', import.meta.url).pathname], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.end(JSON.stringify(named))
  const output: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`the run exited with ${String(code)}`)
  return runFigures.parse(JSON.parse(Buffer.concat(output).toString('utf8')))
}

async function execute(url: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}

function databaseUrl(url: string, database: string): string {
  const changed = new URL(url)
  changed.pathname = `/${database}`
  return changed.href
}
