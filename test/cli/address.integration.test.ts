import { execFileSync } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { expect, test } from 'vitest'
import { ensureDatabase } from '../../service/platform/postgres/ensure-database.ts'
import { startEmbeddedPostgres } from '../../service/platform/postgres/embedded-postgres.ts'
import { openDataDir } from '../../service/serve/data-dir.ts'
import { writeLocalService } from '../../service/serve/local-service-file.ts'
import { startDataService } from '../fakes/data-service.ts'
import { newFolder, newFolderInMemory } from '../support/new-folder.ts'
import { serviceCommands } from './service-commands.ts'

const commands = serviceCommands()
const password = 'a:b\\c&d'

async function createConnection(): Promise<void> {
  const config = '{"streams":[{"name":"orders","rows":3}]}'
  const made = [
    await commands.run(['instances', 'create', 'numbers', '--type', 'faker', '--config', config]),
    await commands.run('connections create numbers --from numbers --dest data:Numbers'),
  ]
  expect(made.map(({ err }) => err)).toEqual(['', ''])
}

/** The data folder of the service that the commands ask, which has a PostgreSQL of its own. */
async function dataFolderHere(): Promise<string> {
  const folder = await newFolderInMemory('address')
  await openDataDir(folder, { hasPostgres: true })
  await writeLocalService(folder, { url: commands.api.url, apiKey: commands.api.key })
  return folder
}

test('the address of a connection’s tables leads to them, and has no password', async () => {
  const dataDir = await dataFolderHere()
  await using server = await startEmbeddedPostgres({
    dataDir: join(dataDir, 'postgres'),
    settings: { fsync: 'off' },
    password,
  })
  await ensureDatabase(server.address, 'data')
  await createConnection()
  const environment = { ...commands.environment, REACTOR_CONNECT_DATA_DIR: dataDir }
  const { out, err, code } = await commands.run('connections address numbers', { environment })
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).not.toContain(encodeURIComponent(password))
  const url = new URL(out)
  const file = url.searchParams.get('passfile') ?? ''
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect(await readFile(file, 'utf8')).toBe('127.0.0.1:*:*:postgres:a\\:b\\\\c&d\n')
  await using client = await connected(url)
  const { rows } = await client.query(
    'SELECT current_database() AS db, current_schemas(false)::text[] AS s',
  )
  expect(rows).toEqual([{ db: 'data', s: ['Numbers'] }])
  if (hasPsql()) expect(psql(out.trim(), 'SELECT 1')).toBe('1\n')
  const shown = await commands.run('connections address numbers --json', { environment })
  expect(JSON.parse(shown.out)).toMatchObject({ port: server.address.port, schema: 'Numbers' })
  expect((await commands.run('connections get numbers')).out).toContain(
    'psql "$(reactor connect connections address numbers)"',
  )
})

async function connected(url: URL): Promise<pg.Client & AsyncDisposable> {
  const client = new pg.Client({
    host: url.hostname,
    port: Number(url.port),
    user: url.username,
    database: url.pathname.slice(1),
    options: url.searchParams.get('options') ?? '',
    password,
  })
  await client.connect()
  await client.query('CREATE SCHEMA "Numbers"')
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() })
}

function hasPsql(): boolean {
  try {
    return execFileSync('psql', ['--version'], { encoding: 'utf8' }).startsWith('psql ')
  } catch {
    return false
  }
}

function psql(address: string, sql: string): string {
  return execFileSync('psql', [address, '-Atc', sql], {
    encoding: 'utf8',
    env: { HOME: '/', PATH: process.env.PATH },
  })
}

test('a database that the settings name is shown without its password', async () => {
  const dataDir = await dataFolderHere()
  await createConnection()
  const environment = {
    ...commands.environment,
    REACTOR_CONNECT_DATA_DIR: dataDir,
    REACTOR_CONNECT_DATA_DATABASE_URL: 'postgres://loader:hidden@warehouse.example/analytics',
  }
  const { out, err } = await commands.run('connections address numbers', { environment })
  expect(out).toBe(
    'postgres://loader@warehouse.example:5432/analytics?sslmode=require&options=-csearch_path%3D%22Numbers%22\n',
  )
  expect(err).toContain('set PGPASSWORD')
  expect(out + err).not.toContain('hidden')
})

test('a dataset of a Data service is asked for there, and shown without its password', async () => {
  const dataDir = await dataFolderHere()
  await createConnection()
  await using data = await startDataService({
    create: () => ({ url: 'postgres://loader:hidden@db.example:6543/shop', schema: 'numbers_1' }),
  })
  const environment = {
    ...commands.environment,
    REACTOR_CONNECT_DATA_DIR: dataDir,
    REACTOR_CONNECT_DATA_URL: data.url,
    REACTOR_CONNECT_DATA_API_KEY: data.apiKey,
  }
  const missing = await commands.run('connections address numbers', { environment })
  expect(missing).toMatchObject({
    code: 1,
    err: expect.stringContaining('the Data service has no such dataset') as string,
  })
  expect(data.datasets.size).toBe(0)
  data.datasets.set('Numbers', { url: 'postgres://loader:hidden@db.example:6543/shop' })
  const { out, err } = await commands.run('connections address numbers', { environment })
  expect(out).toBe(
    'postgres://loader@db.example:6543/shop?sslmode=require&options=-csearch_path%3D%22Numbers%22\n',
  )
  data.refuse(401)
  const refused = await commands.run('connections address numbers', { environment })
  expect(refused).toMatchObject({
    code: 1,
    err: expect.stringContaining('it refuses the key') as string,
  })
  expect([out, err, missing.err, refused.err].join('')).not.toMatch(/hidden|SECRET/)
})

test('what this machine does not know is refused, with what to do', async () => {
  await createConnection()
  const elsewhere = await newFolder('elsewhere')
  const errorOf = async (dataDir: string): Promise<string> => {
    const environment = { ...commands.environment, REACTOR_CONNECT_DATA_DIR: dataDir }
    const { code, err } = await commands.run('connections address numbers', { environment })
    expect(code).toBe(2)
    return err
  }
  expect(await errorOf(elsewhere)).toContain('Run the command on the machine of the service')
  expect(await errorOf(await dataFolderHere())).toContain('No PostgreSQL of a service runs')
  await writeLocalService(elsewhere, { url: 'http://127.0.0.1:1', apiKey: 'other' })
  expect(await errorOf(elsewhere)).toContain('is not the one of this machine')
})
