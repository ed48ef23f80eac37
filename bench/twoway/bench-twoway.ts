import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { type BenchServer, startBenchServer } from '../bench-server.ts'
import { buildProgram, builtProgram } from '../built-program.ts'
import { type Measured, measureProgram, nodeFlags } from '../measured-process.ts'
import { median } from '../statistics.ts'
import { type Arrivals, measureArrivals } from './measure-arrivals.ts'

export interface TwowayOptions {
  readonly rows: number
  readonly rounds: number
  /** The length of each run whose arrivals are measured. */
  readonly seconds: number
}

export interface TwowayFigures extends TwowayOptions {
  /** Linked records per second of a round with 1 % changed, half on each side; with start-up. */
  readonly records_per_second: number
  /** The same where nothing has changed. */
  readonly unchanged_per_second: number
  /** Records per second of the first round, which links records that both sides have. */
  readonly linked_per_second: number
  readonly cpu_seconds: number
  readonly peak_rss_mb: number
  readonly p99_ms_cdc: number
  readonly p99_ms_polling: number
  readonly cdc: Arrivals
  readonly polling: Arrivals
}

/** Edits of both sides together. */
const editsPerSecond = 50
const changedShare = 0.01

/** Two databases of one server, kept the same by the built program: all records compared, then live edits. */
export async function benchTwoway(
  { rows, rounds, seconds }: TwowayOptions,
  print: (line: string) => void,
): Promise<TwowayFigures> {
  await buildProgram()
  await using bench = await startBenchServer({ wal_level: 'logical' })
  await using folder = await temporaryFolder('bench-twoway')
  await bench.source(...tableSql(rows))
  await bench.warehouse(...tableSql(rows))
  const file = await pairFile(bench, folder.path, 'polling')
  const first = await roundOnce(file)
  print(`first round: ${rate(rows, first)} records/s linked`)
  const changed: Measured[] = []
  const unchanged: Measured[] = []
  for (let round = 1; round <= rounds; round += 1) {
    await edit(bench, round)
    changed.push(await roundOnce(file))
    await requireSame(bench)
    unchanged.push(await roundOnce(file))
    const [last, again] = [changed.at(-1) ?? first, unchanged.at(-1) ?? first]
    print(
      `round ${String(round)}: ${rate(rows, last)} records/s, unchanged ${rate(rows, again)}, ${last.peakRssMb.toFixed(0)} MB`,
    )
  }
  const live = { records: rows, editsPerSecond, seconds }
  const cdc = await measureArrivals(bench, {
    file: await pairFile(bench, folder.path, 'cdc'),
    ...live,
    firstEdit: 1,
  })
  print(`changes from the log: ${describe(cdc)}`)
  const firstEdit = 1 + 2 * editsPerSecond * seconds
  const polling = await measureArrivals(bench, { file, ...live, firstEdit })
  print(`polling each second: ${describe(polling)}`)
  await requireSame(bench)
  const perSecond = (all: readonly Measured[]): number =>
    Math.round(median(all.map((measured) => rows / measured.seconds)))
  return {
    ...{ rows, rounds, seconds },
    records_per_second: perSecond(changed),
    unchanged_per_second: perSecond(unchanged),
    linked_per_second: perSecond([first]),
    cpu_seconds: median(changed.map(({ cpuSeconds }) => cpuSeconds)),
    peak_rss_mb: Math.round(median(changed.map(({ peakRssMb }) => peakRssMb))),
    p99_ms_cdc: cdc.p99Ms,
    p99_ms_polling: polling.p99Ms,
    ...{ cdc, polling },
  }
}

const rate = (rows: number, { seconds }: Measured): string =>
  Math.round(rows / seconds).toLocaleString('en')

const describe = ({ edits, p50Ms, p99Ms, mostMs }: Arrivals): string =>
  `${String(edits)} edits, p50 ${String(p50Ms)} ms, p99 ${String(p99Ms)} ms, at most ${String(mostMs)} ms`

/** The same records on both sides; edits get the time at which they were made, as an application does it. */
function tableSql(rows: number): readonly string[] {
  return [
    `CREATE TABLE customer (id bigint PRIMARY KEY, email text NOT NULL, name text, phone text, city text,
      score int, edit int, changed timestamptz NOT NULL DEFAULT clock_timestamp())`,
    `INSERT INTO customer (id, email, name, phone, city, score)
      SELECT n, n || '@example.com', 'Name ' || md5(n::text), '+49 ' || n, 'City ' || n % 997, n % 1000
      FROM generate_series(1, ${String(rows)}) n`,
    'CREATE INDEX ON customer (changed)',
    `CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN NEW.changed := clock_timestamp(); RETURN NEW; END'`,
    'CREATE TRIGGER touch BEFORE UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION touch()',
    // In the order of their arrival, so that a reader asks for those after the last that it has seen.
    'CREATE TABLE arrival (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, edit int NOT NULL)',
    `CREATE FUNCTION note_edit() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN INSERT INTO arrival (edit) VALUES (NEW.edit); RETURN NULL; END'`,
    `CREATE TRIGGER note_edit AFTER UPDATE OF edit ON customer FOR EACH ROW
      WHEN (OLD.edit IS DISTINCT FROM NEW.edit) EXECUTE FUNCTION note_edit()`,
    'VACUUM ANALYZE customer',
    'CHECKPOINT',
  ]
}

/** Half of the changed records on each side, spread over the table. */
async function edit(bench: BenchServer, round: number): Promise<void> {
  const step = Math.round(2 / changedShare)
  const sql = (offset: number): string =>
    `UPDATE customer SET phone = 'round ${String(round)}' WHERE id % ${String(step)} = ${String(offset)}`
  await bench.source(sql(0), 'CHECKPOINT')
  await bench.warehouse(sql(step / 2), 'VACUUM customer', 'CHECKPOINT')
}

const contentSql = `SELECT count(*) || ' ' || sum(hashtextextended(
  (id, email, name, phone, city, score, edit)::text, 0)) FROM customer`

/** A round that is fast because it left something out has no figure. */
async function requireSame(bench: BenchServer): Promise<void> {
  const [a, b] = [await bench.sourceValue(contentSql), await bench.value(contentSql)]
  if (a !== b) throw new Error(`the sides differ: a ${a}, b ${b}`)
}

function roundOnce(file: string): Promise<Measured> {
  const argv = ['connect', 'pair', file, '--json']
  return measureProgram(builtProgram, argv, { flags: nodeFlags })
}

async function pairFile(
  bench: BenchServer,
  folder: string,
  changes: 'cdc' | 'polling',
): Promise<string> {
  const path = join(folder, `${changes}.yaml`)
  const place = { table: 'public.customer', modified: 'changed' }
  const content = {
    pair: 'bench',
    a: { url: bench.sourceUrl, changes },
    b: { url: bench.warehouseUrl, changes },
    rules: 'customer:last_write_wins',
    sweep_minutes: 60,
    streams: [
      {
        ...{ name: 'customer', a: place, b: place, match: 'email' },
        fields: ['email', 'name', 'phone', 'city', 'score', 'edit'],
      },
    ],
  }
  await writeFile(path, JSON.stringify(content))
  return path
}

export function twowayTable(figures: TwowayFigures): string {
  const rows = [
    ['first round, links only', figures.linked_per_second],
    ['1 % changed', figures.records_per_second],
    ['unchanged', figures.unchanged_per_second],
  ] as const
  return [
    '| Round | records/s |',
    '|---|---|',
    ...rows.map(([name, perSecond]) => `| ${name} | ${perSecond.toLocaleString('en')} |`),
    '',
    `${figures.cpu_seconds.toFixed(1)} s of CPU, ${String(figures.peak_rss_mb)} MB`,
    `From an edit to the other side, ${String(editsPerSecond)} edits a second: changes from the log ${describe(figures.cdc)}; polling ${describe(figures.polling)}`,
  ].join('\n')
}
