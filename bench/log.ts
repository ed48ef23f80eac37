import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { pino } from 'pino'
import { openLaneReader } from '../engine/log/lane.ts'
import { openStreamLog } from '../engine/log/open-stream-log.ts'
import type { LaneEndpoint, LaneReader } from '../engine/log/stream-log.ts'
import type { LogConfig } from '../engine/run-types.ts'
import type { LogWork } from './log-writer.ts'
import { median } from './statistics.ts'

export interface LogOptions {
  readonly rows: number
  readonly rounds: number
  /** Absent: the embedded log only. */
  readonly brokers?: readonly string[]
}

export interface LogFigures {
  readonly rows: number
  /** Medians of the rounds. */
  readonly logs: readonly {
    readonly log: string
    readonly rowsPerSecond: number
    readonly megabytesPerSecond: number
  }[]
}

const logger = pino({ level: 'silent' })

/**
 * A lane through each log: the writer in a worker thread, as in a run, the reader here; nothing is encoded or
 * loaded.
 */
export async function benchLog(
  options: LogOptions,
  print: (line: string) => void,
): Promise<LogFigures> {
  const logs = configsOf(options)
  const rounds: { seconds: number; bytes: number }[][] = []
  // The first round warms up and is not counted.
  for (let round = 0; round <= options.rounds; round++) {
    const results: { seconds: number; bytes: number }[] = []
    for (const { config } of logs) results.push(await passThrough(config, options.rows))
    const text = results.map(
      ({ seconds }, index) => `${logs[index]?.name ?? ''} ${seconds.toFixed(2)} s`,
    )
    print(`${round === 0 ? 'warm-up' : `round ${String(round)}`}: ${text.join(', ')}`)
    if (round > 0) rounds.push(results)
  }
  return {
    rows: options.rows,
    logs: logs.map(({ name }, index) => {
      const seconds = median(rounds.map((round) => round[index]?.seconds ?? Number.NaN))
      const bytes = rounds[0]?.[index]?.bytes ?? 0
      return {
        log: name,
        rowsPerSecond: Math.round(options.rows / seconds),
        megabytesPerSecond: bytes / 1e6 / seconds,
      }
    }),
  }
}

function configsOf({ brokers }: LogOptions): readonly {
  readonly name: string
  readonly config: LogConfig
}[] {
  const embedded = { name: 'embedded', config: { kind: 'embedded' } } as const
  if (brokers === undefined) return [embedded]
  const framings = ['block', 'record'] as const
  const kafka = framings.map((framing) => ({
    name: `kafka (${framing})`,
    config: { kind: 'kafka', brokers, framing, ssl: false } as const,
  }))
  return [embedded, ...kafka]
}

/** From the writer's first entry to the lane's close. */
async function passThrough(
  config: LogConfig,
  rows: number,
): Promise<{ seconds: number; bytes: number }> {
  await using log = await openStreamLog(config, logger)
  const connection = `bench-${Date.now().toString(36)}`
  const {
    lanes: [endpoint],
  } = await log.openStream({ connection, stream: { name: 'rows' }, partitions: 1 })
  if (endpoint === undefined) throw new Error('the log has no lane')
  const writer = startWriter(endpoint, rows)
  const exited = once(writer, 'exit')
  await once(writer, 'message')
  await using reader = await openLaneReader(endpoint.reader.address, {}, logger)
  const started = performance.now()
  writer.postMessage('start')
  const bytes = await readAll(reader, rows)
  const seconds = (performance.now() - started) / 1000
  await exited
  return { seconds, bytes }
}

function startWriter(endpoint: LaneEndpoint, rows: number): Worker {
  const work: LogWork = { address: endpoint.writer.address, rows }
  return new Worker(new URL('log-writer.ts', import.meta.url), {
    workerData: work,
    transferList: [...endpoint.writer.transfer],
  })
}

async function readAll(reader: LaneReader, rows: number): Promise<number> {
  const { signal } = new AbortController()
  let bytes = 0
  let count = 0
  for (;;) {
    const item = await reader.next(signal)
    if (item === undefined) break
    if (item.entry.type === 'records') {
      bytes += item.entry.bytes.length
      count += item.entry.count
    } else if (item.entry.type === 'state') reader.release()
    else if (item.entry.type === 'close') break
  }
  if (count !== rows) throw new Error(`${String(count)} of ${String(rows)} records came through`)
  return bytes
}

export function logTable({ rows, logs }: LogFigures): string {
  const lines = logs.map(
    ({ log, rowsPerSecond, megabytesPerSecond }) =>
      `${log.padEnd(16)} ${rowsPerSecond.toLocaleString('en').padStart(12)} rows/s  ${megabytesPerSecond.toFixed(0).padStart(6)} MB/s`,
  )
  return [`${rows.toLocaleString('en')} rows through one lane`, ...lines, ''].join('\n')
}
