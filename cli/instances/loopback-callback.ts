import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { ConnectError } from '../../protocol/index.ts'

/** The query that the browser brought back, as the service's own callback takes it. */
export type CallbackQuery = Readonly<Record<string, string>>

const passedOn = ['state', 'code', 'error', 'iss'] as const

const page = `<!doctype html><meta charset="utf-8"><title>Reactor Connect</title>
<p>You can close this page and go back to the terminal: it says whether the access was granted.</p>
`

export function loopbackRedirect(port: number): string {
  return `http://127.0.0.1:${port}/callback`
}

/** The browser returns here after OAuth (RFC 8252): a port of this machine that nobody else can reach. */
export class LoopbackCallback implements AsyncDisposable {
  readonly #server: Server
  /** By state. */
  readonly #waiting = new Map<string, (query: CallbackQuery) => void>()
  readonly redirectUri: string

  private constructor(server: Server, port: number) {
    this.#server = server
    this.redirectUri = loopbackRedirect(port)
    server.on('request', (request, response) => {
      this.#answer(request, response)
    })
  }

  /** `port` 0 takes a free one. Throws `usage` if it is taken. */
  static async listen(port: number): Promise<LoopbackCallback> {
    const server = createServer()
    server.listen(port, '127.0.0.1')
    try {
      await once(server, 'listening')
    } catch (error) {
      const problem = `Port ${port}, which the browser should return to, is taken`
      const fix = 'Choose another one with --callback-port, or leave it out to use a free one.'
      throw new ConnectError('usage', { details: { problem, fix }, cause: error })
    }
    const address = server.address()
    return new LoopbackCallback(
      server,
      typeof address === 'object' && address !== null ? address.port : port,
    )
  }

  /** The callback of this authorization; callbacks of others (a page that guesses) are ignored. */
  async next(state: string, signal: AbortSignal): Promise<CallbackQuery> {
    const arrived = Promise.withResolvers<CallbackQuery>()
    const stop = (): void => {
      arrived.reject(signal.reason)
    }
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    this.#waiting.set(state, arrived.resolve)
    try {
      return await arrived.promise
    } finally {
      signal.removeEventListener('abort', stop)
      this.#waiting.delete(state)
    }
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = URL.parse(request.url ?? '', this.redirectUri)
    const state = url?.searchParams.get('state') ?? ''
    if (request.method !== 'GET' || url?.pathname !== '/callback' || state === '') {
      response.writeHead(404).end()
      return
    }
    response
      .writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-store',
        connection: 'close',
      })
      .end(page)
    const query = passedOn.flatMap((name) => {
      const value = url.searchParams.get(name)
      return value === null ? [] : [[name, value] as const]
    })
    this.#waiting.get(state)?.(Object.fromEntries(query))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    // The page was sent; browsers keep their connections open.
    this.#server.closeIdleConnections()
    setTimeout(() => {
      this.#server.closeAllConnections()
    }, 1_000).unref()
    await closed
  }
}
