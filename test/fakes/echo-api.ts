import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'

/**
 * A vendor on loopback that repeats what it was sent in whatever it refuses, in many forms. `POST /token`
 * gives other tokens each time, `GET /schema` and `GET /items` work while it does not refuse.
 */
export class EchoApi implements AsyncDisposable {
  readonly url: string
  /** The paths that are refused. */
  readonly refused = new Set<string>()
  /** All tokens that it has given. */
  readonly tokens: string[] = []
  /** How often it repeated something. */
  echoes = 0
  readonly #mark: string
  readonly #close: () => Promise<void>

  private constructor(url: string, mark: string, close: () => Promise<void>) {
    this.url = url
    this.#mark = mark
    this.#close = close
  }

  /** @param mark in every token that it gives */
  static async start(mark: string): Promise<EchoApi> {
    const server = createServer((request, response) => {
      void api.#answer(request).then(({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' })
        response.end(JSON.stringify(body))
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const api = new EchoApi(`http://127.0.0.1:${String(port)}`, mark, async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    })
    return api
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close()
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; body: unknown }> {
    let sent = ''
    for await (const chunk of request.setEncoding('utf8')) sent += String(chunk)
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url)
    const {
      authorization = '',
      'x-secret': secret = '',
      'x-session': session = '',
    } = request.headers
    if (this.refused.has(pathname)) {
      const own = [authorization.replace('Bearer ', ''), String(secret), String(session)]
      const texts = [...own, ...searchParams.values()]
      const known = [...texts, ...new URLSearchParams(sent).values()].filter((text) => text !== '')
      this.echoes += 1
      return { status: 401, body: { error: { message: known.flatMap(formsOf).join(' ; ') } } }
    }
    switch (pathname) {
      case '/token':
        return { status: 200, body: this.#newTokens() }
      case '/schema':
        return { status: 200, body: { data: [{ fields: [{ name: 'id', type: 'number' }] }] } }
      default:
        return { status: 200, body: { data: [{ id: 1 }, { id: 2 }] } }
    }
  }

  #newTokens(): unknown {
    const count = String(this.tokens.length)
    const made = ['access', 'refresh'].map((kind) => `${this.#mark}-${kind}+/=&"${count}x`)
    this.tokens.push(...made)
    const [access_token, refresh_token] = made
    return { access_token, refresh_token, expires_in: 1, token_type: 'bearer' }
  }
}

/**
 * As it is, and as an URL, a header of HTTP's basic authentication, a text in JSON in JSON and a mail with
 * short lines write it.
 */
export function formsOf(text: string): readonly string[] {
  const base64 = Buffer.from(`user:${text}`).toString('base64')
  const inJson = JSON.stringify(JSON.stringify(text).slice(1, -1)).slice(1, -1)
  const broken = text.replaceAll(/.{5}/g, '$&\n')
  return [text, encodeURIComponent(text), base64, inJson, broken]
}
