import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import type { VendorRequest } from '../fakes/scripted-vendor.ts'

/**
 * Headers of one connection. The body arrives decompressed, so its encoding and length are no longer true.
 */
const ofConnection = new Set([
  ...['connection', 'content-encoding', 'content-length', 'host', 'keep-alive'],
  'transfer-encoding',
])

/** Passes requests on to an API, and remembers them. */
export class RecordingProxy implements AsyncDisposable {
  readonly requests: VendorRequest[] = []
  readonly #target: string
  readonly #server = createServer((incoming, response) => {
    this.#pass(incoming, response).catch((error: unknown) => {
      // The client of the connector reports it as a failure of the vendor.
      response.writeHead(502).end(String(error))
    })
  })
  #url = ''

  private constructor(target: string) {
    this.#target = target
  }

  static async start(target: string): Promise<RecordingProxy> {
    const proxy = new RecordingProxy(target.replace(/\/+$/, ''))
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    const address = proxy.#server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    proxy.#url = `http://127.0.0.1:${String(port)}`
    return proxy
  }

  get url(): string {
    return this.#url
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #pass(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/', headers } = incoming
    const body = await buffer(incoming)
    this.requests.push({ method, url, headers, body: body.toString('utf8') })
    const passed = Object.entries(headers).flatMap(([name, value]) =>
      value === undefined || ofConnection.has(name) ? [] : [[name, String(value)] as const],
    )
    const answer = await fetch(`${this.#target}${url}`, {
      method,
      headers: [...passed.map(([name, value]): [string, string] => [name, value])],
      ...(body.length > 0 && { body: new Uint8Array(body) }),
      redirect: 'manual',
    })
    const kept = [...answer.headers].filter(([name]) => !ofConnection.has(name))
    response.writeHead(answer.status, Object.fromEntries(kept))
    response.end(Buffer.from(await answer.arrayBuffer()))
  }
}
