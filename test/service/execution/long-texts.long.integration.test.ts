import { once } from 'node:events'
import { createServer } from 'node:http'
import { expect, test } from 'vitest'
import { ConnectError } from '../../../protocol/index.ts'
import { dumpOf } from '../../support/all-texts.ts'
import { importManifest } from '../../support/import-manifest.ts'
import { runToEnd, testService, type TestService } from '../../support/test-service.ts'

/** As no vendor's is, and as any may be. */
const longToken = '!@#$%'.repeat(2_400)

interface LongVendor extends AsyncDisposable {
  readonly url: string
  /** Refuses everything from here on, with the token and almost as much text as a template may render. */
  refuse(): void
}

/** Gives such a token. */
async function longVendor(): Promise<LongVendor> {
  let refuses = false
  const server = createServer((request, response) => {
    request.resume()
    response.setHeader('content-type', 'application/json')
    if (request.url === '/token') {
      response.end(JSON.stringify({ access_token: longToken, expires_in: 3_600 }))
      return
    }
    if (!refuses) {
      const isSchema = request.url?.startsWith('/schema') === true
      const data = isSchema ? [{ fields: [{ name: 'id', type: 'number' }] }] : [{ id: 1 }]
      response.end(JSON.stringify({ data }))
      return
    }
    const sent = request.headers.authorization ?? ''
    const message = `no ${sent}\n${'line of the vendor '.repeat(450_000)}`
    response.statusCode = 401
    response.end(JSON.stringify({ error: { message } }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${String(port)}`,
    refuse: () => {
      refuses = true
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function outputOf(work: () => Promise<unknown>): Promise<string> {
  try {
    return JSON.stringify(await work())
  } catch (error) {
    return JSON.stringify(ConnectError.from(error))
  }
}

async function everyRoad({ service }: TestService): Promise<readonly string[]> {
  const { instances, runs, sandboxes } = service
  return [
    await outputOf(() => instances.check('vendor')),
    await outputOf(() => instances.discover('vendor', { refresh: true })),
    await outputOf(async () => runToEnd(runs, await runs.start('vendor'))),
    await outputOf(() => runs.list('vendor', { limit: 10 })),
    await outputOf(() => sandboxes.run('vendor', { limitRows: 10, principal: 'key_1' })),
  ]
}

test('a vendor with a long token and a message of megabytes is shown by the beginning of what it says', async () => {
  await using vendor = await longVendor()
  await using world = await testService({ logLevel: 'trace' })
  await importManifest(world.catalogDir, 'echo')
  const { instances, connections } = world.service
  const login = { kind: 'memory', client_id: 'client-1', client_secret: 's3cr3t-of-the-client' }
  const config = {
    url: vendor.url,
    header_secret: 'header-s3cr3t',
    deep: { query_secret: 'query-s3cr3t' },
    login: { ...login, refresh_token: 'refresh-s3cr3t' },
  }
  await instances.create({ name: 'vendor', type: 'echo', config })
  await connections.create({
    name: 'vendor',
    from: 'vendor',
    destination: 'data:vendor',
    activate: true,
    streams: [{ name: 'items' }],
  })
  world.work({ retries: { maxFruitless: 1, firstDelayMs: 10, maxDelayMs: 10 } })
  vendor.refuse()
  const outputs = await everyRoad(world)
  for (const text of outputs) {
    expect(text.length).toBeLessThan(20_000)
    expect(text).not.toContain('!@#')
  }
  expect(outputs.join('')).toMatch(/no Bearer \*{3,4}… \(cut: 8,5\d\d,\d{3} characters\)/)
  expect(outputs[2]).toContain('"status":"failed"')
  const logged = world.logged.join('')
  expect(logged.length).toBeLessThan(200_000)
  expect(logged + (await dumpOf(world.metadata))).not.toContain('!@#')
}, 120_000)
