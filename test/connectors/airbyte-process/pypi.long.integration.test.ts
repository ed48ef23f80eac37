import { cp, mkdir, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { pythonEnvironment } from '../../../bench/peers/python-environment.ts'
import { importedProcess } from '../../../connectors/catalog.ts'
import { TrackerApi } from '../../fakes/tracker-api.ts'
import { run, startRun } from '../../cli/reactor-command.ts'
import { fakeDefinition } from '../../support/airbyte-process.ts'
import { newFolder } from '../../support/new-folder.ts'
import { testDatabase, type TestDatabase } from '../../support/postgres.ts'
import { runFile } from '../../support/run-file.ts'
import { until } from './until.ts'

const cacheDir = join(homedir(), '.cache', 'reactor-connect-test')
const execute = promisify(execFile)
const count = 4_000

/** The package in an environment that the tests keep, as `catalog import` would store it. */
async function catalogWithFaker(): Promise<{ catalog: string; program: string }> {
  const { folder } = await pythonEnvironment(cacheDir, 'source-faker', [
    'airbyte-source-faker==7.2.1',
  ])
  const program = join(folder, 'bin', 'source-faker')
  const catalog = await newFolder('catalog')
  const file = importedProcess(catalog, 'source-faker')
  await mkdir(dirname(file), { recursive: true })
  const definition = fakeDefinition({
    name: 'source-faker',
    command: [program],
    spec: { type: 'object', additionalProperties: true },
  })
  await writeFile(file, JSON.stringify(definition))
  return { catalog, program }
}

const config = {
  count,
  seed: 7,
  parallelism: 1,
  records_per_slice: 100,
  // It gives all records again after each state, as it was made to; without it, none.
  always_updated: true,
}

function connection(database: TestDatabase, more: object = {}): object {
  return {
    connection: 'people',
    source: { type: 'source-faker', config: { ...config, ...more } },
    destination: {
      type: 'postgres',
      config: { ...database.address, password: '${PG_PASSWORD}', schema: 'people' },
    },
    defaults: { sync_mode: 'incremental', destination_sync_mode: 'append_dedup' },
    limits: { commit_ms: 100 },
  }
}

async function rowsOf(database: TestDatabase, table: string): Promise<unknown> {
  const [row] = await database.query(
    `SELECT count(*)::int AS rows, count(DISTINCT id)::int AS ids FROM people.${table}`,
  )
  return row
}

/** The records that the program gives by itself. */
async function recordsOf(program: string): Promise<readonly Record<string, unknown>[]> {
  const folder = await newFolder('bare')
  const [configFile, catalogFile] = [join(folder, 'config.json'), join(folder, 'catalog.json')]
  await writeFile(configFile, JSON.stringify(config))
  const found = await execute(program, ['discover', '--config', configFile])
  const line = found.stdout.split('\n').find((text) => text.includes('"CATALOG"')) ?? '{}'
  const { catalog } = JSON.parse(line) as {
    readonly catalog: { readonly streams: readonly { readonly name: string }[] }
  }
  const streams = catalog.streams
    .filter(({ name }) => name === 'users')
    .map((stream) => ({
      stream,
      sync_mode: 'incremental',
      destination_sync_mode: 'append',
      cursor_field: ['updated_at'],
    }))
  await writeFile(catalogFile, JSON.stringify({ streams }))
  const args = ['read', '--config', configFile, '--catalog', catalogFile]
  const read = await execute(program, args, { maxBuffer: 2 ** 28 })
  return read.stdout
    .split('\n')
    .filter((text) => text.includes('"RECORD"'))
    .map((text) => (JSON.parse(text) as { record: { data: Record<string, unknown> } }).record.data)
}

// It installs a package from the package index: only if it is asked for.
describe.skipIf(process.env.AIRBYTE_PYPI !== '1')(
  'source-faker of PyPI',
  { timeout: 900_000 },
  () => {
    test('is loaded through a kill -9, equal to what it gives by itself; the second run is incremental', async () => {
      const { catalog, program } = await catalogWithFaker()
      await using database = await testDatabase()
      const env = {
        PG_PASSWORD: database.address.password,
        REACTOR_CONNECT_CATALOG_DIR: catalog,
        REACTOR_CONNECT_AIRBYTE_ENABLED: 'true',
      }
      await using file = await runFile(connection(database))
      const started = startRun(file.path, { env })
      await until(async () => {
        const found = await database.query("SELECT to_regclass('people.users') AS name")
        if (found[0]?.name == null) return false
        return Number((await database.query('SELECT count(*) FROM people.users'))[0]?.count) >= 100
      }, 300_000)
      started.process.kill('SIGKILL')
      await started.end
      const end = await run(file.path, { env })
      expect(end.code, end.stderr).toBe(0)
      expect(await rowsOf(database, 'users')).toEqual({ rows: count, ids: count })
      expect(await rowsOf(database, 'products')).toMatchObject({ rows: 100 })
      const bare = await recordsOf(program)
      const loaded = await database.query(
        'SELECT id::int, name, email, address FROM people.users ORDER BY id',
      )
      const shown = bare
        .map(({ id, name, email, address }) => ({ id, name, email, address }))
        .toSorted((a, b) => Number(a.id) - Number(b.id))
      expect(loaded).toEqual(shown)

      await using quiet = await runFile(connection(database, { always_updated: false }))
      const again = await run(quiet.path, { env })
      expect(again.code, again.stderr).toBe(0)
      expect(again.stderr).toMatch(/complete +users +0 read/)
      await using grown = await runFile(connection(database, { count: count + 200 }))
      const next = await run(grown.path, { env })
      expect(next.code, next.stderr).toBe(0)
      expect(await rowsOf(database, 'users')).toEqual({ rows: count + 200, ids: count + 200 })
    })

    test('its CDK runs the components in Python of a manifest, stream by stream, if that is allowed', async () => {
      const { program } = await catalogWithFaker()
      const catalog = await newFolder('catalog')
      await cp(join(import.meta.dirname, 'with-python'), join(catalog, 'labelled'), {
        recursive: true,
      })
      const file = importedProcess(catalog, 'airbyte-cdk')
      await mkdir(dirname(file), { recursive: true })
      const command = [join(dirname(program), 'source-declarative-manifest')]
      await writeFile(file, JSON.stringify(fakeDefinition({ name: 'airbyte-cdk', command })))
      await using database = await testDatabase()
      await using api = await TrackerApi.start(3)
      const env = {
        PG_PASSWORD: database.address.password,
        REACTOR_CONNECT_CATALOG_DIR: catalog,
        REACTOR_CONNECT_ALLOWED_NETWORKS: '127.0.0.1/32',
      }
      await using document = await runFile({
        ...connection(database),
        source: { type: 'labelled', config: { url: api.url } },
        defaults: { sync_mode: 'full_refresh', destination_sync_mode: 'append' },
      })
      const without = await run(document.path, { env })
      expect(without.code, without.stderr).toBe(0)
      expect(without.stderr).toMatch(/complete +projects/)
      expect(without.stderr).not.toMatch(/complete +labels/)
      const allowed = { ...env, REACTOR_CONNECT_AIRBYTE_ENABLED: 'true' }
      const end = await run(document.path, { env: allowed })
      expect(end.code, end.stderr).toBe(0)
      const rows = await database.query('SELECT id::int, label FROM people.labels ORDER BY id')
      expect(rows).toEqual([1, 2, 3].map((id) => ({ id, label: `project ${id}` })))
    })
  },
)
