import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { errorCodeOf } from '../../../lib/files/error-code.ts'
import { startJobsService, type JobsService } from '../../fakes/jobs-service.ts'
import { startKv2Server, type Kv2Server } from '../../fakes/kv2-server.ts'
import { openDataPlace, schemaOf, type DataPlace } from '../../support/data-place.ts'
import { newFolder } from '../../support/new-folder.ts'
import {
  hasEnded,
  runSchema,
  runWhen,
  serviceFolder,
  type ServiceFolder,
  type ServiceProcess,
} from '../../support/service-process.ts'
import { longTest } from '../../support/long.ts'

/** The settings on the product's own page, word by word. */
const pageBlock = `[connect]
# Vault integration for credentials
vault_url = "http://localhost:8010"
[connect.data]
url = "http://localhost:8002"
api_key = "internal-data-api-key"
[connect.jobs]
url = "http://localhost:8005"
api_key = "internal-jobs-api-key"
[connect.storage]
url = "http://localhost:8003"
api_key = "internal-storage-api-key"
# Airbyte container adapter (size 5+ only — requires Docker/Firecracker)
[connect.airbyte]
enabled = false
`
const keys = { data: 'internal-data-api-key', jobs: 'internal-jobs-api-key' }
const anything = z.unknown()

interface Neighbours extends AsyncDisposable {
  readonly vault: Kv2Server
  readonly data: DataPlace
  readonly jobs: JobsService
}

/** Vault, Data and Jobs; on the ports of the page if these are wanted. */
async function openNeighbours(
  ports: { readonly vault?: number; readonly data?: number; readonly jobs?: number } = {},
): Promise<Neighbours> {
  await using parts = new AsyncDisposableStack()
  const vault = parts.use(await onceFree(() => startKv2Server(ports.vault)))
  const data = parts.use(
    await onceFree(() =>
      openDataPlace({ apiKey: keys.data, ...(ports.data !== undefined && { port: ports.data }) }),
    ),
  )
  const jobs = parts.use(
    await onceFree(() =>
      startJobsService({
        apiKey: keys.jobs,
        ...(ports.jobs !== undefined && { port: ports.jobs }),
      }),
    ),
  )
  const open = parts.move()
  return { vault, data, jobs, [Symbol.asyncDispose]: () => open.disposeAsync() }
}

/** Another run of this test on the machine may have the port. */
async function onceFree<Started>(start: () => Promise<Started>): Promise<Started> {
  const giveUpAt = Date.now() + 30_000
  for (;;) {
    try {
      return await start()
    } catch (error) {
      if (!isPortTaken(error) || Date.now() > giveUpAt) throw error
      await sleep(200)
    }
  }
}

function isPortTaken(error: unknown): boolean {
  return errorCodeOf(error) === 'EADDRINUSE'
}

async function start(
  folder: ServiceFolder,
  toml: string,
  environment: Readonly<Record<string, string>>,
): Promise<ServiceProcess> {
  const file = join(await newFolder('settings-page'), 'connect.toml')
  await writeFile(file, toml)
  return folder.start({ args: ['--config', file], environment })
}

/** A connection into a dataset, and a run of it. */
async function load(service: ServiceProcess, { data, jobs }: Neighbours): Promise<void> {
  const config = { streams: [{ name: 'items', columns: 'narrow', rows: 30 }] }
  await service.ask(anything, '/instances', { body: { name: 'fake', type: 'faker', config } })
  const connection = { name: 'shop', from: 'fake', destination: 'data:shop', activate: true }
  const schedule = { cron: '0 3 1 1 *' }
  await service.ask(anything, '/connections', { body: { ...connection, schedule } })
  const { id } = await service.ask(runSchema, '/connections/shop/runs', { method: 'POST' })
  expect(await runWhen(service, id, hasEnded)).toMatchObject({ status: 'complete', loaded: 30 })
  const [row] = await data.database.query(
    `SELECT count(*)::int AS rows FROM ${schemaOf('shop')}.items`,
  )
  expect(row).toEqual({ rows: 30 })
  expect(jobs.requests.some((request) => request.startsWith('PUT'))).toBe(true)
}

test('the settings of the page start the service as they stand', async (context) => {
  const opened = await openNeighbours({ vault: 8010, data: 8002, jobs: 8005 }).catch(
    (error: unknown) => {
      if (!isPortTaken(error)) throw error
      return undefined
    },
  )
  // The next test is the same on other ports.
  if (opened === undefined) return context.skip('another program has a port of the page')
  await using neighbours = opened
  await using folder = await serviceFolder()
  const service = await start(folder, pageBlock, { VAULT_TOKEN: neighbours.vault.rootToken })
  await load(service, neighbours)
  const ready = await fetch(`${service.url}/readyz`)
  expect(await ready.json()).toEqual({ status: 'ready', problems: [], warnings: [] })
  const headers = { authorization: `Bearer ${service.key}` }
  const metrics = await (await fetch(`${service.url}/metrics`, { headers })).text()
  expect(metrics).toContain('reactor_connect_service_part_up{part="data"} 1')
  expect(service.output()).not.toMatch(/internal-\w+-api-key/)
  expect(await service.stop()).toBe(0)
}, 180_000)

longTest(
  'with the token of the last login, and neighbours elsewhere',
  async () => {
    await using neighbours = await openNeighbours()
    await using folder = await serviceFolder()
    const { vault, data, jobs } = neighbours
    const toml = pageBlock
      .replace('http://localhost:8010', vault.url)
      .replace('http://localhost:8002', data.service.url)
      .replace('http://localhost:8005', jobs.url)
    const home = await newFolder('home')
    await writeFile(join(home, '.vault-token'), `${vault.rootToken}\n`)
    const service = await start(folder, toml, { HOME: home, REACTOR_CONNECT_LOG_LEVEL: 'trace' })
    await load(service, neighbours)
    expect(service.output()).not.toContain(data.mark)
    expect(service.output()).not.toContain(vault.rootToken)
    expect(service.output()).not.toMatch(/internal-\w+-api-key/)
    expect(await service.stop()).toBe(0)
  },
  180_000,
)

longTest('without a token one line says what is missing', async () => {
  await using folder = await serviceFolder()
  const home = await newFolder('home')
  const error = await start(folder, pageBlock, { HOME: home }).catch((thrown: unknown) => thrown)
  const text = error instanceof Error ? error.message : 'it started'
  expect(text).toContain(
    'needs vault_token or vault_token_file: neither is set, and there is no ~/.vault-token',
  )
  expect(text).toContain('Set `REACTOR_CONNECT_VAULT_TOKEN` or `VAULT_TOKEN`')
  expect(text).not.toMatch(/internal-\w+-api-key/)
})
