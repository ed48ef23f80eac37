import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import {
  createServer,
  request as sendRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import type { Vendor } from '../../../fakes/vendors/vendor-api.ts'
import { newFolder } from '../../../support/new-folder.ts'

const execute = promisify(execFile)

/** A vendor by its function, or by the address of its simulator. */
export type VendorPlace = Vendor | string

/**
 * The network of a connector of somebody else: a proxy on loopback that plays the servers of vendors, with
 * their names and a certificate for them. No other name can be reached through it, and nothing leaves this
 * machine.
 */
export class VendorNetwork implements AsyncDisposable {
  /** For a program that is to use it: proxies and certificates. */
  readonly environment: Readonly<Record<string, string>>
  /** Names that a connector wanted to reach, and that are no vendor here. */
  readonly unknownHosts = new Set<string>()
  /** The requests to vendors so far: what came back, and for what. */
  readonly asked: string[] = []
  /** Requests to vendors so far. */
  requestCount = 0
  readonly #places: ReadonlyMap<string, VendorPlace>
  readonly #servers: readonly Server[]
  #hold: Hold | undefined

  private constructor(options: {
    readonly places: ReadonlyMap<string, VendorPlace>
    readonly environment: Readonly<Record<string, string>>
    readonly servers: readonly Server[]
  }) {
    this.#places = options.places
    this.environment = options.environment
    this.#servers = options.servers
  }

  static async start(vendors: Readonly<Record<string, VendorPlace>>): Promise<VendorNetwork> {
    const places = new Map(Object.entries(vendors))
    const { key, cert, path } = await certificateFor([...places.keys()])
    const proxy = createServer()
    const secure = createSecureServer({ key, cert })
    proxy.listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    const address = proxy.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const environment = await environmentOf(`http://127.0.0.1:${String(port)}`, path)
    const network = new VendorNetwork({ places, environment, servers: [proxy, secure] })
    proxy.on('connect', (request: IncomingMessage, socket: Duplex) => {
      network.#connect(request, { socket, secure })
    })
    for (const server of [proxy, secure])
      server.on('request', (request: IncomingMessage, response: ServerResponse) => {
        network.#respond(request, response).catch((error: unknown) => {
          response.writeHead(599).end(String(error))
        })
      })
    return network
  }

  /**
   * From the request with this number on, counted from now, requests wait until `release`. Resolves when that
   * one has come.
   */
  holdAt(count: number): Promise<undefined> {
    const hold = new Hold(this.requestCount + count)
    this.#hold = hold
    return hold.reached.promise
  }

  release(): void {
    this.#hold?.released.resolve(undefined)
    this.#hold = undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release()
    for (const server of this.#servers) {
      server.closeAllConnections()
      if (!server.listening) continue
      server.close()
      await once(server, 'close')
    }
  }

  #connect(
    { url = '' }: IncomingMessage,
    { socket, secure }: { readonly socket: Duplex; readonly secure: Server },
  ): void {
    socket.on('error', () => undefined) // a connector that was killed
    const host = url.replace(/:\d+$/, '')
    if (!this.#places.has(host)) {
      this.unknownHosts.add(host)
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
      return
    }
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
    secure.emit('connection', socket)
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', `https://${request.headers.host ?? ''}`)
    const host = url.hostname
    const place = this.#places.get(host)
    if (place === undefined) {
      this.unknownHosts.add(host)
      response.writeHead(403).end()
      return
    }
    const body = await buffer(request)
    this.requestCount += 1
    await this.#hold?.pass(this.requestCount)
    if (typeof place === 'string') {
      await forward({ request, body, path: `${url.pathname}${url.search}` }, place, response)
      return
    }
    const { method = 'GET' } = request
    const answer = place({
      method,
      host,
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body: body.toString('utf8'),
    })
    this.asked.push(`${String(answer.status ?? 200)} ${method} ${url.pathname}`)
    const isText = typeof answer.body === 'string'
    response.writeHead(answer.status ?? 200, {
      'content-type': isText ? 'text/plain; charset=utf-8' : 'application/json',
      ...answer.headers,
    })
    response.end(isText ? answer.body : JSON.stringify(answer.body))
  }
}

class Hold {
  readonly reached = Promise.withResolvers<undefined>()
  readonly released = Promise.withResolvers<undefined>()
  readonly #from: number

  constructor(from: number) {
    this.#from = from
  }

  async pass(count: number): Promise<void> {
    if (count < this.#from) return
    this.reached.resolve(undefined)
    await this.released.promise
  }
}

/** With its headers: a signature may cover the name of the host. */
async function forward(
  {
    request,
    body,
    path,
  }: { readonly request: IncomingMessage; readonly body: Buffer; readonly path: string },
  place: string,
  response: ServerResponse,
): Promise<void> {
  const { hostname, port } = new URL(place)
  const { method, headers } = request
  const sent = sendRequest({ host: hostname, port, method, path, headers })
  sent.end(body)
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  response.writeHead(answer.statusCode ?? 500, answer.headers)
  response.end(await buffer(answer))
}

/** Older versions of the CDK look only at the certificates that come with Python's `certifi`. */
const trustScript = `import os
try:
    import certifi
    certifi.where = lambda: os.environ["REQUESTS_CA_BUNDLE"]
except ImportError:
    pass
`

/** Each Python runs the script in this folder when it starts. */
async function trustFolder(): Promise<string> {
  const folder = await newFolder('trust')
  await writeFile(join(folder, 'sitecustomize.py'), trustScript)
  return folder
}

async function environmentOf(proxy: string, certificate: string): Promise<Record<string, string>> {
  const proxies = ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy']
  const certificates = ['REQUESTS_CA_BUNDLE', 'SSL_CERT_FILE']
  return Object.fromEntries([
    ...proxies.map((name) => [name, proxy]),
    ...certificates.map((name) => [name, certificate]),
    ['PYTHONPATH', await trustFolder()],
  ]) as Record<string, string>
}

/** A certificate that is its own authority. */
async function certificateFor(
  hosts: readonly string[],
): Promise<{ readonly key: string; readonly cert: string; readonly path: string }> {
  const folder = await newFolder('certificate')
  const [keyFile, path] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
  const names = hosts.map((host) => `DNS:${host}`).join(',')
  const subject = ['-subj', '/CN=vendors.test', '-addext', `subjectAltName=${names}`]
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const files = ['-keyout', keyFile, '-out', path, '-days', '2']
  await execute('openssl', ['req', '-x509', ...key, ...files, ...subject])
  return { key: await readFile(keyFile, 'utf8'), cert: await readFile(path, 'utf8'), path }
}
