import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { accessToken } from '../../test/fakes/salesforce/salesforce-simulator.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { type BenchServer, startBenchServer } from '../bench-server.ts'
import { buildProgram, builtProgram } from '../built-program.ts'
import { type Measured, measureProgram, nodeFlags } from '../measured-process.ts'
import { median } from '../statistics.ts'
import { type SimulatorProcess, startSimulator } from './simulator-process.ts'

export interface WritebackOptions {
  readonly rows: number
  readonly rounds: number
}

export interface WritebackFigures extends WritebackOptions {
  /** Records written per second, beside jsforce with collections of 200: the median of the rounds. */
  readonly ratio_jsforce: number
  readonly records_per_second: number
  readonly jsforce_per_second: number
  readonly cpu_seconds: number
  readonly jsforce_cpu_seconds: number
  readonly peak_rss_mb: number
  readonly jsforce_peak_rss_mb: number
  /** Rows per second of a run that finds nothing to send. */
  readonly unchanged_per_second: number
}

const jsforceProgram = fileURLToPath(new URL('jsforce-program.ts', import.meta.url))

/** A table into the simulator of Salesforce, by a run and by a loop with jsforce in turn, with start-up. */
export async function benchWriteback(
  { rows, rounds }: WritebackOptions,
  print: (line: string) => void,
): Promise<WritebackFigures> {
  await buildProgram()
  await using bench = await startBenchServer()
  await using simulator = await startSimulator()
  await using folder = await temporaryFolder('bench-writeback')
  await bench.source(...sourceTable(rows), 'CHECKPOINT')
  const ours: Measured[] = []
  const theirs: Measured[] = []
  const again: Measured[] = []
  const context = { bench, simulator, folder: folder.path, rows }
  for (let round = 0; round <= rounds; round += 1) {
    const run = await writeOnce(context, round)
    const loop = await jsforceOnce(context)
    const rate = ({ seconds }: Measured): string => Math.round(rows / seconds).toLocaleString('en')
    const name = round === 0 ? 'warm-up' : `round ${String(round)}`
    print(
      `${name}: a run ${rate(run.first)}/s, jsforce ${rate(loop)}/s, unchanged ${rate(run.again)}/s`,
    )
    if (round === 0) continue
    ours.push(run.first)
    again.push(run.again)
    theirs.push(loop)
  }
  const rates = (all: readonly Measured[]): number =>
    median(all.map(({ seconds }) => rows / seconds))
  return {
    rows,
    rounds,
    ratio_jsforce: median(
      ours.map(({ seconds }, index) => (theirs[index]?.seconds ?? NaN) / seconds),
    ),
    records_per_second: Math.round(rates(ours)),
    jsforce_per_second: Math.round(rates(theirs)),
    cpu_seconds: median(ours.map(({ cpuSeconds }) => cpuSeconds)),
    jsforce_cpu_seconds: median(theirs.map(({ cpuSeconds }) => cpuSeconds)),
    peak_rss_mb: Math.round(median(ours.map(({ peakRssMb }) => peakRssMb))),
    jsforce_peak_rss_mb: Math.round(median(theirs.map(({ peakRssMb }) => peakRssMb))),
    unchanged_per_second: Math.round(rates(again)),
  }
}

interface Context {
  readonly bench: BenchServer
  readonly simulator: SimulatorProcess
  readonly folder: string
  readonly rows: number
}

/** Into an empty organization, and again. */
async function writeOnce(
  context: Context,
  round: number,
): Promise<{ readonly first: Measured; readonly again: Measured }> {
  const { bench, simulator, folder } = context
  const path = join(folder, `run-${String(round)}.yaml`)
  await writeFile(path, JSON.stringify(runFile(context, round)))
  const argv = ['connect', 'run', path, '--json']
  const first = await measureProgram(builtProgram, argv, { flags: nodeFlags })
  const again = await measureProgram(builtProgram, argv, { flags: nodeFlags })
  requireAll(context, await simulator.take())
  await bench.source('DROP SCHEMA reactor_connect_writes CASCADE')
  return { first, again }
}

async function jsforceOnce(context: Context): Promise<Measured> {
  const { bench, simulator } = context
  const argv = [simulator.url, accessToken, bench.sourceUrl]
  const measured = await measureProgram(jsforceProgram, argv)
  requireAll(context, await simulator.take())
  return measured
}

/** A program that is fast because it loses records has no figure. */
function requireAll(
  { rows }: Context,
  { accounts, codes }: { readonly accounts: number; readonly codes: number },
): void {
  if (accounts !== rows || codes !== rows)
    throw new Error(`${String(accounts)} accounts with ${String(codes)} codes, of ${String(rows)}`)
}

function runFile({ bench, simulator }: Context, round: number): object {
  const source = new URL(bench.sourceUrl)
  return {
    connection: `writeback-${String(round)}`,
    source: {
      type: 'postgres',
      config: {
        host: source.hostname,
        port: Number(source.port),
        user: decodeURIComponent(source.username),
        password: decodeURIComponent(source.password),
        database: source.pathname.slice(1),
        ssl: 'disable',
        schemas: ['public'],
      },
    },
    destination: {
      type: 'instance',
      config: {
        connector: 'salesforce',
        config: { access_token: accessToken, api_url: simulator.url },
        store: bench.sourceUrl,
        allowed_networks: ['127.0.0.0/8'],
        writes: [
          {
            stream: 'accounts',
            object: 'Account',
            fields: {
              Code__c: 'code',
              Name: 'name',
              Phone: 'phone',
              BillingCity: 'city',
              NumberOfEmployees: 'employees',
              Tier__c: 'tier',
            },
          },
        ],
      },
    },
    streams: [
      {
        name: 'accounts',
        sync_mode: 'full_refresh',
        destination_sync_mode: 'append_dedup',
        primary_key: ['code'],
      },
    ],
  }
}

function sourceTable(rows: number): readonly string[] {
  return [
    `CREATE TABLE accounts (code text PRIMARY KEY, name text, phone text, city text, employees int, tier text)`,
    `INSERT INTO accounts
     SELECT 'A-' || lpad(n::text, 8, '0'), 'Account ' || n || ' Łukasz & Sons', '+48 ' || n,
            (ARRAY['Kraków', 'Berlin', 'San Francisco'])[1 + n % 3], n % 5000,
            CASE WHEN n % 2 = 0 THEN 'Gold' ELSE 'Silver' END
     FROM generate_series(1, ${String(rows)}) n`,
    'ANALYZE accounts',
  ]
}

export function writebackTable(figures: WritebackFigures): string {
  const rate = (value: number): string => value.toLocaleString('en')
  return [
    `${rate(figures.rows)} records of 6 fields from PostgreSQL into a simulator of Salesforce in a process of its own, start-up included; medians of ${String(figures.rounds)} interleaved rounds.`,
    '',
    '| program | records/s | CPU s | peak RSS MB |',
    '|---|---|---|---|',
    `| Reactor Connect | ${rate(figures.records_per_second)} | ${figures.cpu_seconds.toFixed(1)} | ${String(figures.peak_rss_mb)} |`,
    `| jsforce, 200 a call | ${rate(figures.jsforce_per_second)} | ${figures.jsforce_cpu_seconds.toFixed(1)} | ${String(figures.jsforce_peak_rss_mb)} |`,
    `| Reactor Connect, nothing changed | ${rate(figures.unchanged_per_second)} | | |`,
    '',
    `Ratio to jsforce: ${figures.ratio_jsforce.toFixed(2)}`,
  ].join('\n')
}
