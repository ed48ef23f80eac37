import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { importFake } from '../../support/airbyte-process.ts'
import { newFolder } from '../../support/new-folder.ts'
import { testDatabase, type TestDatabase } from '../../support/postgres.ts'
import { runFile } from '../../support/run-file.ts'
import { run, startRun } from '../../cli/reactor-command.ts'
import { runHere } from '../../cli/run-here.ts'
import { until } from './until.ts'

const key = 'key-of-the-fake-source'

async function catalogWithFake(): Promise<string> {
  const folder = await newFolder('catalog')
  importFake(folder)
  return folder
}

function connection(database: TestDatabase, config: object, streams: unknown = 'all'): object {
  return {
    connection: 'fake',
    source: { type: 'fake', config: { api_key: key, ...config } },
    destination: {
      type: 'postgres',
      config: { ...database.address, password: '${PG_PASSWORD}', schema: 'copy' },
    },
    streams,
  }
}

function environment(database: TestDatabase, catalog: string): Record<string, string> {
  return {
    PG_PASSWORD: database.address.password,
    REACTOR_CONNECT_CATALOG_DIR: catalog,
    REACTOR_CONNECT_AIRBYTE_ENABLED: 'true',
  }
}

async function rowsOf(database: TestDatabase, table: string): Promise<unknown> {
  const [row] = await database.query(
    `SELECT count(*)::int AS rows, count(DISTINCT id)::int AS ids FROM copy.${table}`,
  )
  return row
}

const incremental = [{ name: 'orders', sync_mode: 'incremental', destination_sync_mode: 'append' }]

describe.concurrent('a run of an external connector', { timeout: 120_000 }, () => {
  test('is refused unless the operator allows programs, and the error says how', async () => {
    await using database = await testDatabase()
    await using file = await runFile(connection(database, { rows: 5 }))
    const env = environment(database, await catalogWithFake())
    const end = await runHere(file.path, {
      env: { ...env, REACTOR_CONNECT_AIRBYTE_ENABLED: undefined },
    })
    expect(end.code).not.toBe(0)
    expect(end.stderr).toContain('[airbyte_disabled]')
    expect(end.stderr).toContain('REACTOR_CONNECT_AIRBYTE_ENABLED=true')
  })

  test('loads its streams, and the next run what is new; its log shows no secret', async () => {
    await using database = await testDatabase()
    const env = environment(database, await catalogWithFake())
    await using first = await runFile(connection(database, { rows: 95 }))
    const end = await runHere(first.path, { env, args: ['--log-level', 'debug'] })
    expect(end.code, end.stderr).toBe(0)
    expect(await rowsOf(database, 'orders')).toEqual({ rows: 95, ids: 95 })
    expect(await rowsOf(database, 'notes')).toEqual({ rows: 95, ids: 95 })
    expect(end.stderr).toContain('begins with key')
    expect(end.stderr).not.toContain(key)
    await using second = await runFile(connection(database, { rows: 120 }))
    const next = await runHere(second.path, { env })
    expect(next.stderr).toMatch(/complete +orders +25 read, 25 loaded/)
    expect(await rowsOf(database, 'orders')).toEqual({ rows: 120, ids: 120 })
  })

  test.each(['STREAM', 'GLOBAL', 'LEGACY'])(
    'that is killed in between goes on from its %s state: each record once, and no process is left',
    async (form) => {
      await using database = await testDatabase()
      const env = environment(database, await catalogWithFake())
      const facts = join(await newFolder('facts'), 'facts.json')
      const config = { rows: 400, state_form: form, pause_ms: 100, facts_file: facts }
      await using file = await runFile({
        ...connection(database, config, incremental),
        limits: { commit_ms: 100 },
      })
      const started = startRun(file.path, { env })
      await until(async () => {
        const found = await database.query("SELECT to_regclass('copy.orders') AS name")
        if (found[0]?.name == null) return false
        return Number((await database.query('SELECT count(*) FROM copy.orders'))[0]?.count) >= 10
      })
      started.process.kill('SIGKILL')
      await started.end
      const [line = '{}'] = readFileSync(facts, 'utf8').split('\n')
      const { pid, folder } = JSON.parse(line) as { readonly pid: number; readonly folder: string }
      await until(() => Promise.resolve(!isAlive(pid) && !existsSync(folder)))
      await using rest = await runFile(
        connection(database, { ...config, pause_ms: 0 }, incremental),
      )
      const end = await run(rest.path, { env })
      expect(end.code, end.stderr).toBe(0)
      expect(await rowsOf(database, 'orders')).toEqual({ rows: 400, ids: 400 })
    },
  )

  test('that fails once is tried again from its last state', async () => {
    await using database = await testDatabase()
    const env = environment(database, await catalogWithFake())
    const once = join(await newFolder('once'), 'fault')
    const fault = { kind: 'crash', at: 35, once_file: once }
    await using file = await runFile(connection(database, { rows: 95, fault }, incremental))
    const end = await runHere(file.path, { env })
    expect(end.code, end.stderr).toBe(0)
    expect(existsSync(once)).toBe(true)
    expect(await rowsOf(database, 'orders')).toEqual({ rows: 95, ids: 95 })
  })
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/\(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
