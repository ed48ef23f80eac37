import { spawn } from 'node:child_process'
import { pino } from 'pino'
import { z } from 'zod'
import { connectorOf } from '../connectors/registry.ts'
import { defaultLimits, type LogConfig, type RunPlan } from '../engine/run-types.ts'
import { columnsOf } from '../protocol/index.ts'
import type { Metadata, SyncMode } from '../sinks/sink.ts'
import type { BenchServer } from './bench-server.ts'
import { benchTable } from './replicate/source-table.ts'

const engineFigures = z.object({
  seconds: z.number(),
  peakRssMb: z.number(),
  cpuSeconds: z.number(),
  /** Seconds by stage, summed over threads. */
  stages: z.record(z.string(), z.number()),
  result: z.looseObject({
    status: z.string(),
    streams: z.array(z.looseObject({ loaded: z.number() })),
  }),
})
export type EngineFigures = z.infer<typeof engineFigures>

export interface EngineOptions {
  readonly connection: string
  readonly log: LogConfig
  readonly mode: SyncMode
  readonly metadata: Metadata
}

/** The same settings as the other programs. A new connection each time, so that every run is a first run. */
export function firstRun(): EngineOptions {
  const connection = `bench-${Date.now().toString(36)}`
  return { connection, log: { kind: 'embedded' }, mode: 'append', metadata: 'minimal' }
}

/**
 * Loads the benchmark's table into the server's `warehouse` once, in a process of its own. Throws unless it
 * loaded `rows`.
 */
export async function runEngine(
  bench: BenchServer,
  rows: number,
  options: EngineOptions = firstRun(),
): Promise<EngineFigures> {
  const plan = await planOf(bench, options)
  const child = spawn(
    process.execPath,
    [new URL('replicate/run-once.ts', import.meta.url).pathname],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  child.stdin.end(JSON.stringify(plan))
  const output: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`the run exited with ${String(code)}`)
  const figures = engineFigures.parse(JSON.parse(Buffer.concat(output).toString('utf8')))
  if (figures.result.status !== 'complete' || figures.result.streams[0]?.loaded !== rows)
    throw new Error(`the run did not load ${String(rows)} rows: ${JSON.stringify(figures.result)}`)
  return figures
}

/** As a run file would say it. */
async function planOf(
  { server }: BenchServer,
  { connection, log, mode, metadata }: EngineOptions,
): Promise<RunPlan> {
  const { ssl, ...address } = server.address
  const config = { ...address, ssl, schemas: ['public'] }
  const context = {
    logger: pino({ level: 'silent' }),
    signal: new AbortController().signal,
    allowedNetworks: [],
    now: Date.now,
  }
  const { streams } = await (await connectorOf('postgres')).discover(config, context)
  const stream = streams.find(({ name }) => name === benchTable)
  if (stream === undefined) throw new Error(`${benchTable} was not discovered`)
  return {
    connection,
    source: { type: 'postgres', config },
    destination: {
      type: 'postgres',
      address: { ...server.address, database: 'warehouse' },
      schema: 'public',
    },
    log,
    limits: defaultLimits(log.kind),
    streams: [
      {
        connection,
        stream: {
          stream,
          sync_mode: 'full_refresh',
          destination_sync_mode: mode === 'append' ? 'append' : 'append_dedup',
          primary_key: [['id']],
        },
        columns: columnsOf(stream.json_schema),
        mode,
        metadata,
        deletes: 'hard',
      },
    ],
  }
}

/** Drops everything that a run left in `warehouse`. */
export const dropEngineTables: readonly string[] = [
  'DROP SCHEMA IF EXISTS reactor_connect CASCADE',
  `DROP TABLE IF EXISTS ${benchTable}`,
  'CHECKPOINT',
]
