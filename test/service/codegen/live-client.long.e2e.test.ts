import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { startCommand } from '../../e2e/command.ts'
import { newFolder } from '../../support/new-folder.ts'
import {
  serviceFolder,
  type ServiceFolder,
  type ServiceProcess,
} from '../../support/service-process.ts'
import { problemsOf, strictestInNode } from './compile.ts'

/**
 * The whole way, as a user goes it: a running service, the command, the compiler, a program that uses the
 * client.
 */
let data: ServiceFolder
let service: ServiceProcess
let project: string

beforeAll(async () => {
  project = await newFolder('project')
  await writeFile(join(project, 'package.json'), '{ "type": "module" }')
  data = await serviceFolder()
  service = await data.start()
  const config = { streams: Array.from({ length: 100 }, (_, number) => fakerStream(number)) }
  const body = { name: 'hundred', type: 'faker', config }
  await service.ask(z.object({ name: z.string() }), '/instances', { body })
}, 120_000)
afterAll(async () => {
  await data[Symbol.asyncDispose]()
})

function fakerStream(number: number): object {
  const columns = number % 3 === 0 ? 'narrow' : 'typical'
  const namespace = number % 2 === 0 ? { namespace: 'mart' } : {}
  return {
    name: `table-${String(number).padStart(3, '0')}`,
    ...namespace,
    rows: 100 + number,
    columns,
  }
}

async function codegen(...more: readonly string[]): Promise<string> {
  const argv = ['connect', 'codegen', '--instance', 'hundred', ...more]
  const end = await startCommand(argv, { environment: { REACTOR_CONNECT_DATA_DIR: data.path } }).end
  expect(end.err).toBe('')
  expect(end.code).toBe(0)
  return end.out
}

const program = `
import { ConnectError, createClient, instance, type StreamName, type Streams } from './client.ts'

const [baseUrl = '', apiKey = ''] = process.argv.slice(2)
const client = createClient({ baseUrl, apiKey })
const streams = ['mart.table-000', 'table-001', { stream: 'mart.table-002', syncMode: 'full_refresh', destinationSyncMode: 'overwrite' }] as const
const row: Streams['table-001'] = { id: 9007199254740993n, email: 'ada@example.com', score: null }
const named: StreamName = 'mart.table-098'

async function codeOf(asked: Promise<unknown>): Promise<ConnectError['code']> {
  return asked.then(
    () => 'done',
    (error: unknown) => {
      if (error instanceof ConnectError) return error.code
      throw error
    },
  )
}

const { status } = await client.check()
const { catalog } = await client.discover({ refresh: true })
const connection = await client.connections.create({ name: 'three', streams, destination: 'data:three' })
const again = await codeOf(client.connections.create({ name: 'three', destination: 'data:three' }))
const early = await codeOf(client.runs.start('three'))
const active = await client.connections.activate('three')
const { id } = await client.runs.start('three', { idempotencyKey: 'once' })
const same = await client.runs.start('three', { idempotencyKey: 'once' })
const run = await client.runs.wait(id, { everyMs: 200, signal: AbortSignal.timeout(60_000) })
await client.connections.create({ name: 'tried', streams: ['table-003'], destination: 'data:tried' })
const { report, promote_token: token } = await client.connections.sandbox('tried', { limitRows: 10 })
const promoted = await client.connections.promote('tried', token ?? '')
const first = await client.runs.wait(promoted.run.id, { everyMs: 200 })
const used = await codeOf(client.connections.promote('tried', token ?? ''))
const wrongKey = await codeOf(createClient({ baseUrl, apiKey: 'rk_wrong' }).check())
const stopped = await client.check({ signal: AbortSignal.abort() }).catch((error: unknown) => String(error))
console.log(
  JSON.stringify({
    instance: instance.name, status, streams: catalog.streams.length, named, row: typeof row.id,
    before: connection.status, again, early, after: active.status, isSame: same.id === id,
    run: run.status, loaded: Object.fromEntries(run.streams.map((one) => [one.name, one.loaded])),
    wrongKey, stopped, used,
    sandbox: report.streams.map((one) => [one.name, one.read, one.diff_vs_current?.table_exists]),
    promoted: promoted.connection.status, first: [first.trigger, first.status, first.loaded],
  }),
)
`

test('a client of 100 streams compiles under strict, calls the service, and is the same bytes when made anew', async () => {
  const file = join(project, 'client.ts')
  await codegen('--out', file)
  const client = await readFile(file, 'utf8')
  expect(client.match(/^export type \w+Record = /gm)).toHaveLength(100)
  expect(await codegen('--out', file, '--check', '--refresh')).toBe(`${file}: up to date\n`)

  expect(problemsOf({ 'client.ts': client, 'program.ts': program }, strictestInNode)).toEqual([])

  await writeFile(join(project, 'program.ts'), program)
  const argv = [join(project, 'program.ts'), service.url, service.key]
  const { stdout } = await promisify(execFile)(process.execPath, argv)
  expect(JSON.parse(stdout)).toEqual({
    instance: 'hundred',
    status: 'SUCCEEDED',
    streams: 100,
    named: 'mart.table-098',
    row: 'bigint',
    before: 'inactive',
    again: 'name_taken',
    early: 'connection_inactive',
    after: 'active',
    isSame: true,
    run: 'complete',
    loaded: { 'table-000': 100, 'table-001': 101, 'table-002': 102 },
    sandbox: [['table-003', 10, false]],
    promoted: 'active',
    used: 'promote_token_used',
    first: ['promote', 'complete', 103],
    wrongKey: 'unauthorized',
    stopped: 'AbortError: This operation was aborted',
  })
}, 120_000)
