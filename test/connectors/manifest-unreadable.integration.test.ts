import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { connectorOf, manifestType } from '../../connectors/registry.ts'
import type { SyncMode } from '../../sinks/sink.ts'
import { sandboxPlan } from '../engine/sandbox/sandbox-run.ts'
import { logConfig, planRun, runPlan } from '../support/engine.ts'
import { testKafka } from '../support/kafka.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { silent } from '../support/logger.ts'
import { neverAborted } from '../support/signal.ts'
import { newFolder } from '../support/new-folder.ts'
import { longTest, usually } from '../support/long.ts'

const manifest = (url: string, filters: string): string => `
version: 6.0.0
type: DeclarativeSource
check: { type: CheckStream, stream_names: [orders] }
streams:
  - type: DeclarativeStream
    name: orders
    retriever:
      type: SimpleRetriever
      requester:
        type: HttpRequester
        url_base: ${url}
        path: orders
        error_handler: { type: DefaultErrorHandler, max_retries: 0, response_filters: ${filters} }
      record_selector: { type: RecordSelector, extractor: { type: DpathExtractor, field_path: [data] } }
    schema_loader:
      type: InlineSchemaLoader
      schema: { type: object, properties: { id: { type: integer } } }
`

const rows = '{"data":[{"id":1},{"id":2}]}'
const maintenance = '<!doctype html><title>Maintenance</title>'

/** An API with one response, which a test changes, and its manifest. */
async function ordersApi(filters = '[]') {
  const api = { answer: rows, status: 200 }
  const server = createServer((_request, response) => {
    response.writeHead(api.status, { 'content-type': 'text/html' })
    response.end(api.answer)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const folder = await newFolder('orders')
  const file = join(folder, 'orders.yaml')
  await writeFile(file, manifest(`http://127.0.0.1:${String(port)}/`, filters))
  const source = {
    type: manifestType(file),
    config: {},
    allowedNetworks: ['127.0.0.0/8'],
  }
  return {
    api,
    source,
    url: `http://127.0.0.1:${String(port)}/orders`,
    [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      return Promise.resolve()
    },
  }
}

type Orders = Awaited<ReturnType<typeof ordersApi>>

async function planOf({ source }: Orders, db: TestDatabase, mode: SyncMode) {
  const { prefix: connection } = testKafka()
  const { address: destination } = db
  return planRun({
    connection,
    source,
    destination,
    mode,
    schema: 'shop',
    log: logConfig('embedded'),
  })
}

const count = async (db: TestDatabase) =>
  (await db.query('SELECT count(*)::int AS rows FROM shop.orders'))[0]?.rows

// Concurrent: a stream that fails waits between its attempts most of the time.
const timeout = 120_000

test.concurrent.each(
  usually(1, [
    ['a page of maintenance', maintenance],
    ['an empty body', ''],
  ]),
)('an overwrite does not empty the table for %s', { timeout }, async (_name, answer) => {
  await using orders = await ordersApi()
  await using db = await testDatabase()
  const plan = await planOf(orders, db, 'overwrite')
  expect((await runPlan(plan)).result.status).toBe('complete')
  Object.assign(orders.api, { answer })
  const [failed] = (await runPlan(plan)).result.streams
  expect(failed?.error).toMatchObject({ code: 'source_answer_unreadable' })
  expect(failed?.error?.message).toContain(`GET ${orders.url} was no JSON (text/html, `)
  expect(await count(db)).toBe(2)
  const report = await sandboxPlan(plan)
  expect(JSON.stringify(report)).toContain('was no JSON (text/html, ')
  Object.assign(orders.api, { answer: '{"data":[]}' })
  expect((await runPlan(plan)).result.status).toBe('complete')
  expect(await count(db)).toBe(0)
})

test.concurrent(
  'an append fails as well, and so does the sandbox; the check says it',
  { timeout },
  async () => {
    await using orders = await ordersApi()
    await using db = await testDatabase()
    const plan = await planOf(orders, db, 'append')
    orders.api.answer = maintenance
    const warning = `The response to GET ${orders.url} was no JSON (text/html, begins with <!doctype html): it was treated as having no records.`
    const [failed] = (await runPlan(plan)).result.streams
    expect(failed?.error).toMatchObject({ code: 'source_answer_unreadable' })
    expect(JSON.stringify(await sandboxPlan(plan))).toContain('was no JSON (text/html, ')
    const status = await (
      await connectorOf(orders.source.type)
    ).check(
      {},
      {
        logger: silent,
        signal: neverAborted(),
        allowedNetworks: ['127.0.0.0/8'],
        now: Date.now,
      },
    )
    expect(status).toEqual({ status: 'SUCCEEDED', message: warning })
  },
)

longTest.concurrent(
  'an answer without a body, or one that the manifest ignores, empties the table of an overwrite',
  { timeout },
  async () => {
    await using orders = await ordersApi(
      '[{ type: HttpResponseFilter, action: IGNORE, predicate: "{{ not response }}" }]',
    )
    await using db = await testDatabase()
    const plan = await planOf(orders, db, 'overwrite')
    for (const empty of [
      { status: 204, answer: '' },
      { status: 200, answer: '' },
    ]) {
      Object.assign(orders.api, { status: 200, answer: rows })
      expect((await runPlan(plan)).result.status).toBe('complete')
      expect(await count(db)).toBe(2)
      Object.assign(orders.api, empty)
      const { result } = await runPlan(plan)
      expect(result.streams[0]).toMatchObject({
        status: 'complete',
        warnings: [expect.stringContaining('were deleted: 2.')],
      })
      expect(await count(db)).toBe(0)
    }
  },
)
