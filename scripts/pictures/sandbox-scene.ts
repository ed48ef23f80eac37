import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import pg from 'pg'
import { startEmbeddedPostgres } from '../../service/platform/postgres/embedded-postgres.ts'
import type { Recording } from './record-terminal.ts'

const program = join(import.meta.dirname, '../../cli/main.ts')

export interface SandboxScene extends AsyncDisposable {
  /** The command whose report is drawn. */
  readonly sandbox: Omit<Recording, 'columns'>
}

const shop = `
  CREATE SCHEMA shop;
  CREATE TABLE shop.customers (id int PRIMARY KEY, name text NOT NULL, city text);
  INSERT INTO shop.customers SELECT n, 'Customer ' || n, 'Bern' FROM generate_series(1, 60) n;
  CREATE TABLE shop.orders (id int PRIMARY KEY, customer int NOT NULL, status text NOT NULL, total numeric(10, 2),
    updated_at timestamptz NOT NULL);
  INSERT INTO shop.orders SELECT n, n % 60 + 1, 'open', n * 1.5, timestamptz '2026-11-01Z' + n * interval '1 minute'
    FROM generate_series(1, 80) n;
  CREATE TABLE shop.countries (code text PRIMARY KEY, name text NOT NULL);
  INSERT INTO shop.countries VALUES ('CH', 'Switzerland'), ('JP', 'Japan'), ('KE', 'Kenya');`

/** The changes that somebody made in the shop after its first run. */
const changes = `
  ALTER TABLE shop.orders ADD COLUMN note text;
  UPDATE shop.orders SET status = 'paid', updated_at = timestamptz '2026-11-02Z' WHERE id IN (17, 18);
  INSERT INTO shop.orders VALUES (81, 4, 'open', 9.00, timestamptz '2026-11-02 00:01Z', 'gift'), (82, 9, 'open', 12.50, timestamptz '2026-11-02 00:02Z', NULL);
  UPDATE shop.customers SET city = 'Basel' WHERE id = 7;
  DELETE FROM shop.customers WHERE id = 60;`

/** A service with a connection that has run once, and a source that has changed since. */
export async function sandboxScene(home: string): Promise<SandboxScene> {
  // PostgreSQL runs as another user if this process is root.
  await chmod(home, 0o755)
  await using parts = new AsyncDisposableStack()
  const server = parts.use(await startEmbeddedPostgres({ dataDir: join(home, 'shop') }))
  const environment = { HOME: home, REACTOR_CONNECT_DATA_DIR: join(home, 'data') }
  const env = { ...process.env, ...environment }
  const source = new pg.Client(server.url)
  await source.connect()
  parts.defer(() => source.end())
  await source.query(shop)
  const service = spawn(process.execPath, [program, 'connect', 'serve', '--bind', '127.0.0.1:0'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env,
  })
  parts.defer(async () => {
    service.kill()
    await once(service, 'exit')
  })
  for await (const line of createInterface(service.stdout)) if (line.includes('listens on')) break
  const reactor = async (...argv: readonly string[]): Promise<void> => {
    await promisify(execFile)(process.execPath, [program, 'connect', ...argv], { env })
  }
  const config = join(home, 'shop.json')
  await writeFile(config, JSON.stringify({ ...server.address, schemas: ['shop'] }))
  await reactor('instances', 'create', 'shop-db', '--type', 'postgres', '--config', config)
  await reactor(...'connections create shop --from shop-db --dest data:shop --activate'.split(' '))
  await reactor(...'connections runs start shop --wait'.split(' '))
  await source.query(changes)
  const running = parts.move()
  return {
    sandbox: {
      argv: [process.execPath, program, 'connect', 'connections', 'sandbox', 'shop'],
      environment,
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
