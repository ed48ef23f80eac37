import { once } from 'node:events'
import {
  createServer,
  request as forward,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { buffer } from 'node:stream/consumers'

export interface GateRequest {
  readonly method: string
  /** Includes its query, as it was sent. */
  readonly url: string
  readonly body: string
}

export interface GateAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** A text is sent as it is, anything else as JSON. */
  readonly body: unknown
}

/**
 * The fault of a request. `reset`: its connection ends without a response. `cut`: the connection ends in the
 * middle of the body. `half`: half of the body arrives as if it were complete. `hang`: nothing arrives. A
 * `GateAnswer` replaces the vendor's response.
 */
export type Fault = 'reset' | 'cut' | 'half' | 'hang' | GateAnswer

/**
 * Stands before the simulator of a vendor on loopback. A test sees each request before the vendor does, and
 * spoils the response.
 */
export class FaultGate implements AsyncDisposable {
  readonly url: string
  /**
   * Called before each request is passed on. It makes the changes of others at the vendor, and returns the
   * fault of the request.
   */
  onRequest: (request: GateRequest) => Fault | undefined = () => undefined
  readonly #close: () => Promise<void>

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url
    this.#close = close
  }

  /** @param vendor the address of the simulator */
  static async start(vendor: string): Promise<FaultGate> {
    const server = createServer((request, response) => {
      gate.#pass(request, { response, vendor }).catch((error: unknown) => {
        response.writeHead(599).end(String(error))
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const gate = new FaultGate(`http://127.0.0.1:${String(port)}`, async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    })
    return gate
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close()
  }

  async #pass(
    request: IncomingMessage,
    { response, vendor }: { readonly response: ServerResponse; readonly vendor: string },
  ): Promise<void> {
    const { method = '', url = '', headers } = request
    const body = await buffer(request)
    const fault = this.onRequest({ method, url, body: body.toString() })
    if (fault === 'hang') return
    if (fault === 'reset') {
      request.socket.destroy()
      return
    }
    if (typeof fault === 'object') {
      answer(response, fault)
      return
    }
    const outgoing = forward(`${vendor}${url}`, { method, headers })
    outgoing.end(body)
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
    send(
      response,
      { status: incoming.statusCode ?? 0, headers: incoming.headers },
      {
        bytes: await buffer(incoming),
        fault,
      },
    )
  }
}

function answer(response: ServerResponse, { status = 200, headers, body }: GateAnswer): void {
  const isText = typeof body === 'string'
  const type = isText ? 'text/html; charset=utf-8' : 'application/json'
  response.writeHead(status, { 'content-type': type, ...headers })
  response.end(isText ? body : JSON.stringify(body))
}

function send(
  response: ServerResponse,
  { status, headers }: { readonly status: number; readonly headers: IncomingMessage['headers'] },
  { bytes, fault }: { readonly bytes: Buffer; readonly fault: 'cut' | 'half' | undefined },
): void {
  const half = bytes.subarray(0, bytes.length / 2)
  const others = Object.entries(headers).filter(([name]) => name !== 'transfer-encoding')
  const length = fault === 'half' ? half.length : bytes.length
  response.writeHead(status, { ...Object.fromEntries(others), 'content-length': String(length) })
  if (fault === undefined) response.end(bytes)
  else if (fault === 'half') response.end(half)
  else response.write(half, () => response.destroy())
}
