import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import type { HttpRequest } from '../../../manifest-interpreter/contracts.ts'
import type { HttpResponse } from '../../../manifest-interpreter/http/http-response.ts'
import type { Transport } from '../../../manifest-interpreter/http/transport.ts'
import { UndiciTransport } from '../../../manifest-interpreter/http/undici-transport.ts'

/** The host that a request was meant for: a header beside the others. */
const VENDOR_HOST = 'x-vendor-host'

export interface VendorRequest {
  readonly method: string
  readonly host: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface VendorAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** A text is sent as it is, anything else as JSON. */
  readonly body: unknown
}

/** Returns the response of a vendor's API to a request. */
export type Vendor = (request: VendorRequest) => VendorAnswer

/** A vendor's API on loopback. A test reads what was asked, and makes the API refuse requests. */
export class VendorApi implements AsyncDisposable {
  readonly port: number
  readonly requests: VendorRequest[] = []
  /** Sends what is meant for the vendor's hosts here. */
  readonly transport: Transport
  readonly #limited: { readonly path: RegExp; readonly answer: VendorAnswer }[]
  readonly #close: () => Promise<void>

  private constructor(options: {
    readonly port: number
    readonly limited: { readonly path: RegExp; readonly answer: VendorAnswer }[]
    readonly close: () => Promise<void>
  }) {
    this.port = options.port
    this.#limited = options.limited
    const direct = new UndiciTransport({ allowedNetworks: ['127.0.0.1/32'] })
    this.transport = new LoopbackTransport(direct, options.port)
    this.#close = async () => {
      await direct.close()
      await options.close()
    }
  }

  static async start(vendor: Vendor): Promise<VendorApi> {
    const limited: { readonly path: RegExp; readonly answer: VendorAnswer }[] = []
    const server = createServer((incoming, response) => {
      void received(incoming).then((request) => {
        api.requests.push(request)
        const answer = refusal(limited, request) ?? vendor(request)
        const isText = typeof answer.body === 'string'
        response.writeHead(answer.status ?? 200, {
          'content-type': isText ? 'text/plain; charset=utf-8' : 'application/json',
          ...answer.headers,
        })
        response.end(isText ? answer.body : JSON.stringify(answer.body))
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const api = new VendorApi({
      port: typeof address === 'object' && address !== null ? address.port : 0,
      limited,
      close: async () => {
        server.closeAllConnections()
        server.close()
        await once(server, 'close')
      },
    })
    return api
  }

  /** The next request to the path gets this response, once. */
  refuseOnce(path: RegExp, answer: VendorAnswer): void {
    this.#limited.push({ path, answer })
  }

  /** Forgets the requests so far. */
  clear(): void {
    this.requests.length = 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close()
  }
}

function refusal(
  limited: { readonly path: RegExp; readonly answer: VendorAnswer }[],
  { path }: VendorRequest,
): VendorAnswer | undefined {
  const position = limited.findIndex((each) => each.path.test(path))
  return position === -1 ? undefined : limited.splice(position, 1)[0]?.answer
}

async function received(incoming: IncomingMessage): Promise<VendorRequest> {
  const url = new URL(incoming.url ?? '/', 'http://127.0.0.1')
  return {
    method: incoming.method ?? 'GET',
    host: String(incoming.headers[VENDOR_HOST] ?? incoming.headers.host),
    // As it was sent: a path may hold encoded slashes.
    path: url.pathname,
    query: url.searchParams,
    headers: incoming.headers,
    body: await text(incoming),
  }
}

class LoopbackTransport implements Transport {
  readonly #direct: UndiciTransport
  readonly #port: number

  constructor(direct: UndiciTransport, port: number) {
    this.#direct = direct
    this.#port = port
  }

  send(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    const [, host = '', rest = ''] = /^https:\/\/([^/?]+)(.*)$/s.exec(request.url) ?? []
    const headers = new Map([...request.headers, [VENDOR_HOST, host]])
    const url = `http://127.0.0.1:${String(this.#port)}${rest}`
    return this.#direct.send({ ...request, headers, url }, signal)
  }
}

/** A page of a list by a position that the client hands back: the items, and the next position. */
export function pageOf<Item>(
  items: readonly Item[],
  start: string | null,
  size: number,
): { readonly items: readonly Item[]; readonly next: string | null } {
  const from = Number(start ?? 0)
  const next = from + size
  return { items: items.slice(from, next), next: next < items.length ? String(next) : null }
}

export const notFound: VendorAnswer = { status: 404, body: { message: 'not found' } }
