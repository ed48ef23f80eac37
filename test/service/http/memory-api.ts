import { randomBytes } from 'node:crypto'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { Access } from '../../../service/platform/access/access.ts'
import { lookupIn } from '../../../service/serve/resource-lookup.ts'
import type { HttpOptions } from '../../../service/serve/http-options.ts'
import { HttpServer } from '../../../service/serve/http-server.ts'
import type { LoginService } from '../../../service/logins/contract.ts'
import { ApiClient, type Answer } from './api-client.ts'
import { defaultPolicy } from '../../support/default-policy.ts'
import { MemoryAudit, MemoryIdempotency, MemoryService } from '../../support/memory-service.ts'

/** The HTTP surface on a real socket, a key that it takes, and what it logged. */
export class MemoryApi implements AsyncDisposable {
  readonly service: MemoryService
  readonly idempotency: MemoryIdempotency
  readonly audit: MemoryAudit
  readonly server: HttpServer
  readonly client: ApiClient
  readonly key: string
  readonly keyId: string
  readonly logLines: readonly string[]

  private constructor(
    parts: Omit<MemoryApi, 'withConnection' | 'call' | 'asked' | typeof Symbol.asyncDispose>,
  ) {
    this.service = parts.service
    this.idempotency = parts.idempotency
    this.audit = parts.audit
    this.server = parts.server
    this.client = parts.client
    this.key = parts.key
    this.keyId = parts.keyId
    this.logLines = parts.logLines
  }

  static async start({
    logins,
    ...options
  }: Pick<
    HttpOptions,
    | 'heartbeatMs'
    | 'receiveTimeoutMs'
    | 'closeTimeoutMs'
    | 'limits'
    | 'trustedProxies'
    | 'followers'
  > & {
    readonly logins?: LoginService
  } = {}): Promise<MemoryApi> {
    const service = new MemoryService(logins)
    const idempotency = new MemoryIdempotency()
    const audit = new MemoryAudit()
    const hashKey = randomBytes(32)
    const logLines: string[] = []
    const logger = pino({ level: 'debug' }, { write: (line: string) => logLines.push(line) })
    const server = await HttpServer.listen(
      {
        ...{ service, idempotency, logger, metrics: new Registry(), version: '1.2.3' },
        ...{ access: new Access(await defaultPolicy(), lookupIn(service)), audit },
        idempotencyHashKey: () => Promise.resolve(hashKey),
        ...options,
      },
      { host: '127.0.0.1', port: 0 },
    )
    const { apiKey, key } = await service.apiKeys.create({ name: 'test', kind: 'admin' })
    const client = new ApiClient(server.url, key)
    return new MemoryApi({
      ...{ service, idempotency, audit, server, client, logLines, key },
      keyId: apiKey.id,
    })
  }

  /** An instance and a connection that reads it. */
  async withConnection(name = 'shop'): Promise<void> {
    await this.service.instances.create({ name: `${name}-source`, type: 'faker', config: {} })
    await this.service.connections.create({
      name,
      from: `${name}-source`,
      destination: 'data:shop',
      activate: true,
    })
  }

  call(...request: Parameters<ApiClient['call']>): Promise<Answer> {
    return this.client.call(...request)
  }

  asked(...request: Parameters<ApiClient['asked']>): Promise<Answer> {
    return this.client.asked(...request)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]()
  }
}
