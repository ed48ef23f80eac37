import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { metadataTemplate, testDatabase, type TestDatabase } from '../support/postgres.ts'
import {
  serviceFolder,
  type ServiceFolder,
  type ServiceProcess,
} from '../support/service-process.ts'
import { reactor as runHere, type CommandEnd } from '../cli/service-command-line.ts'

let folder: ServiceFolder
let service: ServiceProcess
let metadata: TestDatabase
let source: TestDatabase
let data: TestDatabase

beforeAll(async () => {
  folder = await serviceFolder()
  metadata = await testDatabase(metadataTemplate)
  source = await testDatabase()
  data = await testDatabase()
  await source.query('CREATE TABLE orders (id int PRIMARY KEY, note text)')
  await source.query("INSERT INTO orders SELECT n, 'n' || n FROM generate_series(1, 120) AS n")
  service = await start()
}, 120_000)
afterAll(async () => {
  await folder[Symbol.asyncDispose]()
  for (const database of [metadata, source, data]) await database[Symbol.asyncDispose]()
})

function start(): Promise<ServiceProcess> {
  return folder.start({
    environment: {
      REACTOR_CONNECT_DATABASE_URL: metadata.url,
      REACTOR_CONNECT_DATA_DATABASE_URL: data.url,
    },
  })
}

async function reactor(line: string | readonly string[], key = service.key): Promise<CommandEnd> {
  const argv = typeof line === 'string' ? line.split(' ') : line
  const environment = { REACTOR_CONNECT_URL: service.url, REACTOR_CONNECT_API_KEY: key }
  return runHere(['connect', ...argv], { environment })
}

async function succeeds(line: string | readonly string[], key?: string): Promise<string> {
  const end = await reactor(line, key)
  expect(end, `${String(line)}: ${end.err}`).toMatchObject({ code: 0 })
  return end.out
}

/** As soon as the query gives a row. */
async function row(database: TestDatabase, sql: string): Promise<Record<string, unknown>> {
  const giveUpAt = Date.now() + 60_000
  for (;;) {
    const [found] = await database.query(sql)
    if (found !== undefined) return found
    if (Date.now() > giveUpAt) throw new Error(`no row: ${sql}\n${service.output()}`)
    await sleep(100)
  }
}

const schemas = `SELECT nspname FROM pg_namespace WHERE nspname LIKE 'reactor_sandbox%'`

test('a connection that is promoted with the token of its sandbox loads its first run, and its schedule fires', async () => {
  const config = JSON.stringify({ ...source.address, schemas: ['public'] })
  await succeeds(['instances', 'create', 'db', '--type', 'postgres', '--config', config])
  const created = await succeeds([
    ...'connections create shop --from db --dest data:shop --schedule'.split(' '),
    '0 0 1 1 *',
  ])
  expect(created).toContain('next: reactor connect connections sandbox shop')
  expect((await reactor('connections runs start shop')).err).toContain('[connection_inactive]')

  const shown = await succeeds('connections sandbox shop --limit-rows 50')
  expect(shown).toContain('public.orders -> shop.orders')
  expect(shown).toMatch(/\+ +table +new/)
  expect(shown).toMatch(/\+ +column +note +text/)
  expect(shown).toMatch(/^1 of 1 stream changes: at least 50 rows inserted, /)
  expect(shown).toMatch(/50 records read .*at most 50 of a stream \(1 stream cut\)/)
  const token = /promote shop --token (\S+)/.exec(shown)?.[1] ?? 'none'
  expect(await data.query("SELECT FROM pg_tables WHERE schemaname = 'shop'")).toEqual([])

  const promoted = await succeeds(`connections promote shop --token ${token}`)
  expect(promoted).toContain('shop is active')
  const again = await reactor(`connections promote shop --token ${token} --json`)
  expect(again.code).toBe(1)
  const run = /its run (\S+) is/.exec(promoted)?.[1]
  expect(JSON.parse(again.out)).toMatchObject({
    error: { code: 'promote_token_used', details: { run } },
  })
  const runs = 'reactor_connect_service.runs'
  await row(metadata, `SELECT FROM ${runs} WHERE trigger = 'promote' AND status = 'complete'`)
  expect(await data.query('SELECT count(*)::int FROM shop.orders')).toEqual([{ count: 120 }])
  expect(await data.query(schemas)).toEqual([])

  await metadata.query('UPDATE reactor_connect_service.connections SET next_run_at = now()')
  await row(metadata, `SELECT FROM ${runs} WHERE trigger = 'schedule' AND status = 'complete'`)
}, 120_000)

test('an agent promotes what it has seen, and nobody else does; what changed since is shown with the new command', async () => {
  const agent = (await succeeds('keys create helper --kind agent')).trim()
  const viewer = (await succeeds('keys create screen --kind viewer')).trim()
  const sandbox = z.object({ promote_token: z.string() })
  const shown = await succeeds('connections sandbox shop --json', agent)
  const first = sandbox.parse(JSON.parse(shown))
  const promoteFirst = `connections promote shop --token ${first.promote_token}`
  expect((await reactor(promoteFirst, viewer)).err).toContain('[permission_denied]')
  expect((await reactor(promoteFirst)).err).toContain('[promote_token_invalid]')
  await source.query('ALTER TABLE orders ADD COLUMN paid boolean')
  const outdated = await reactor(promoteFirst, agent)
  expect(outdated).toMatchObject({ code: 1 })
  expect(outdated.err).toContain('the schema of the source changed [promote_outdated]')
  expect(outdated.out).toMatch(/\+ +column +paid +boolean/)
  const token = /promote shop --token (\S+)/.exec(outdated.out)?.[1] ?? 'none'
  await succeeds(`connections promote shop --token ${token}`, agent)
}, 120_000)

test('the next process sweeps what a sandbox left behind in a process that was killed', async () => {
  const items = { name: 'items', rows: 10_000, rows_per_second: 20, state_every: 10 }
  const config = JSON.stringify({ streams: [items] })
  await succeeds(['instances', 'create', 'slow', '--type', 'faker', '--config', config])
  await succeeds('connections create slow --from slow --dest data:slow')
  const asked = reactor('connections sandbox slow --limit-rows 10000')
  await row(data, schemas)
  await service.kill9()
  expect(await asked).toMatchObject({ code: 1 })
  const left = z.tuple([z.object({ nspname: z.string() })]).parse(await data.query(schemas))
  service = await start()
  // The dead process holds up nobody.
  await succeeds('connections sandbox slow --limit-rows 20')
  const isGone = `SELECT WHERE NOT EXISTS (${schemas} AND nspname = '${left[0].nspname}')`
  await row(data, isGone)
  const listed = JSON.parse(await succeeds('connections sandboxes slow --json')) as unknown
  expect(listed).toMatchObject([{ status: 'ready' }, { status: 'failed' }])
}, 120_000)
