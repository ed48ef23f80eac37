import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/** A Data service as docs/data.md asks for it, in memory on loopback. */
export interface FakeDataService extends AsyncDisposable {
  readonly url: string
  readonly apiKey: string
  /** `METHOD path` of each request so far. */
  readonly requests: readonly string[]
  /** The connection of each dataset that exists, as the body of a response. */
  readonly datasets: Map<string, Record<string, unknown>>
  /** Responds to the next requests, one after another, with these. */
  answerNext(...answers: readonly FakeAnswer[]): void
  /** Responds to every request with this status, until it is called with null. */
  refuse(status: number | null): void
  /** Open requests wait until this is called with false. */
  setSilent(silent: boolean): void
}

export interface FakeAnswer {
  readonly status: number
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface FakeDataOptions {
  /** The connection of a dataset that is created. */
  readonly create: (dataset: string) => Record<string, unknown>
  readonly apiKey?: string
  /** Default: a free one. */
  readonly port?: number
}

const paths = /^\/v1\/datasets\/([^/]+)(\/connection)?$/

export async function startDataService(options: FakeDataOptions): Promise<FakeDataService> {
  const { create, apiKey = 'data-key-SECRET', port: wanted = 0 } = options
  const requests: string[] = []
  const datasets = new Map<string, Record<string, unknown>>()
  const forced: FakeAnswer[] = []
  let refused: number | null = null
  let silent: PromiseWithResolvers<void> | undefined

  function answer(method: string, path: string): FakeAnswer {
    const [, encoded = '', part] = paths.exec(path) ?? []
    const name = decodeURIComponent(encoded)
    if (method === 'PUT' && part === undefined && name !== '') {
      if (!datasets.has(name)) datasets.set(name, create(name))
      return { status: 204 }
    }
    const found = method === 'GET' && part !== undefined ? datasets.get(name) : undefined
    return found === undefined
      ? { status: 404, body: '{"error":"no such dataset"}' }
      : { status: 200, body: JSON.stringify(found) }
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [method, path] = [request.method ?? '', request.url ?? '']
    await text(request)
    requests.push(`${method} ${path}`)
    await silent?.promise
    const isAllowed = request.headers.authorization === `Bearer ${apiKey}`
    const given = forced.shift() ?? (refused === null ? undefined : { status: refused })
    const { status, body, headers } =
      given ?? (isAllowed ? answer(method, path) : { status: 401, body: 'no' })
    response.writeHead(status, { ...headers }).end(body)
  }

  const server = createServer((request, response) => {
    void handle(request, response)
  })
  server.listen(wanted, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    apiKey,
    requests,
    datasets,
    answerNext: (...answers) => void forced.push(...answers),
    refuse: (status) => {
      refused = status
    },
    setSilent: (isSilent) => {
      silent?.resolve()
      silent = isSilent ? Promise.withResolvers() : undefined
    },
    [Symbol.asyncDispose]: async () => {
      silent?.resolve()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
