import { inspect } from 'node:util'
import { seededRandom } from '../support/random.ts'
import type { LogName } from '../support/engine.ts'
import { Chances } from './chances.ts'
import { chooseTable, creationOf, editsOf, schemaChangeOf, type ChaosTable } from './chaos-table.ts'
import { destinationRows, differenceOf, type Comparison, type Rows } from './compare-tables.ts'
import { badWordsOf, EngineProcess, type EngineEnd } from './engine-process.ts'
import { chooseFault, inflict, type Servers } from './faults.ts'
import type { PostgresServer } from './servers.ts'
import { runFile } from '../support/run-file.ts'

export interface World {
  readonly program: string
  readonly source: PostgresServer
  readonly destination: PostgresServer
  readonly broker: { readonly brokers: readonly string[] } & NonNullable<Servers['broker']>
}

export interface HistoryEnd {
  readonly seed: number
  readonly log: string
  readonly tables: readonly string[]
  readonly runs: number
  readonly faults: readonly string[]
  /** The failure and the history before it; undefined if everything held. */
  readonly failure: string | undefined
}

/** Twice what most people use. */
export const logs: readonly LogName[] = [
  'embedded',
  'embedded',
  'kafka block',
  'kafka block',
  'kafka record',
]

/**
 * Some tables, and for some rounds: edits and changes of columns, runs that are hurt, and then one that is
 * not. That one must be complete, and the tables must be those of the source as it is now.
 */
export async function playHistory(
  seed: number,
  world: World,
  logs: readonly LogName[],
): Promise<HistoryEnd> {
  const chances = new Chances(seededRandom(seed))
  const log = chances.pick(logs)
  const tables = Array.from({ length: chances.between(1, 4) }, (_, index) =>
    chooseTable(`t${String(index)}`, chances),
  )
  await using source = await world.source.database('source')
  await using destination = await world.destination.database('destination')
  const servers: Servers = {
    source: { ...world.source.server, query: source.query },
    destination: { ...world.destination.server, query: destination.query },
    ...(log !== 'embedded' && { broker: world.broker }),
  }
  const limits = {
    commit_bytes: chances.pick([65_536, 262_144, 16_777_216]),
    commit_ms: chances.pick([5, 50, 2_000]),
    partitions_per_stream: chances.between(1, 3),
    parallel_lanes: chances.between(1, 4),
  }
  const postgres = {
    schemas: ['public'],
    range_rows: chances.pick([1_000, 10_000, 200_000]),
    state_rows: chances.pick([100, 2_000, 50_000]),
    parallel: chances.between(1, 3),
  }
  const metadata = chances.pick(['full', 'minimal', 'none'])
  await using file = await runFile({
    connection: `chaos-${String(seed)}`,
    source: { type: 'postgres', config: { ...source.address, ...postgres } },
    destination: { type: 'postgres', config: { ...destination.address, schema: 'copied' } },
    log:
      log === 'embedded'
        ? 'embedded'
        : {
            kafka: {
              brokers: world.broker.brokers,
              framing: log === 'kafka block' ? 'block' : 'record',
            },
          },
    streams: tables.map(({ name, mode }) => ({
      name,
      ...mode,
      ...(mode.sync_mode === 'incremental' && { cursor_field: 'ver' }),
    })),
    metadata,
    limits,
  })
  const history = new History({
    chances,
    tables,
    servers,
    file: file.path,
    program: world.program,
    comparison: { source, destination, schema: 'copied' },
  })
  let failure: string | undefined
  try {
    await history.play()
  } catch (error) {
    // Anything else is the fault of this test, or of its servers: it must be understood all the same.
    const reason = error instanceof HistoryFailure ? error.message : inspect(error)
    failure = [reason, ...history.events.map((event) => `    ${event}`)].join('\n')
    process.stdout.write(`seed ${String(seed)} failed: ${failure}\n`)
  }
  return {
    seed,
    log: `${log}, ${metadata}`,
    tables: tables.map(({ mode }) => `${mode.sync_mode}/${mode.destination_sync_mode}`),
    runs: history.runs,
    faults: history.faults,
    failure,
  }
}

class HistoryFailure extends Error {}

interface HistoryParts {
  readonly chances: Chances
  readonly tables: readonly ChaosTable[]
  readonly servers: Servers
  readonly comparison: Comparison
  readonly file: string
  readonly program: string
}

class History {
  readonly events: string[] = []
  readonly faults: string[] = []
  runs = 0
  readonly #parts: HistoryParts
  /** How long a run takes that nothing hurts. */
  #spanMs = 1_500

  constructor(parts: HistoryParts) {
    this.#parts = parts
  }

  async play(): Promise<void> {
    const { chances, tables, servers } = this.#parts
    for (const table of tables) {
      for (const sql of creationOf(table, chances)) await servers.source.query(sql)
    }
    for (let round = chances.between(2, 4); round > 0; round--) await this.#round()
  }

  async #round(): Promise<void> {
    const { chances, tables, comparison } = this.#parts
    const before = new Map<ChaosTable, Rows>()
    for (const table of tables) before.set(table, await destinationRows(comparison, table))
    const runsBefore = this.runs
    await this.#edit(tables)
    const hurt = chances.pick([0, 1, 1, 1, 2, 3])
    for (let time = 0; time < hurt; time++) {
      await this.#hurtRun()
      // The rows that a disturbed run had begun to append cannot be taken back. Such a table is not changed
      // until the comparison.
      if (chances.happens(0.5)) {
        await this.#edit(tables.filter(({ mode }) => !appendsWhole(mode)))
      }
    }
    const end = await this.#run()
    if (end.code !== 0) {
      throw new HistoryFailure(
        `a run that nothing hurt ended with ${String(end.code)}:\n${tail(end)}`,
      )
    }
    this.#spanMs = end.seconds * 1000
    for (const table of tables) {
      const known = { before: before.get(table) ?? new Map(), runs: this.runs - runsBefore }
      const difference = await differenceOf(comparison, table, known)
      if (difference === undefined) continue
      const { sync_mode, destination_sync_mode } = table.mode
      throw new HistoryFailure(
        `${table.name} (${sync_mode}, ${destination_sync_mode}): ${difference}\n${tail(end)}`,
      )
    }
  }

  async #edit(tables: readonly ChaosTable[]): Promise<void> {
    const { chances, servers } = this.#parts
    for (const table of tables) {
      const [row] = await servers.source.query(
        `SELECT coalesce(max(id), 0) AS last FROM ${table.name}`,
      )
      const edits = chances.happens(0.7) ? editsOf(table, Number(row?.last), chances) : []
      const changes = chances.happens(0.25) ? schemaChangeOf(table, chances) : []
      for (const sql of [...edits, ...changes]) {
        this.events.push(sql)
        await servers.source.query(sql)
      }
    }
  }

  async #hurtRun(): Promise<void> {
    const { chances, servers } = this.#parts
    const fault = chooseFault(servers, chances)
    this.faults.push(fault)
    const engine = this.#start()
    await inflict(fault, { engine, servers, chances, spanMs: this.#spanMs })
    const end = await engine.ended
    this.events.push(`run ${String(this.runs)}: ${fault}; ${endOf(end)}`)
    this.#requireGoodWords(end)
  }

  async #run(): Promise<EngineEnd> {
    const end = await this.#start().ended
    this.events.push(`run ${String(this.runs)}: ${endOf(end)}`)
    this.#requireGoodWords(end)
    return end
  }

  #start(): EngineProcess {
    this.runs += 1
    return new EngineProcess(this.#parts.program, this.#parts.file)
  }

  #requireGoodWords(end: EngineEnd): void {
    const badWords = badWordsOf(end)
    if (badWords !== undefined) throw new HistoryFailure(`${badWords}\n${tail(end)}`)
  }
}

function appendsWhole(mode: ChaosTable['mode']): boolean {
  return mode.sync_mode === 'full_refresh' && mode.destination_sync_mode === 'append'
}

function endOf({ code, result, seconds }: EngineEnd): string {
  const streams = result?.streams.map(
    ({ name, status, loaded, error }) =>
      `${name} ${status} ${String(loaded)}${error === undefined ? '' : ` ${error.code}`}`,
  )
  return `exit ${String(code)} after ${seconds.toFixed(1)} s; ${streams?.join(', ') ?? 'no result'}`
}

function tail({ stderr, stuck }: EngineEnd): string {
  const lines = stderr.trimEnd().split('\n').slice(-25)
  return [...(stuck === undefined ? [] : [stuck]), ...lines].join('\n')
}
