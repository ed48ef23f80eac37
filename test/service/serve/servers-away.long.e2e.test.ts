import { rename } from 'node:fs/promises'
import { createServer, connect as connectTo, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'vitest'
import { z } from 'zod'
import { metadataTemplate, startPostgres, testDatabase } from '../../support/postgres.ts'
import { runSchema, runWhen, serviceFolder } from '../../support/service-process.ts'
import type { ServiceProcess } from '../../support/service-process.ts'
import { longTest } from '../../support/long.ts'

const anything = z.unknown()
/** The grace period that docs/operations.md asks of a container is the promise, so it is measured. */
const graceMs = 45_000

async function slowRun(service: ServiceProcess): Promise<string> {
  const stream = { name: 'items', columns: 'narrow', rows: 30_000, rows_per_second: 1_000 }
  const config = { streams: [{ ...stream, state_every: 200 }] }
  await service.ask(anything, '/instances', { body: { name: 'fake', type: 'faker', config } })
  await service.ask(anything, '/connections', {
    body: { name: 'shop', from: 'fake', destination: 'data:shop', activate: true },
  })
  const { id } = await service.ask(runSchema, '/connections/shop/runs', { method: 'POST' })
  await runWhen(service, id, (run) => run.loaded > 500)
  return id
}

async function stopMs(service: ServiceProcess): Promise<number> {
  const startedMs = Date.now()
  await service.stop()
  return Date.now() - startedMs
}

test.concurrent(
  'SIGTERM ends the service within the documented time while the metadata database is gone',
  async ({ expect }) => {
    await using metadata = await startPostgres()
    await using data = await testDatabase()
    await using folder = await serviceFolder()
    const environment = {
      REACTOR_CONNECT_DATABASE_URL: metadata.url,
      REACTOR_CONNECT_DATA_DATABASE_URL: data.url,
    }
    const service = await folder.start({ environment })
    await slowRun(service)
    await metadata.kill9()
    expect(await stopMs(service)).toBeLessThan(graceMs)
  },
  120_000,
)

/** Passes bytes on until it is switched to swallow them: the peer is there, but never responds. */
async function blackHole(port: number): Promise<{
  readonly port: number
  swallow(): void
  [Symbol.asyncDispose](): Promise<void>
}> {
  let isSwallowing = false
  const sockets = new Set<Socket>()
  const server: Server = createServer((client) => {
    const upstream = connectTo(port, '127.0.0.1')
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from)
      from.on('error', () => undefined)
      from.on('data', (bytes) => {
        if (!isSwallowing) to.write(bytes)
      })
      from.on('close', () => {
        if (!isSwallowing) to.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    swallow: () => {
      isSwallowing = true
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

longTest.concurrent(
  'SIGTERM ends the service within the documented time while the metadata database takes requests and never answers',
  async ({ expect }) => {
    await using metadata = await testDatabase(metadataTemplate)
    await using data = await testDatabase()
    await using hole = await blackHole(metadata.address.port)
    await using folder = await serviceFolder()
    const url = new URL(metadata.url)
    url.port = String(hole.port)
    const environment = {
      REACTOR_CONNECT_DATABASE_URL: url.href,
      REACTOR_CONNECT_DATA_DATABASE_URL: data.url,
    }
    const service = await folder.start({ environment })
    await slowRun(service)
    hole.swallow()
    expect(await stopMs(service)).toBeLessThan(graceMs)
  },
  120_000,
)

longTest.concurrent(
  'SIGTERM ends the service within the documented time while the metadata database is read-only',
  async ({ expect }) => {
    await using metadata = await testDatabase(metadataTemplate)
    await using data = await testDatabase()
    await using folder = await serviceFolder()
    const environment = {
      REACTOR_CONNECT_DATABASE_URL: metadata.url,
      REACTOR_CONNECT_DATA_DATABASE_URL: data.url,
    }
    const service = await folder.start({ environment })
    await slowRun(service)
    const { database } = metadata.address
    await metadata.query(`ALTER DATABASE ${database} SET default_transaction_read_only = on`)
    await metadata.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()',
      [database],
    )
    await expect
      .poll(async () => (await fetch(`${service.url}/readyz`)).status, { timeout: 20_000 })
      .toBe(503)
    expect(await stopMs(service)).toBeLessThan(graceMs)
  },
  120_000,
)

test.concurrent(
  'a vault that is gone is told at the start, and its instances say that they lack their credentials',
  async ({ expect }) => {
    await using metadata = await testDatabase(metadataTemplate)
    await using data = await testDatabase()
    await using folder = await serviceFolder()
    const environment = {
      REACTOR_CONNECT_DATABASE_URL: metadata.url,
      REACTOR_CONNECT_DATA_DATABASE_URL: data.url,
    }
    const first = await folder.start({ environment })
    const { host, port, user, database } = data.address
    const config = { host, port, user, database, password: 'kit-secret-vault', ssl: 'disable' }
    await first.ask(anything, '/instances', { body: { name: 'pw', type: 'postgres', config } })
    await first.stop()
    await rename(join(folder.path, 'vault'), join(folder.path, 'vault-elsewhere'))

    const second = await folder.start({ environment, key: first.key })
    expect(second.output()).toContain('the vault has no secrets of these instances')
    const instance = z.object({ credentials: z.string() })
    expect(await second.ask(instance, '/instances/pw')).toEqual({ credentials: 'missing' })
    const check = z.object({ message: z.string() })
    expect(await second.ask(check, '/instances/pw/check', { method: 'POST' })).toMatchObject({
      message: expect.stringContaining('lacks credentials: /password') as string,
    })
    await second.stop()
    await rename(join(folder.path, 'vault'), join(folder.path, 'vault-new'))
    await rename(join(folder.path, 'vault-elsewhere'), join(folder.path, 'vault'))

    const third = await folder.start({ environment, key: first.key })
    expect(await third.ask(instance, '/instances/pw')).toEqual({ credentials: 'ready' })
  },
  120_000,
)
