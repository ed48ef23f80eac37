import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'

export interface VendorRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** How the vendor responds: with a status and JSON, or in its own way. */
export type VendorScript = (
  request: VendorRequest,
  response: ServerResponse,
) =>
  | {
      readonly status?: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body: unknown
    }
  | undefined

/** A vendor on loopback that responds as the test says, and remembers what it was sent. */
export class ScriptedVendor implements AsyncDisposable {
  readonly url: string
  readonly requests: VendorRequest[] = []
  respond: VendorScript
  readonly #close: () => Promise<void>

  private constructor(url: string, respond: VendorScript, close: () => Promise<void>) {
    this.url = url
    this.respond = respond
    this.#close = close
  }

  static async start(respond: VendorScript): Promise<ScriptedVendor> {
    const server = createServer((request, response) => {
      let body = ''
      request.setEncoding('utf8')
      request.on('data', (text: string) => {
        body += text
      })
      request.on('end', () => {
        const { method = '', url = '', headers } = request
        const received = { method, url, headers, body }
        vendor.requests.push(received)
        const scripted = vendor.respond(received, response)
        if (scripted === undefined) return
        response.writeHead(scripted.status ?? 200, {
          'content-type': 'application/json',
          ...scripted.headers,
        })
        response.end(JSON.stringify(scripted.body))
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const vendor = new ScriptedVendor(`http://127.0.0.1:${String(port)}`, respond, async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    })
    return vendor
  }

  get last(): VendorRequest {
    const last = this.requests.at(-1)
    if (last === undefined) throw new Error('the vendor was sent nothing')
    return last
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close()
  }
}
