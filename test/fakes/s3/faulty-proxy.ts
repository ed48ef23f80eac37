import { once } from 'node:events'
import { createServer, type IncomingMessage, request as httpRequest, type Server } from 'node:http'
import { buffer } from 'node:stream/consumers'
import type { StorageConfig } from '../../../storage/storage-config.ts'

/** The work of a request. */
export type S3Step =
  | 'begin upload'
  | 'send part'
  | 'complete upload'
  | 'abort upload'
  | 'write manifest'
  | 'write object'
  | 'delete object'
  | 'read'

export interface ProxiedRequest {
  readonly step: S3Step
  readonly key: string
  /** The number of the part that is sent. */
  readonly part: number | undefined
  readonly headers: IncomingMessage['headers']
}

/**
 * `answer`: the server does not get the request. `cut`: neither, and the connection ends. `lose`: the server
 * does what was asked, and the connection ends without its response.
 */
export type Fault =
  | { readonly do: 'answer'; readonly status: number; readonly code: string }
  | { readonly do: 'cut' }
  | { readonly do: 'lose' }

/**
 * A proxy in front of any S3 server, real ones too, that disturbs single requests. Clients sign for its
 * address, which is passed on.
 */
export class FaultyProxy implements AsyncDisposable {
  readonly config: StorageConfig
  /** Awaited before the request is passed on. */
  onRequest: (request: ProxiedRequest) => Promise<Fault | undefined> | Fault | undefined = () =>
    undefined
  /** Awaited after the server has done it, before the client gets the response. */
  afterRequest: (request: ProxiedRequest) => Promise<void> | void = () => undefined
  readonly #server: Server
  readonly #target: string

  private constructor(server: Server, target: StorageConfig) {
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    this.#server = server
    this.#target = target.url
    this.config = { ...target, url: `http://127.0.0.1:${String(address.port)}` }
  }

  static async start(target: StorageConfig): Promise<FaultyProxy> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const proxy = new FaultyProxy(server, target)
    server.on('request', (request, response) => {
      proxy.#pass(request).then(
        (answer) => {
          if (answer === undefined) request.socket.destroy()
          else response.writeHead(answer.status, answer.headers).end(answer.body)
        },
        // The client was killed.
        () => request.socket.destroy(),
      )
    })
    return proxy
  }

  async #pass(request: IncomingMessage): Promise<Answer | undefined> {
    const seen = seenOf(request)
    const fault = await this.onRequest(seen)
    // Most of the body has not been read then.
    if (fault?.do === 'cut') return undefined
    const body = await buffer(request)
    if (fault?.do === 'answer') {
      const { status, code } = fault
      const text = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>it says ${code}</Message></Error>`
      return { status, headers: {}, body: Buffer.from(text) }
    }
    const answer = await this.#send(request, body)
    await this.afterRequest(seen)
    return fault?.do === 'lose' ? undefined : answer
  }

  async #send({ method, url = '/', headers }: IncomingMessage, body: Buffer): Promise<Answer> {
    const { hostname, port } = new URL(this.#target)
    const options = { hostname, port, path: url, method, headers, agent: false }
    const sent = httpRequest(options)
    sent.end(body)
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    const { statusCode: status = 502, headers: received } = response
    return { status, headers: received, body: await buffer(response) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

function seenOf({ method = 'GET', url = '/', headers }: IncomingMessage): ProxiedRequest {
  const { pathname, searchParams } = new URL(url, 'http://s3')
  const key = decodeURIComponent(pathname.split('/').slice(2).join('/'))
  const number = searchParams.get('partNumber')
  const part = number === null ? undefined : Number(number)
  return { step: stepOf(method, key, searchParams), key, part, headers }
}

function stepOf(method: string, key: string, query: URLSearchParams): S3Step {
  const isUpload = query.has('uploadId')
  if (method === 'POST') return isUpload ? 'complete upload' : 'begin upload'
  if (method === 'PUT' && isUpload) return 'send part'
  if (method === 'PUT') return key.endsWith('manifest.json') ? 'write manifest' : 'write object'
  if (method === 'DELETE') return isUpload ? 'abort upload' : 'delete object'
  return 'read'
}
