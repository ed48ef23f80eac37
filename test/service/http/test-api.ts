import { pino } from 'pino'
import { Registry } from 'prom-client'
import type { HttpOptions } from '../../../service/http/http-options.ts'
import { HttpServer } from '../../../service/http/http-server.ts'
import { MemoryIdempotency, MemoryService } from '../../support/memory-service.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** The parsed JSON; null where there is none. */
  readonly body: unknown
}

/** The HTTP surface on a real socket, a key that it takes, and what it logged. */
export class TestApi implements AsyncDisposable {
  readonly service: MemoryService
  readonly idempotency: MemoryIdempotency
  readonly server: HttpServer
  readonly key: string
  readonly keyId: string
  readonly logLines: readonly string[]

  private constructor(
    parts: Omit<TestApi, 'withConnection' | 'call' | 'asked' | typeof Symbol.asyncDispose>,
  ) {
    this.service = parts.service
    this.idempotency = parts.idempotency
    this.server = parts.server
    this.key = parts.key
    this.keyId = parts.keyId
    this.logLines = parts.logLines
  }

  static async start(
    options: Pick<HttpOptions, 'heartbeatMs' | 'receiveTimeoutMs' | 'closeTimeoutMs'> = {},
  ): Promise<TestApi> {
    const service = new MemoryService()
    const idempotency = new MemoryIdempotency()
    const logLines: string[] = []
    const logger = pino({ level: 'debug' }, { write: (line: string) => logLines.push(line) })
    const server = await HttpServer.listen(
      { service, idempotency, logger, metrics: new Registry(), version: '1.2.3', ...options },
      { host: '127.0.0.1', port: 0 },
    )
    const { apiKey, key } = await service.apiKeys.create('test')
    return new TestApi({ service, idempotency, server, logLines, key, keyId: apiKey.id })
  }

  /** An instance and a connection that reads it. */
  async withConnection(name = 'shop'): Promise<void> {
    await this.service.instances.create({ name: `${name}-source`, type: 'faker', config: {} })
    await this.service.connections.create({
      name,
      from: `${name}-source`,
      destination: 'data:shop',
    })
  }

  /** `POST /instances`, with the key; the path begins after `/connect/v1`. */
  async call(route: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return this.asked(route, {
      ...(body !== undefined && { body: JSON.stringify(body) }),
      headers: {
        authorization: `Bearer ${this.key}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
    })
  }

  /** Exactly this, without a key; a path that begins with `//` is from the root. */
  async asked(route: string, init: RequestInit = {}): Promise<Answer> {
    const [method = 'GET', path = '/'] = route.split(' ')
    const base = path.startsWith('//') ? path.slice(1) : `/connect/v1${path}`
    const response = await fetch(`${this.server.url}${base}`, { ...init, method })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
    const body: unknown = isJson && text !== '' ? JSON.parse(text) : text === '' ? null : text
    return { status: response.status, headers: response.headers, body }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]()
  }
}
