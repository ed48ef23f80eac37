import pg from 'pg'
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
} from '../service/platform/postgres/embedded-postgres.ts'
import { temporaryFolder } from '../test/support/temporary-folder.ts'

/**
 * A PostgreSQL of the benchmark's own, with a database `warehouse` beside the default one. Its folder goes
 * with it.
 */
export interface BenchServer extends AsyncDisposable {
  readonly server: EmbeddedPostgres
  readonly sourceUrl: string
  readonly warehouseUrl: string
  source(...statements: readonly string[]): Promise<void>
  warehouse(...statements: readonly string[]): Promise<void>
  /** The one value of a query in `warehouse`, as text. */
  value(sql: string): Promise<string>
  /** The same in the source. */
  sourceValue(sql: string): Promise<string>
}

export async function startBenchServer(
  settings: Readonly<Record<string, string>> = {},
): Promise<BenchServer> {
  const folder = await temporaryFolder('bench')
  try {
    const server = await startEmbeddedPostgres({
      dataDir: folder.path,
      settings: {
        max_wal_size: '8GB',
        shared_buffers: '512MB',
        checkpoint_timeout: '30min',
        ...settings,
      },
    })
    const warehouseUrl = databaseUrl(server.url, 'warehouse')
    await execute(server.url, ['CREATE DATABASE warehouse'])
    return {
      server,
      sourceUrl: server.url,
      warehouseUrl,
      source: (...statements) => execute(server.url, statements).then(() => undefined),
      warehouse: (...statements) => execute(warehouseUrl, statements).then(() => undefined),
      value: async (sql) => String((await execute(warehouseUrl, [sql]))[0]?.[0]),
      sourceValue: async (sql) => String((await execute(server.url, [sql]))[0]?.[0]),
      async [Symbol.asyncDispose]() {
        await server[Symbol.asyncDispose]()
        await folder[Symbol.asyncDispose]()
      },
    }
  } catch (error) {
    await folder[Symbol.asyncDispose]()
    throw error
  }
}

/** The rows of the last statement. */
async function execute(
  url: string,
  statements: readonly string[],
): Promise<readonly (readonly unknown[])[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    let rows: readonly (readonly unknown[])[] = []
    for (const text of statements)
      rows = (await client.query<unknown[]>({ text, rowMode: 'array' })).rows
    return rows
  } finally {
    await client.end()
  }
}

function databaseUrl(url: string, database: string): string {
  const changed = new URL(url)
  changed.pathname = `/${database}`
  return changed.href
}
