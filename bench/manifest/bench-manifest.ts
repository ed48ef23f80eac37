import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { pythonEnvironment, pythonVersion } from '../peers/python-environment.ts'
import { buildProgram } from '../built-program.ts'
import { median } from '../statistics.ts'
import { measured, type Measured } from '../measured-process.ts'
import { pagedManifest, readSource, startApi, writeFiles, type Files } from './read-source.ts'

export interface ManifestBenchOptions {
  readonly records: number
  readonly rounds: number
  /** Also through airbyte-cdk, in the same rounds. */
  readonly vsCdk: boolean
  readonly cacheDir: string
}

interface Shape {
  readonly pageSize: number
  readonly bytes: number
}

const shapes: readonly Shape[] = [
  { pageSize: 100, bytes: 300 },
  { pageSize: 1000, bytes: 300 },
  { pageSize: 100, bytes: 1000 },
  { pageSize: 1000, bytes: 1000 },
]

/** Medians of whole processes, start-up included. */
export interface ShapeFigures extends Shape {
  readonly recordsPerSecond: number
  readonly cpuMicrosPerRecord: number
  readonly peakRssMb: number
  readonly cdk?: {
    readonly recordsPerSecond: number
    readonly cpuMicrosPerRecord: number
    readonly peakRssMb: number
  }
  /** CPU of airbyte-cdk / CPU of this interpreter. */
  readonly cpuRatio?: number
}

export interface ManifestFigures {
  readonly records: number
  readonly rounds: number
  readonly shapes: readonly ShapeFigures[]
  /** The smallest of the shapes' ratios. */
  readonly cpu_ratio?: number
}

const cdkVersion = '7.39.1'

/**
 * Reads a paged API on loopback through the interpreter, and through airbyte-cdk beside it, both as whole
 * processes.
 */
export async function benchManifest(
  options: ManifestBenchOptions,
  print: (line: string) => void,
): Promise<ManifestFigures> {
  await buildProgram()
  const cdk = options.vsCdk ? await installCdk(options.cacheDir, print) : undefined
  const figures: ShapeFigures[] = []
  for (const [index, shape] of shapes.entries())
    figures.push(await benchShape(shape, options, { cdk, print, warmsUp: index === 0 }))
  const ratios = figures.flatMap(({ cpuRatio }) => cpuRatio ?? [])
  return {
    records: options.records,
    rounds: options.rounds,
    shapes: figures,
    ...(ratios.length > 0 && { cpu_ratio: Math.min(...ratios) }),
  }
}

async function installCdk(cacheDir: string, print: (line: string) => void): Promise<string> {
  if (pythonVersion() === undefined)
    throw new Error('--vs-cdk needs python3 (with venv and pip) to run airbyte-cdk')
  print(`airbyte-cdk ${cdkVersion}: installing, where it is not yet`)
  const environment = await pythonEnvironment(cacheDir, 'airbyte-cdk', [
    `airbyte-cdk==${cdkVersion}`,
  ])
  return join(environment.folder, 'bin', 'source-declarative-manifest')
}

interface ShapeRun {
  readonly cdk: string | undefined
  readonly print: (line: string) => void
  /** A first round that does not count fills the compile caches of both. */
  readonly warmsUp: boolean
}

async function benchShape(
  shape: Shape,
  { records, rounds }: ManifestBenchOptions,
  { cdk, print, warmsUp }: ShapeRun,
): Promise<ShapeFigures> {
  const { pageSize, bytes } = shape
  await using api = await startApi('api-server.ts', [records, pageSize, bytes])
  await using files = await writeFiles(api.url)
  const ours: Measured[] = []
  const theirs: Measured[] = []
  for (let round = warmsUp ? 0 : 1; round <= rounds; round++) {
    const own = await readSource(pagedManifest, files)
    const peer = cdk === undefined ? undefined : await runCdk(cdk, files)
    const label = round === 0 ? 'warm-up' : `round ${String(round)}`
    print(
      `${String(pageSize)} a page, ${String(bytes)} B, ${label}: ${own.cpuSeconds.toFixed(2)} s CPU${peer === undefined ? '' : `, airbyte-cdk ${peer.cpuSeconds.toFixed(2)} s`}`,
    )
    if (round === 0) continue
    ours.push(own)
    if (peer !== undefined) theirs.push(peer)
  }
  const own = summary(ours, records)
  if (theirs.length === 0) return { ...shape, ...own }
  const peer = summary(theirs, records)
  const cpuRatio = median(
    ours.map(({ cpuSeconds }, index) => (theirs[index]?.cpuSeconds ?? Number.NaN) / cpuSeconds),
  )
  return { ...shape, ...own, cdk: peer, cpuRatio }
}

function summary(runs: readonly Measured[], records: number) {
  const medianOf = (value: (run: Measured) => number): number => median(runs.map(value))
  return {
    recordsPerSecond: Math.round(records / medianOf(({ seconds }) => seconds)),
    cpuMicrosPerRecord: (medianOf(({ cpuSeconds }) => cpuSeconds) / records) * 1e6,
    peakRssMb: Math.round(medianOf(({ peakRssMb }) => peakRssMb)),
  }
}

async function runCdk(program: string, { config, catalog }: Files): Promise<Measured> {
  const measure = new URL('../peers/measure.py', import.meta.url).pathname
  const argv = [program, 'read', '--config', config, '--catalog', catalog]
  const child = spawn('python3', [measure, ...argv, '--manifest-path', pagedManifest], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const output: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`airbyte-cdk exited with ${String(code)}`)
  return measured.parse(JSON.parse(Buffer.concat(output).toString('utf8')))
}

export function manifestTable({ records, rounds, shapes: all }: ManifestFigures): string {
  const lines = all.map(
    ({ pageSize, bytes, recordsPerSecond, cpuMicrosPerRecord, peakRssMb, cdk, cpuRatio }) =>
      `| ${String(pageSize)} | ${String(bytes)} | ${recordsPerSecond.toLocaleString('en')} | ${cpuMicrosPerRecord.toFixed(1)} | ${String(peakRssMb)} | ${cdk === undefined ? '' : `${cdk.recordsPerSecond.toLocaleString('en')} | ${cdk.cpuMicrosPerRecord.toFixed(1)} | ${String(cdk.peakRssMb)}`} | ${cpuRatio?.toFixed(1) ?? ''} |`,
  )
  return [
    `${records.toLocaleString('en')} records, whole processes, start-up included; medians of ${String(rounds)} interleaved rounds.`,
    '',
    '| records a page | bytes a record | records/s | CPU us a record | peak MB | airbyte-cdk records/s | CPU us | peak MB | CPU ratio |',
    '|---|---|---|---|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n')
}
