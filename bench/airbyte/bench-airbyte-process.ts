import { spawn } from 'node:child_process'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { importedProcess } from '../../connectors/catalog.ts'
import {
  standardLimits,
  type ProcessDefinition,
} from '../../connectors/airbyte-process/definition.ts'
import { startBenchServer, type BenchServer } from '../bench-server.ts'
import { builtProgram, buildProgram } from '../built-program.ts'
import { inWorkDir, measure } from '../peers/program.ts'
import { pythonEnvironment, pythonVersion } from '../peers/python-environment.ts'
import { median } from '../statistics.ts'

export interface AirbyteProcessOptions {
  /** In each stream. */
  readonly records: number
  readonly rounds: number
  /** Where the packages of Python are installed. */
  readonly cacheDir: string
  readonly print: (line: string) => void
}

interface SourceFigures {
  readonly source: string
  readonly records: number
  /** The process alone, its output into nothing: the limit. */
  readonly null_records_per_second: number
  /** Through us into PostgreSQL. */
  readonly us_records_per_second: number
  /** Through PyAirbyte into its cache; null if it is not installed. */
  readonly pyairbyte_records_per_second: number | null
  readonly ratio_null: number
  readonly ratio_pyairbyte: number | null
}

export interface AirbyteProcessFigures {
  readonly rounds: number
  /** The ratio of Airbyte's connector in Python, or of the one in Node if there is no Python. */
  readonly ratio_null: number
  readonly sources: readonly SourceFigures[]
}

interface BenchSource {
  readonly name: string
  readonly command: readonly string[]
  readonly config: object
  readonly environment: Readonly<Record<string, string>>
  readonly streams: readonly string[]
  readonly records: number
}

const fakerPackage = 'airbyte-source-faker'
const pyairbyte = 'airbyte==0.71.3'

export async function benchAirbyteProcess(
  options: AirbyteProcessOptions,
): Promise<AirbyteProcessFigures> {
  const { print, rounds } = options
  await buildProgram()
  await using bench = await startBenchServer()
  const python = await pythonParts(options)
  const sources = [nodeSource(options), ...(python === undefined ? [] : [python.source])]
  const figures: SourceFigures[] = []
  for (const source of sources) {
    print(`${source.name}: ${source.records.toLocaleString('en')} records`)
    figures.push(await measureSource(source, { ...options, bench, pyairbyte: python?.pyairbyte }))
  }
  return { rounds, ratio_null: figures.at(-1)?.ratio_null ?? Number.NaN, sources: figures }
}

/** Undefined if the packages cannot be installed here. */
async function pythonParts({
  cacheDir,
  records,
  print,
}: AirbyteProcessOptions): Promise<
  { readonly source: BenchSource; readonly pyairbyte: string } | undefined
> {
  if (pythonVersion() === undefined) return undefined
  try {
    const faker = await pythonEnvironment(cacheDir, 'source-faker', [fakerPackage])
    const driver = await pythonEnvironment(cacheDir, 'pyairbyte', [pyairbyte])
    const count = Math.max(1_000, Math.round(records / 5))
    const source = {
      name: fakerPackage,
      command: [join(faker.folder, 'bin', 'source-faker')],
      config: { count, seed: 1, parallelism: 1, records_per_slice: 1_000 },
      environment: { PATH: process.env.PATH ?? '' },
      streams: ['users'],
      records: count,
    }
    return { source, pyairbyte: driver.python }
  } catch (error) {
    print(`without Python: ${String(error)}`)
    return undefined
  }
}

function nodeSource({ records }: AirbyteProcessOptions): BenchSource {
  const program = new URL('fast-source.ts', import.meta.url).pathname
  return {
    name: 'a source in Node',
    command: [process.execPath, program],
    config: {},
    environment: { PATH: process.env.PATH ?? '', FAST_SOURCE_RECORDS: String(records) },
    streams: ['people'],
    records,
  }
}

interface MeasureOptions extends AirbyteProcessOptions {
  readonly bench: BenchServer
  readonly pyairbyte: string | undefined
}

async function measureSource(
  source: BenchSource,
  { bench, rounds, print, pyairbyte: python }: MeasureOptions,
): Promise<SourceFigures> {
  const rates = { null: [] as number[], us: [] as number[], pyairbyte: [] as number[] }
  const note = (name: keyof typeof rates, round: number, seconds: number): void => {
    const rate = source.records / seconds
    print(`  ${round === 0 ? 'warm-up' : `round ${round}`}: ${name} ${Math.round(rate)}/s`)
    if (round > 0) rates[name].push(rate)
  }
  for (let round = 0; round <= rounds; round += 1) {
    note('null', round, await inWorkDir((folder) => readIntoNothing(source, folder)))
    note('us', round, await inWorkDir((folder) => readIntoPostgres(source, { bench, folder })))
    if (python !== undefined)
      note(
        'pyairbyte',
        round,
        await inWorkDir((folder) => readIntoCache(source, { python, folder })),
      )
  }
  const [alone, us] = [median(rates.null), median(rates.us)]
  const cache = rates.pyairbyte.length === 0 ? null : median(rates.pyairbyte)
  return {
    source: source.name,
    records: source.records,
    null_records_per_second: Math.round(alone),
    us_records_per_second: Math.round(us),
    pyairbyte_records_per_second: cache === null ? null : Math.round(cache),
    ratio_null: us / alone,
    ratio_pyairbyte: cache === null ? null : us / cache,
  }
}

/** The process alone. Its catalog is that of its own `discover`. */
async function readIntoNothing(source: BenchSource, folder: string): Promise<number> {
  const [program = '', ...args] = source.command
  const files = { config: source.config, catalog: await catalogOf(source, folder) }
  const options: string[] = []
  for (const [name, document] of Object.entries(files)) {
    const path = join(folder, `${name}.json`)
    await writeFile(path, JSON.stringify(document))
    options.push(`--${name}`, path)
  }
  const started = performance.now()
  const child = spawn(program, [...args, 'read', ...options], {
    env: source.environment,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`${program} exited with ${String(code)}`)
  return (performance.now() - started) / 1000
}

interface Discovered {
  readonly name: string
}

async function catalogOf(source: BenchSource, folder: string): Promise<object> {
  const [program = '', ...args] = source.command
  const config = join(folder, 'discover.json')
  await writeFile(config, JSON.stringify(source.config))
  const child = spawn(program, [...args, 'discover', '--config', config], {
    env: source.environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const output: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
  await new Promise((resolve) => child.once('close', resolve))
  const line = Buffer.concat(output)
    .toString('utf8')
    .split('\n')
    .find((text) => text.includes('"CATALOG"'))
  const { catalog } = JSON.parse(line ?? '{}') as {
    readonly catalog: { readonly streams: readonly Discovered[] }
  }
  return {
    streams: catalog.streams
      .filter(({ name }) => source.streams.includes(name))
      .map((stream) => ({ stream, sync_mode: 'full_refresh', destination_sync_mode: 'append' })),
  }
}

/** As a user runs it, in a process of its own. */
async function readIntoPostgres(
  source: BenchSource,
  { bench, folder }: { readonly bench: BenchServer; readonly folder: string },
): Promise<number> {
  const schema = `s_${Date.now().toString(36)}`
  const definition: ProcessDefinition = {
    name: 'bench',
    title: source.name,
    command: [...source.command],
    environment: { ...source.environment },
    spec: { type: 'object', additionalProperties: true },
    ...standardLimits,
  }
  const catalog = join(folder, 'catalog')
  const file = importedProcess(catalog, 'bench')
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, JSON.stringify(definition))
  const run = join(folder, 'run.yaml')
  const document = {
    connection: schema,
    metadata: 'minimal',
    source: { type: 'bench', config: source.config },
    destination: { type: 'postgres', url: bench.warehouseUrl, config: { schema } },
    streams: source.streams.map((name) => ({
      name,
      sync_mode: 'full_refresh',
      destination_sync_mode: 'append',
    })),
  }
  await writeFile(run, JSON.stringify(document))
  const { seconds } = await measure(
    {
      argv: [process.execPath, builtProgram, 'connect', 'run', run],
      environment: {
        REACTOR_CONNECT_CATALOG_DIR: catalog,
        REACTOR_CONNECT_AIRBYTE_ENABLED: 'true',
      },
    },
    folder,
  )
  for (const name of source.streams) {
    const loaded = await bench.value(`SELECT count(DISTINCT id) FROM ${schema}.${name}`)
    if (loaded !== String(source.records)) throw new Error(`${schema}.${name} has ${loaded} rows`)
  }
  await bench.warehouse(`DROP SCHEMA ${schema} CASCADE`)
  return seconds
}

async function readIntoCache(
  source: BenchSource,
  { python, folder }: { readonly python: string; readonly folder: string },
): Promise<number> {
  const executable = join(folder, 'source-bench')
  const words = source.command.map((word) => `'${word}'`).join(' ')
  const variables = Object.entries(source.environment)
    .map(([name, value]) => `export ${name}='${value}'\n`)
    .join('')
  await writeFile(executable, `#!/bin/sh\n${variables}exec ${words} "$@"\n`)
  await chmod(executable, 0o755)
  const script = new URL('pyairbyte_cache.py', import.meta.url).pathname
  const argv = [python, script, executable, JSON.stringify(source.config), source.streams.join()]
  const environment = { AIRBYTE_OFFLINE_MODE: '1', DO_NOT_TRACK: '1' }
  const started = performance.now()
  await new Promise<void>((resolve, reject) => {
    const [program = '', ...args] = argv
    const child = spawn(program, args, {
      cwd: folder,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const errors: Buffer[] = []
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk))
    child.once('close', (code) => {
      if (code === 0) resolve()
      else reject(new Error(Buffer.concat(errors).toString('utf8').slice(-2_000)))
    })
  })
  return (performance.now() - started) / 1000
}

export function airbyteProcessTable({ rounds, sources }: AirbyteProcessFigures): string {
  const rate = (value: number | null): string => (value === null ? '-' : value.toLocaleString('en'))
  const rows = sources.map(
    (source) =>
      `${source.source}: alone ${rate(source.null_records_per_second)}/s, into PostgreSQL ${rate(source.us_records_per_second)}/s (${source.ratio_null.toFixed(2)}), PyAirbyte ${rate(source.pyairbyte_records_per_second)}/s`,
  )
  return `${rows.join('\n')}\nmedians of ${rounds} rounds\n`
}
