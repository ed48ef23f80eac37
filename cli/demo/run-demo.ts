import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
} from '../../service/platform/postgres/embedded-postgres.ts'
import { ConnectError } from '../../protocol/index.ts'
import { changeDemoSource, loadDemoSource } from './load-source.ts'

export interface DemoOptions {
  /** The folder of the data, as scripts/demo/prepare-data.ts writes it. */
  readonly dataFolder: string
  readonly say: (line: string) => void
  /** The Kafka brokers; if left out, the embedded log is used. */
  readonly brokers?: readonly string[]
  /** Aborted: it stops, and leaves nothing behind. */
  readonly signal: AbortSignal
}

/**
 * Starts a PostgreSQL, replicates one of its databases into another, changes it, replicates the change, and
 * compares.
 */
export async function runDemo({ dataFolder, say, brokers, signal }: DemoOptions): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'reactor-demo-'))
  const files = await mkdtemp(join(tmpdir(), 'reactor-demo-files-'))
  try {
    say('Starting PostgreSQL')
    await using server = await startEmbeddedPostgres({ dataDir: folder })
    const file = join(files, 'demo.yaml')
    await writeFile(file, runFile(server, brokers))
    // Closed before the server is stopped, also if something fails: otherwise its last message hides the
    // reason.
    await using clients = new AsyncDisposableStack()
    const source = await connect(server, 'postgres')
    clients.defer(() => source.end())
    const warehouse = await connect(server, 'postgres', 'CREATE DATABASE warehouse')
    clients.defer(() => warehouse.end())
    say('Loading public data into the source database')
    const { tables } = await loadDemoSource(source, dataFolder)
    for (const { name, rows } of tables) say(`  ${name.padEnd(20)} ${count(rows)} rows`)
    signal.throwIfAborted()
    say('First run: everything is new')
    await reactor(file, signal)
    const changes = await changeDemoSource(source, dataFolder)
    say('The source changes:')
    for (const { name, inserted, updated } of changes)
      say(`  ${name.padEnd(20)} ${count(inserted)} new, ${count(updated)} updated`)
    signal.throwIfAborted()
    say('Second run: only what changed moves')
    await reactor(file, signal)
    await showArrivals(source, warehouse, say)
  } finally {
    await rm(folder, { recursive: true, force: true })
    await rm(files, { recursive: true, force: true })
  }
}

function runFile({ address }: EmbeddedPostgres, brokers: readonly string[] | undefined): string {
  const source = { ...address, schemas: ['aviation'] }
  return JSON.stringify({
    connection: 'demo',
    source: { type: 'postgres', config: source },
    destination: {
      type: 'postgres',
      config: { ...address, database: 'warehouse', schema: 'aviation' },
    },
    log: brokers === undefined ? 'embedded' : { kafka: { brokers } },
    defaults: {
      sync_mode: 'incremental',
      destination_sync_mode: 'append_dedup',
      cursor_field: 'updated_at',
    },
  })
}

async function connect(
  server: EmbeddedPostgres,
  database: string,
  first?: string,
): Promise<pg.Client> {
  const { host, port, user, password } = server.address
  const admin = new pg.Client({ host, port, user, password, database })
  await admin.connect()
  if (first === undefined) return admin
  await admin.query(first)
  await admin.end()
  return connect(server, 'warehouse')
}

/** This program: in the sources, or as it is built. */
const program = fileURLToPath(new URL(`../main${extname(import.meta.url)}`, import.meta.url))

/** The command as anybody would give it. */
async function reactor(file: string, signal: AbortSignal): Promise<void> {
  const child = spawn(process.execPath, [program, 'connect', 'run', file], { stdio: 'inherit' })
  const end = (): void => {
    child.kill()
  }
  signal.addEventListener('abort', end, { once: true })
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve))
  signal.removeEventListener('abort', end)
  signal.throwIfAborted()
  if (code !== 0) throw demoFailed(`a run ended with exit code ${String(code)}`)
}

async function showArrivals(
  source: pg.Client,
  warehouse: pg.Client,
  say: DemoOptions['say'],
): Promise<void> {
  say('What arrived, compared row by row with the source:')
  const { rows: streams } = await warehouse.query<{ table_name: string; state: string }>(
    `SELECT t.table_name, s.state FROM reactor_connect.streams t JOIN reactor_connect.slices s ON s.stream_id = t.id ORDER BY 1`,
  )
  let same = true
  for (const { table_name: table, state } of streams) {
    const [mine, theirs] = await Promise.all([
      digestTable(warehouse, table),
      digestTable(source, table),
    ])
    const equal = mine.rows === theirs.rows && mine.digest === theirs.digest
    same &&= equal
    say(
      `  ${table.padEnd(20)} ${count(mine.rows)} rows, ${equal ? 'equal' : 'DIFFERENT'}; state ${cut(state)}`,
    )
  }
  if (!same) throw demoFailed('the warehouse differs from the source')
}

/** Row count, and a sum over the hashes of all rows: equal for equal rows in whatever order. */
async function digestTable(
  client: pg.Client,
  table: string,
): Promise<{ readonly rows: number; readonly digest: string }> {
  const { rows: columns } = await client.query<{ list: string }>(
    `SELECT string_agg(quote_ident(column_name) || '::text', ',' ORDER BY column_name) AS list
       FROM information_schema.columns WHERE table_schema = 'aviation' AND table_name = $1 AND column_name NOT LIKE '\\_airbyte\\_%'`,
    [table],
  )
  const { rows } = await client.query<{ rows: number; digest: string }>(
    `SELECT count(*)::int AS rows, coalesce(sum(hashtextextended(ROW(${columns[0]?.list ?? 'NULL'})::text, 0)::numeric), 0)::text AS digest FROM aviation.${pg.escapeIdentifier(table)}`,
  )
  return rows[0] ?? { rows: 0, digest: '' }
}

/** A state says more than a line of a terminal holds. */
function cut(state: string): string {
  return state.length > 45 ? `${state.slice(0, 45)}…` : state
}

function count(value: number): string {
  return value.toLocaleString('en')
}

function demoFailed(reason: string): ConnectError {
  return new ConnectError('unexpected', { details: { reason: `the demo: ${reason}` } })
}
