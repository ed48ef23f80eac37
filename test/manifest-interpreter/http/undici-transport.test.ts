import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import {
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { TransportError, type HttpRequest } from '../../../manifest-interpreter/contracts.ts'
import {
  UndiciTransport,
  type UndiciTransportOptions,
} from '../../../manifest-interpreter/http/undici-transport.ts'

interface Received {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void

const received: Received[] = []
const sockets = new Set<Socket>()
let handlers = new Map<string, Handler>()
let server: Server
let base = ''

beforeAll(async () => {
  server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const { method, url, headers } = request
      received.push({ method, url, headers, body: Buffer.concat(parts).toString() })
      const handler = handlers.get(new URL(url ?? '', 'http://x').pathname)
      if (handler === undefined) response.writeHead(404).end()
      else handler(request, response)
    })
  })
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${String(port())}`
})

afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const open: UndiciTransport[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()))
  received.length = 0
  sockets.clear()
  handlers = new Map()
})

function port(): number {
  const address: AddressInfo | string | null = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

function transport(options: UndiciTransportOptions = {}): UndiciTransport {
  const made = new UndiciTransport({ allowedNetworks: ['127.0.0.0/8', '::1/128'], ...options })
  open.push(made)
  return made
}

function request(url: string, parts: Partial<HttpRequest> = {}): HttpRequest {
  return { method: 'GET', url, headers: new Map(), body: null, ...parts }
}

const { signal } = new AbortController()

async function failureOf(sent: Promise<unknown>): Promise<TransportError> {
  try {
    await sent
  } catch (error) {
    if (error instanceof TransportError) return error
    throw error
  }
  throw new Error('It did not fail.')
}

describe('the transport', () => {
  it('sends what it is given and its own headers where none are given', async () => {
    handlers.set('/x', (_, response) => response.writeHead(201, 'Made', { 'X-A': 'b' }).end('{}'))
    const answer = await transport().send(
      request(`${base}/x?a=1&b[]=2`, {
        method: 'POST',
        headers: new Map([
          ['Authorization', 'Bearer t'],
          ['Content-Length', '99'],
          ['User-Agent', 'mine'],
        ]),
        body: '{"ü": 1}',
      }),
      signal,
    )
    expect(answer).toMatchObject({ status: 201, reason: 'Made', ok: true, fromCache: false })
    expect(answer.headers.text('x-a')).toBe('b')
    expect([...answer.headers.keys()]).toContain('X-A')
    expect(received).toMatchObject([
      {
        method: 'POST',
        url: '/x?a=1&b%5B%5D=2',
        body: '{"ü": 1}',
        headers: {
          authorization: 'Bearer t',
          'user-agent': 'mine',
          accept: '*/*',
          'accept-encoding': 'gzip, deflate, br, zstd',
          'content-length': '9',
        },
      },
    ])
  })

  it.each([
    ['gzip', gzipSync('body of text')],
    ['deflate', deflateSync('body of text')],
    ['deflate', deflateRawSync('body of text')],
    ['br', brotliCompressSync('body of text')],
    ['zstd', zstdCompressSync('body of text')],
    ['gzip, br', brotliCompressSync(gzipSync('body of text'))],
    ['identity', Buffer.from('body of text')],
    ['unheard-of', Buffer.from('body of text')],
  ])('decompresses %s', async (encoding, body) => {
    handlers.set('/x', (_, response) =>
      response.writeHead(200, { 'Content-Encoding': encoding }).end(body),
    )
    const answer = await transport().send(request(`${base}/x`), signal)
    expect(await answer.text()).toBe('body of text')
  })

  it('takes an empty body for empty, whatever its encoding', async () => {
    handlers.set('/x', (_, response) =>
      response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(),
    )
    const answer = await transport().send(request(`${base}/x`), signal)
    expect(await answer.text()).toBe('')
  })

  it('streams a compressed body as it arrives', async () => {
    const rest = Promise.withResolvers<undefined>()
    handlers.set('/x', (_, response) => {
      response.writeHead(200, { 'Content-Encoding': 'identity' })
      response.write('first')
      void rest.promise.then(() => response.end('second'))
    })
    const answer = await transport().send(request(`${base}/x`), signal)
    const parts: string[] = []
    for await (const part of answer.stream()) {
      parts.push(Buffer.from(part).toString())
      rest.resolve(undefined)
    }
    expect(parts).toEqual(['first', 'second'])
  })

  it('uses connections again', async () => {
    handlers.set('/x', (_, response) => response.end('x'))
    const client = transport()
    for (let count = 0; count < 20; count += 1)
      await (await client.send(request(`${base}/x`), signal)).bytes()
    expect(received).toHaveLength(20)
    // A request may come before the last connection is free again.
    expect(sockets.size).toBeLessThanOrEqual(2)
  })

  it('frees the connection of a body that nobody wants', async () => {
    handlers.set('/big', (_, response) => response.end(Buffer.alloc(8 * 1024 * 1024)))
    handlers.set('/x', (_, response) => response.end('x'))
    const client = transport()
    await (await client.send(request(`${base}/big`), signal)).discard()
    const answer = await client.send(request(`${base}/x`), signal)
    expect(await answer.text()).toBe('x')
    await client.close()
    open.length = 0
  })
})

describe('a redirect', () => {
  it('is followed with the method and the body that requests would send', async () => {
    const to = (status: number) => (_: IncomingMessage, response: ServerResponse) =>
      response.writeHead(status, { Location: '/end?q=1' }).end('moved')
    for (const status of [301, 302, 303, 307, 308]) handlers.set(`/${String(status)}`, to(status))
    handlers.set('/end', (_, response) => response.end('end'))
    const client = transport()
    for (const status of [301, 302, 303, 307, 308]) {
      const answer = await client.send(
        request(`${base}/${String(status)}`, {
          method: 'POST',
          body: 'form',
          headers: new Map([['Content-Type', 'text/plain']]),
        }),
        signal,
      )
      expect(answer.url).toBe(`${base}/end?q=1`)
      expect(await answer.text()).toBe('end')
    }
    const ends = received.filter(({ url }) => url?.startsWith('/end'))
    expect(ends.map(({ method, body }) => [method, body])).toEqual([
      ['GET', ''],
      ['GET', ''],
      ['GET', ''],
      ['POST', 'form'],
      ['POST', 'form'],
    ])
    expect(ends.map(({ headers }) => headers['content-type'])).toEqual([
      undefined,
      undefined,
      undefined,
      'text/plain',
      'text/plain',
    ])
  })

  it('to another host takes no header along that may hold a key, to the same one it does', async () => {
    handlers.set('/away', (_, response) =>
      response.writeHead(302, { Location: `http://localhost:${String(port())}/end` }).end(),
    )
    handlers.set('/stay', (_, response) => response.writeHead(302, { Location: '/end' }).end())
    handlers.set('/end', (_, response) => response.end('end'))
    const client = transport()
    const headers = new Map([
      ...([
        ['Authorization', 'Bearer t'],
        ['X-Secret', 's'],
        ['X-Api-Key', 'k'],
      ] as const),
      ...([
        ['Accept', 'text/csv'],
        ['User-Agent', 'connect'],
      ] as const),
    ])
    await (await client.send(request(`${base}/away`, { headers }), signal)).bytes()
    await (await client.send(request(`${base}/stay`, { headers }), signal)).bytes()
    const ends = received.filter(({ url }) => url === '/end')
    const shown = ends.map(({ headers: { authorization, accept, ...rest } }) => [
      ...[authorization, rest['x-secret'], rest['x-api-key'], accept, rest['user-agent']],
    ])
    expect(shown).toEqual([
      [undefined, undefined, undefined, 'text/csv', 'connect'],
      ['Bearer t', 's', 'k', 'text/csv', 'connect'],
    ])
  })

  it.each([307, 308])('with status %i takes no body to another origin', async (status) => {
    const away = `http://localhost:${String(port())}/end?code=secret`
    handlers.set('/away', (_, response) => response.writeHead(status, { Location: away }).end())
    handlers.set('/end', (_, response) => response.end('end'))
    const client = transport()
    const post = { method: 'POST', body: 'client_secret=s' }
    const failure = await failureOf(client.send(request(`${base}/away?key=secret`, post), signal))
    expect(failure.kind).toBe('refused-redirect')
    expect(failure.message).toBe(
      `${base}/away redirects a request with a body to another server, http://localhost:${String(port())}, which would get its contents. If that is the right one, put its URL into the manifest or the configuration.`,
    )
    expect(received.map(({ url }) => url)).toEqual(['/away?key=secret'])
    const get = await client.send(request(`${base}/away`), signal)
    expect(await get.text()).toBe('end')
  })

  it('takes a request for a token to no other origin, with a body or without', async () => {
    const away = `http://localhost:${String(port())}/end`
    handlers.set('/away', (_, response) => response.writeHead(302, { Location: away }).end())
    handlers.set('/stay', (_, response) => response.writeHead(302, { Location: '/end' }).end())
    handlers.set('/end', (_, response) => response.end('end'))
    const client = transport()
    const login = { method: 'POST', body: 'client_secret=s', staysAtOrigin: true }
    for (const parts of [login, { staysAtOrigin: true }]) {
      const failure = await failureOf(client.send(request(`${base}/away`, parts), signal))
      expect(failure.kind).toBe('refused-redirect')
      expect(failure.message).toContain(
        'redirects a request that is for it alone to another server',
      )
    }
    expect(received.filter(({ url }) => url === '/end')).toEqual([])
    expect(await (await client.send(request(`${base}/stay`, login), signal)).text()).toBe('end')
  })

  it('that never ends fails', async () => {
    handlers.set('/loop', (_, response) => response.writeHead(302, { Location: '/loop' }).end())
    const failure = await failureOf(transport().send(request(`${base}/loop?key=secret`), signal))
    expect(failure.kind).toBe('limit')
    expect(failure.message).toBe(`${base}/loop redirects more than 30 times. Check the URL.`)
    expect(received).toHaveLength(31)
  })
})

describe('a request that fails', () => {
  it('for lack of a server says where, without the query', async () => {
    const failure = await failureOf(
      transport().send(request('http://127.0.0.1:1/path?key=secret'), signal),
    )
    expect(failure).toMatchObject({
      kind: 'connection',
      message: 'The connection to http://127.0.0.1:1/path failed (ECONNREFUSED).',
    })
  })

  it('because its headers are too large is told so', async () => {
    handlers.set('/headers', (_, response) => response.setHeader('X', 'x'.repeat(200_000)).end())
    const failure = await failureOf(transport().send(request(`${base}/headers`), signal))
    expect(failure).toMatchObject({
      kind: 'limit',
      message: `The headers of the response from ${base}/headers are larger than 128 KB.`,
    })
  })

  it('for lack of an answer is a timeout', async () => {
    handlers.set('/slow', () => undefined)
    const failure = await failureOf(
      transport().send(request(`${base}/slow?key=secret`, { readTimeoutMs: 50 }), signal),
    )
    expect(failure).toMatchObject({
      kind: 'timeout',
      message: `${base}/slow did not respond in time.`,
    })
  })

  it('in the middle of the body fails when the body is read', async () => {
    handlers.set('/cut', (_, response) => {
      response.writeHead(200, { 'Content-Length': '100' })
      response.write('part', () => response.destroy())
    })
    const answer = await transport().send(request(`${base}/cut`), signal)
    const failure = await failureOf(answer.bytes())
    expect(failure.kind).toBe('connection')
  })

  it('in the middle of a compressed body fails when the body is read', async () => {
    handlers.set('/cut', (_, response) =>
      response
        .writeHead(200, { 'Content-Encoding': 'gzip' })
        .end(gzipSync('body of text'.repeat(100)).subarray(0, 30)),
    )
    const answer = await transport().send(request(`${base}/cut`), signal)
    expect((await failureOf(answer.bytes())).kind).toBe('connection')
  })

  it('is aborted with the reason of the signal', async () => {
    handlers.set('/slow', () => undefined)
    const controller = new AbortController()
    const sent = transport().send(request(`${base}/slow`), controller.signal)
    controller.abort(new Error('stopped'))
    await expect(sent).rejects.toThrow('stopped')
  })

  it.each(['ftp://127.0.0.1/x', 'file:///etc/passwd', 'gopher://x/'])(
    'because of the scheme of %s is not sent',
    async (url) => {
      expect((await failureOf(transport().send(request(url), signal))).kind).toBe('invalid-scheme')
    },
  )
})

describe('the guard of the transport', () => {
  it.each([
    'http://127.0.0.1:PORT/x',
    'http://localhost:PORT/x',
    'http://127.1:PORT/x',
    'http://0x7f.0.0.1:PORT/x',
    'http://2130706433:PORT/x',
    'http://0177.0.0.1:PORT/x',
    'http://[::1]:PORT/x',
    'http://[::ffff:127.0.0.1]:PORT/x',
    'http://0:PORT/x',
    'http://169.254.169.254/latest/meta-data',
    'http://user:pw@127.0.0.1:PORT/x',
  ])('refuses %s', async (url) => {
    handlers.set('/x', (_, response) => response.end('secret'))
    const closed = transport({ allowedNetworks: [] })
    const failure = await failureOf(
      closed.send(request(url.replace('PORT', String(port()))), signal),
    )
    expect(failure.kind).toBe('refused-address')
    expect(received).toEqual([])
  })

  it('refuses a redirect into a closed network', async () => {
    handlers.set('/in', (_, response) =>
      response.writeHead(302, { Location: 'http://10.0.0.1/secret' }).end(),
    )
    const failure = await failureOf(transport().send(request(`${base}/in`), signal))
    expect(failure.kind).toBe('refused-address')
  })
})
