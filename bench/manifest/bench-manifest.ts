import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { pythonEnvironment, pythonVersion } from '../peers/python-environment.ts'
import { median } from '../statistics.ts'

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

const measured = z.object({ seconds: z.number(), cpuSeconds: z.number(), peakRssMb: z.number() })
type Measured = z.infer<typeof measured>

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
const folder = new URL('.', import.meta.url).pathname
const manifest = join(folder, 'manifest.yaml')

/** Reads a paged API on loopback through the interpreter, and through airbyte-cdk beside it, both as whole processes. */
export async function benchManifest(
  options: ManifestBenchOptions,
  print: (line: string) => void,
): Promise<ManifestFigures> {
  const cdk = options.vsCdk ? await installCdk(options.cacheDir, print) : undefined
  const figures: ShapeFigures[] = []
  for (const shape of shapes) figures.push(await benchShape(shape, options, { cdk, print }))
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

async function benchShape(
  shape: Shape,
  { records, rounds }: ManifestBenchOptions,
  { cdk, print }: { readonly cdk: string | undefined; readonly print: (line: string) => void },
): Promise<ShapeFigures> {
  await using api = await startApi(records, shape)
  await using files = await writeFiles(api.url)
  const ours: Measured[] = []
  const theirs: Measured[] = []
  for (let round = 0; round <= rounds; round++) {
    const own = await runOwn(files)
    const peer = cdk === undefined ? undefined : await runCdk(cdk, files)
    const label = round === 0 ? 'warm-up' : `round ${String(round)}`
    print(
      `${String(shape.pageSize)} a page, ${String(shape.bytes)} B, ${label}: ${own.cpuSeconds.toFixed(2)} s CPU${peer === undefined ? '' : `, airbyte-cdk ${peer.cpuSeconds.toFixed(2)} s`}`,
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
  const of = (value: (run: Measured) => number): number => median(runs.map(value))
  return {
    recordsPerSecond: Math.round(records / of(({ seconds }) => seconds)),
    cpuMicrosPerRecord: (of(({ cpuSeconds }) => cpuSeconds) / records) * 1e6,
    peakRssMb: Math.round(of(({ peakRssMb }) => peakRssMb)),
  }
}

async function startApi(records: number, { pageSize, bytes }: Shape) {
  const argv = [join(folder, 'api-server.ts'), ...[records, pageSize, bytes].map(String)]
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [port] = (await once(child.stdout, 'data')) as [Buffer]
  return {
    url: `http://127.0.0.1:${port.toString().trim()}`,
    async [Symbol.asyncDispose]() {
      child.kill()
      await once(child, 'exit')
    },
  }
}

interface Files extends AsyncDisposable {
  readonly config: string
  readonly catalog: string
}

async function writeFiles(url: string): Promise<Files> {
  const directory = await mkdtemp(join(tmpdir(), 'reactor-bench-manifest-'))
  const config = join(directory, 'config.json')
  const catalog = join(directory, 'catalog.json')
  await writeFile(config, JSON.stringify({ url }))
  const stream = {
    name: 'items',
    json_schema: { type: 'object', properties: {} },
    supported_sync_modes: ['full_refresh', 'incremental'],
  }
  const configured = { stream, sync_mode: 'incremental', destination_sync_mode: 'append' }
  await writeFile(catalog, JSON.stringify({ streams: [configured] }))
  return {
    config,
    catalog,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  }
}

async function runOwn({ config, catalog }: Files): Promise<Measured> {
  const command = ['connect', 'source', 'read', '--manifest', manifest]
  const files = ['--config', config, '--catalog', catalog]
  const started = performance.now()
  const child = spawn(process.execPath, [join(folder, 'read-once.ts'), ...command, ...files], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    env: { ...process.env, REACTOR_CONNECT_ALLOWED_NETWORKS: '127.0.0.0/8' },
  })
  const figures: Buffer[] = []
  child.stdio[3]?.on('data', (chunk: Buffer) => figures.push(chunk))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`the read exited with ${String(code)}`)
  const usage: unknown = JSON.parse(Buffer.concat(figures).toString('utf8'))
  const seconds = (performance.now() - started) / 1000
  return measured.parse({ ...Object(usage), seconds })
}

async function runCdk(program: string, { config, catalog }: Files): Promise<Measured> {
  const measure = new URL('../peers/measure.py', import.meta.url).pathname
  const argv = [program, 'read', '--config', config, '--catalog', catalog]
  const child = spawn('python3', [measure, ...argv, '--manifest-path', manifest], {
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
