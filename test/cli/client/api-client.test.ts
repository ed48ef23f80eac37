import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ApiClient } from '../../../cli/client/api-client.ts'
import { apiPath } from '../../../cli/client/api-path.ts'
import { followRun } from '../../../cli/client/follow-run.ts'
import { closedPort } from '../reactor-command.ts'
import { neverAborted } from '../../support/signal.ts'

async function withServer(
  listener: RequestListener,
  work: (client: ApiClient, url: string) => Promise<void>,
): Promise<void> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const url = `http://127.0.0.1:${port}`
  try {
    await work(new ApiClient({ url, key: 'kit-secret-key' }, neverAborted()), url)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const request = { method: 'GET', path: '/connect/v1/catalog' } as const
const json = { 'content-type': 'application/json' }

describe('the client', () => {
  test('says how to start the service where nothing listens', async () => {
    const url = `http://127.0.0.1:${await closedPort()}`
    const client = new ApiClient({ url, key: undefined }, neverAborted())
    const error: unknown = await client.ask(request, z.unknown()).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      code: 'service_unreachable',
      suggestedFix: expect.stringContaining('reactor connect serve') as string,
    })
  })

  test('says that a request may have been carried out if its connection was cut', async () => {
    await withServer(
      (asked) => {
        asked.resume().on('end', () => asked.socket.destroy())
      },
      async (client, url) => {
        const failure = (method: 'GET' | 'POST', isRead?: true): Promise<unknown> =>
          client
            .ask({ ...request, method, ...(isRead && { isRead }) }, z.unknown())
            .catch((thrown: unknown) => thrown)
        expect(await failure('POST')).toMatchObject({
          code: 'service_unreachable',
          message: expect.stringContaining(', after the request was sent') as string,
          suggestedFix: expect.stringContaining('before you repeat the command') as string,
          details: { url, may_be_done: true },
        })
        for (const harmless of [await failure('GET'), await failure('POST', true)]) {
          expect(harmless).toMatchObject({ code: 'service_unreachable' })
          expect(harmless).not.toHaveProperty('details.may_be_done')
        }
        const absent = new ApiClient(
          { url: `http://127.0.0.1:${await closedPort()}`, key: undefined },
          neverAborted(),
        )
        const refused = absent.tell({ ...request, method: 'POST' })
        await expect(refused).rejects.not.toHaveProperty('details.may_be_done')
      },
    )
  })

  test('keeps all digits of the numbers of a result', async () => {
    const text = '{"output":[9007199254740993,1e400]}'
    await withServer(
      (_request, response) => response.writeHead(200, json).end(text),
      async (client) => {
        const { document } = await client.ask(request, z.unknown())
        expect(JSON.stringify(document)).toBe(text)
      },
    )
  })

  const html = { 'content-type': 'text/html' }
  test.each([
    { what: 'a page', status: 200, headers: html, body: '<html>kit-page</html>' },
    { what: 'an error of another program', status: 500, headers: html, body: 'No' },
    { what: 'half an error', status: 500, headers: json, body: '{"error":{' },
    { what: 'another document', status: 200, headers: json, body: '{"other":1}' },
    { what: 'half an answer', status: 200, headers: json, body: '{"items":[' },
    { what: 'an error in another form', status: 400, headers: json, body: '{"message":"no"}' },
    { what: 'a redirect', status: 302, headers: { location: 'http://127.0.0.1:1/x' }, body: '' },
  ])('takes $what for what it is', async ({ status, headers, body }) => {
    const seen: string[] = []
    await withServer(
      (asked, response) => {
        seen.push(asked.url ?? '')
        response.writeHead(status, headers).end(body)
      },
      async (client) => {
        const asking = client.ask(request, z.object({ items: z.array(z.unknown()) }))
        await expect(asking).rejects.toMatchObject({ code: 'service_answer_invalid' })
      },
    )
    expect(seen).toEqual([request.path])
  })

  test.each([
    { what: 'a page', status: 502, headers: html, body: '<h1>Bad gateway</h1>' },
    { what: 'nothing', status: 503, headers: {}, body: '' },
    { what: 'half of JSON', status: 504, headers: json, body: '{"error":{' },
  ])('tells $what of a proxy from a response of the service', async ({ status, headers, body }) => {
    await withServer(
      (_, response) => response.writeHead(status, headers).end(body),
      async (client) => {
        const before = `a proxy before it responded with status ${String(status)}`
        const failure = (method: 'GET' | 'POST'): Promise<unknown> =>
          client.tell({ ...request, method }).catch((thrown: unknown) => thrown)
        expect(await failure('POST')).toMatchObject({
          code: 'service_unreachable',
          message: expect.stringContaining(`${before}, and the request may have been`) as string,
          suggestedFix: expect.stringContaining('before you repeat the command') as string,
          details: { status, may_be_done: true },
        })
        const harmless = await failure('GET')
        expect(harmless).toMatchObject({
          code: 'service_unreachable',
          message: expect.stringContaining(before) as string,
        })
        expect(harmless).not.toHaveProperty('details.may_be_done')
      },
    )
  })

  test('shows an error that it does not know as the service said it, without escape sequences', async () => {
    const error = {
      code: 'of_the_future',
      message: 'It is \u001B[31mred',
      suggested_fix: 'Wait.',
      request_id: 'r',
    }
    await withServer(
      (_, response) => response.writeHead(409, json).end(JSON.stringify({ error })),
      async (client) => {
        const thrown: unknown = await client.tell(request).catch((refused: unknown) => refused)
        expect(thrown).toMatchObject({
          code: 'service_refused',
          message: 'It is �[31mred [of_the_future]',
          suggestedFix: 'Wait.',
        })
      },
    )
  })

  test('keeps every name in its segment of the path', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (name) => {
        fc.pre(name !== '.' && name !== '..' && name.isWellFormed())
        const { pathname } = new URL(`http://x${apiPath('instances', name, 'check')}`)
        const [, , , before, segment = '', after, ...more] = pathname.split('/')
        expect([before, decodeURIComponent(segment), after, more]).toEqual([
          ...['instances', name, 'check', []],
        ])
      }),
    )
    for (const name of ['', '.', '..'])
      expect(() => apiPath('instances', name)).toThrow(/is not a valid name/)
  })
})

describe('following a run', () => {
  const run = {
    id: 'run_1',
    connection: 'c',
    status: 'running',
    trigger: 'manual',
    created_at: 'x',
    started_at: null,
    ended_at: null,
    read: 0,
    loaded: 0,
    rejected: 0,
    error: null,
    attempts: 1,
    retry_of: null,
    streams: [],
    warnings: [],
    schema_changes: [],
  }
  const line = (seq: number): object => ({
    seq,
    at: '2026-11-26T12:00:00.000Z',
    level: 'info',
    message: `m${seq}`,
    fields: {},
  })
  const event = (name: string, data: unknown, id?: number): string =>
    `event: ${name}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`
  const following = { path: '/logs', after: 0, signal: neverAborted() }

  test('goes on after the last line where the connection breaks or ends early', async () => {
    const asked: unknown[] = []
    await withServer(
      (request_, response) => {
        asked.push(request_.headers['last-event-id'])
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        if (asked.length === 1) {
          response.write(event('log', line(1), 1) + event('log', line(2), 2), () => {
            response.destroy()
          })
        } else if (asked.length === 2) response.end(event('run', run))
        else response.end(event('unknown', 1) + event('log', line(3), 3) + event('end', {}))
      },
      async (client) => {
        const news: string[] = []
        for await (const each of followRun(client, following))
          news.push(each.type === 'log' ? each.line.message : each.run.status)
        expect(news).toEqual(['m1', 'm2', 'running', 'm3'])
      },
    )
    expect(asked).toEqual(['0', '2', '2'])
  })

  test('ends with the error that the service gives', async () => {
    const error = { code: 'run_not_found', message: 'x', suggested_fix: 'y', details: { run: 'r' } }
    await withServer(
      (_, response) => response.writeHead(200).end(event('error', { error })),
      async (client) => {
        await expect(followRun(client, following).next()).rejects.toMatchObject({
          code: 'run_not_found',
          message: 'There is no run r',
        })
      },
    )
  })

  test('does not wait for a service that was never there', async () => {
    const url = `http://127.0.0.1:${await closedPort()}`
    const client = new ApiClient({ url, key: undefined }, following.signal)
    await expect(followRun(client, following).next()).rejects.toMatchObject({
      code: 'service_unreachable',
    })
  })
})
