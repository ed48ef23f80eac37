import { homedir } from 'node:os'
import { join } from 'node:path'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { pythonEnvironment } from '../../../bench/peers/python-environment.ts'
import { run, startRun } from '../../cli/reactor-command.ts'
import { newFolder } from '../../support/new-folder.ts'
import { testDatabase, type TestDatabase } from '../../support/postgres.ts'
import { builtProgram } from '../../support/program.ts'
import { runFile } from '../../support/run-file.ts'
import { BareConnector, type BareStream } from './pypi/bare-connector.ts'
import { compareTable, newestOfEachKey } from './pypi/compared-table.ts'
import type { ConnectorCase, ConnectorWorld } from './pypi/connector-case.ts'
import { ownCases } from './pypi/own-cases.ts'
import { vendorCases } from './pypi/vendor-cases.ts'
import { VendorNetwork } from './pypi/vendor-network.ts'
import { until } from './until.ts'

const cacheDir = join(homedir(), '.cache', 'reactor-connect-test')
const execute = promisify(execFile)
const only = process.env.AIRBYTE_CONNECTORS?.split(',')
const cases = [...vendorCases, ...ownCases].filter(
  ({ name, isUnproved }) => only?.includes(name) ?? isUnproved !== true,
)
const reports: string[] = []

// They install packages from the package index: only if it is asked for.
describe.skipIf(process.env.AIRBYTE_PYPI !== '1')('connectors of PyPI', () => {
  afterAll(() => {
    process.stdout.write(`\n${reports.join('\n')}\n`)
  })

  for (const sample of cases)
    test(
      `airbyte-source-${sample.name} ${sample.version} is loaded through a kill -9, equal to what it prints by itself`,
      { timeout: 900_000 },
      async () => {
        const program = await installed(sample)
        const world = await sample.open()
        try {
          await using network = await VendorNetwork.start(world.vendors)
          await using database = await testDatabase()
          const bench = new Bench({ sample, program, world, network, database })
          reports.push(...(await bench.play()))
          expect([...network.unknownHosts]).toEqual([])
        } finally {
          await world.close?.()
        }
      },
    )
})

/** The program of the package, in an environment that the tests keep. */
async function installed({ name, version }: ConnectorCase): Promise<string> {
  const packages = [`airbyte-source-${name}==${version}`]
  const { folder } = await pythonEnvironment(cacheDir, `source-${name}`, packages)
  return join(folder, 'bin', `source-${name}`)
}

interface BenchOptions {
  readonly sample: ConnectorCase
  readonly program: string
  readonly world: ConnectorWorld
  readonly network: VendorNetwork
  readonly database: TestDatabase
}

interface StreamReport {
  readonly rows: number
  readonly notHeld: readonly string[]
}

/** One connector, read by itself and through runs. */
class Bench {
  readonly #options: BenchOptions
  readonly #bare: BareConnector

  constructor(options: BenchOptions) {
    this.#options = options
    this.#bare = new BareConnector(options.program, options.network.environment)
  }

  /** Resolves with a line for each stream. */
  async play(): Promise<readonly string[]> {
    const { sample, world, network } = this.#options
    const checked = await this.#bare.check(world.config)
    expect(checked.status, `${checked.message ?? ''} ${network.asked.join(' ')}`).toBe('SUCCEEDED')
    const asked = { before: network.requestCount, discovered: 0 }
    const streams = await this.#streams()
    asked.discovered = network.requestCount
    const printed = await this.#read(streams)
    const readRequests = network.requestCount - asked.discovered

    const env = await this.#importConnector()
    await using file = await this.#runFile(streams)
    const reached = network.holdAt(asked.discovered + Math.max(1, Math.ceil(readRequests / 2)))
    const started = startRun(file.path, { env })
    const isInBetween = readRequests > 0 ? reached : isReading(this.#options.program)
    const isKilled = await Promise.race([
      isInBetween.then(() => true),
      started.end.then(() => false),
    ])
    started.process.kill('SIGKILL')
    const killed = await started.end
    network.release()
    expect(isKilled, `it was not killed in between: ${killed.stderr}`).toBe(true)
    const first = await run(file.path, { env })
    expect(first.code, first.stderr).toBe(0)
    const before = await this.#compare(streams, printed)

    await world.change()
    const second = await run(file.path, { env })
    expect(second.code, second.stderr).toBe(0)
    const after = await this.#compare(streams, await this.#read(streams))
    this.#expectLessRead(second.stderr, after)
    return streams.map(({ name }) => {
      const mode = sample.streams[name] ?? 'full_refresh'
      const count = readCount(second.stderr, name)
      const { notHeld = [] } = after.get(name) ?? {}
      const lost = notHeld.length === 0 ? '' : `, NULL with a note: ${notHeld.join(' ')}`
      return `airbyte-source-${sample.name} ${sample.version} ${name} (${mode}): ${String(rowsOf(before, name))} rows, ${String(count)} read by the second run, ${String(rowsOf(after, name))} rows${lost}`
    })
  }

  /** An incremental run reads less than there is, although it may read rows of its last moment again. */
  #expectLessRead(summary: string, after: ReadonlyMap<string, StreamReport>): void {
    const names = Object.entries(this.#options.sample.streams)
      .filter(([, mode]) => mode === 'incremental')
      .map(([name]) => name)
    if (names.length === 0) return
    const read = names.reduce((sum, name) => sum + readCount(summary, name), 0)
    const rows = names.reduce((sum, name) => sum + rowsOf(after, name), 0)
    expect(read, summary).toBeLessThan(rows)
  }

  async #streams(): Promise<readonly BareStream[]> {
    const { sample, world } = this.#options
    const found = await this.#bare.discover(world.config)
    const names = Object.keys(sample.streams)
    const wanted = found.filter(({ name }) => names.includes(name))
    expect(wanted.map(({ name }) => name).toSorted()).toEqual(names.toSorted())
    return wanted
  }

  async #read(streams: readonly BareStream[]) {
    const { sample, world } = this.#options
    return this.#bare.read(
      world.config,
      streams.map((stream) => ({ stream, mode: sample.streams[stream.name] ?? 'full_refresh' })),
    )
  }

  /** As a user imports it. Resolves with the environment of a run. */
  async #importConnector(): Promise<Record<string, string>> {
    const { sample, program, network, database } = this.#options
    const env = {
      PATH: process.env.PATH ?? '',
      PG_PASSWORD: database.address.password,
      REACTOR_CONNECT_CATALOG_DIR: await newFolder('catalog'),
      REACTOR_CONNECT_AIRBYTE_ENABLED: 'true',
      ...network.environment,
    }
    const from = `airbyte-process:source-${sample.name}`
    const passed = ['--env', 'PYTHONPATH']
    const args = ['connect', 'catalog', 'import', from, '--command', program, ...passed]
    await execute(process.execPath, [builtProgram(), ...args], { env })
    const { PATH, PG_PASSWORD, REACTOR_CONNECT_CATALOG_DIR, REACTOR_CONNECT_AIRBYTE_ENABLED } = env
    return { PATH, PG_PASSWORD, REACTOR_CONNECT_CATALOG_DIR, REACTOR_CONNECT_AIRBYTE_ENABLED }
  }

  async #runFile(streams: readonly BareStream[]) {
    const { sample, world, database } = this.#options
    return runFile({
      connection: 'sample',
      source: { type: `source-${sample.name}`, config: world.config },
      destination: {
        type: 'postgres',
        config: { ...database.address, password: '${PG_PASSWORD}', schema: 'sample' },
      },
      streams: streams.map(({ name }) => {
        const mode = sample.streams[name] ?? 'full_refresh'
        const destination = mode === 'incremental' ? 'append_dedup' : 'overwrite'
        return { name, sync_mode: mode, destination_sync_mode: destination }
      }),
      limits: { commit_ms: 100 },
    })
  }

  async #compare(
    streams: readonly BareStream[],
    printed: Awaited<ReturnType<BareConnector['read']>>,
  ): Promise<ReadonlyMap<string, StreamReport>> {
    const { sample, database } = this.#options
    const reports = new Map<string, StreamReport>()
    for (const { name, source_defined_primary_key: key = [] } of streams) {
      const records = printed.get(name) ?? []
      const isMerged = sample.streams[name] === 'incremental'
      const expected = isMerged ? newestOfEachKey(records, key) : records
      const table = { schema: 'sample', table: name }
      const compared = await compareTable(database, table, expected)
      expect(compared.printed.length, `${name} has records`).toBeGreaterThan(0)
      expect(compared.loaded, name).toEqual(compared.printed)
      reports.set(name, { rows: compared.loaded.length, notHeld: compared.notHeld })
    }
    return reports
  }
}

/** Resolves when a read of the program runs. */
async function isReading(program: string): Promise<void> {
  await until(async () => {
    const found = await execute('pgrep', ['-f', `${program} read`]).catch(() => undefined)
    return found !== undefined
  }, 300_000)
}

function rowsOf(reports: ReadonlyMap<string, StreamReport>, name: string): number {
  return reports.get(name)?.rows ?? 0
}

/** The records that a run read of a stream, as its summary says. */
function readCount(summary: string, name: string): number {
  const [, count = 'NaN'] = new RegExp(`complete +${name} +([\\d,]+) read`).exec(summary) ?? []
  return Number(count.replaceAll(',', ''))
}
