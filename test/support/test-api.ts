import { Registry } from 'prom-client'
import { Access } from '../../service/platform/access/access.ts'
import { CedarPolicy } from '../../service/platform/access/cedar-policy.ts'
import { StoredKey } from '../../service/platform/vault/stored-key.ts'
import type { Vault } from '../../service/platform/vault/vault.ts'
import type { HttpOptions } from '../../service/serve/http-options.ts'
import { HttpServer } from '../../service/serve/http-server.ts'
import { lookupIn } from '../../service/serve/resource-lookup.ts'
import type { ApiKeyInput } from '../../service/api-keys/schema.ts'
import type { Service } from '../../service/service.ts'
import type { Store } from '../../service/store/store.ts'
import { ApiClient, type Answer } from './api-client.ts'
import { defaultPolicy } from './default-policy.ts'
import type { TestDatabase } from './postgres.ts'
import { testIdentity } from './test-identity.ts'
import { testService, type TestService } from './test-service.ts'

type OwnOptions = Pick<
  HttpOptions,
  | 'heartbeatMs'
  | 'receiveTimeoutMs'
  | 'closeTimeoutMs'
  | 'limits'
  | 'trustedProxies'
  | 'followers'
  | 'urls'
>

export interface TestApiOptions extends OwnOptions {
  /** Text of a policy; default: the one that comes with the program. */
  readonly policy?: string
  /** More settings. */
  readonly environment?: Readonly<Record<string, string>>
  /** Default: debug. */
  readonly logLevel?: 'trace' | 'debug'
}

/** Streams `users` and `orders`. */
export const fakerConfig = {
  streams: [
    { name: 'users', rows: 5 },
    { name: 'orders', rows: 20 },
  ],
} as const

/**
 * The real service behind the HTTP surface on a socket: store and destinations in one database, a vault in
 * files. Nobody works on its runs but the test. A test may replace a method of a part of the service.
 */
export class TestApi implements AsyncDisposable {
  readonly service: Service
  readonly client: ApiClient
  readonly key: string
  readonly keyId: string
  /** The service behind the surface. */
  readonly test: TestService
  readonly #open: AsyncDisposable

  private constructor(
    { service, client, keyId }: Pick<TestApi, 'service' | 'client' | 'keyId'>,
    { test, open }: { readonly test: TestService; readonly open: AsyncDisposable },
  ) {
    this.service = service
    this.client = client
    this.key = client.key
    this.keyId = keyId
    this.test = test
    this.#open = open
  }

  static async start({
    policy,
    environment = {},
    logLevel = 'debug',
    ...http
  }: TestApiOptions = {}): Promise<TestApi> {
    await using parts = new AsyncDisposableStack()
    const test = parts.use(await testService({ logLevel, isOneDatabase: true, environment }))
    const { store, vault, logger } = test
    const isExternal = 'REACTOR_CONNECT_IDENTITY_URL' in environment
    const service = { ...test.service, ...(!isExternal && testIdentity(test)) }
    const hashKey = new StoredKey(vault, 'http/idempotency-key')
    const rules =
      policy === undefined ? await defaultPolicy() : CedarPolicy.parse(policy, 'test.cedar')
    const server = parts.use(
      await HttpServer.listen(
        {
          service,
          logger,
          idempotency: store.idempotency,
          audit: store.audit,
          access: new Access(rules, lookupIn(service)),
          metrics: new Registry(),
          idempotencyHashKey: async () => (await hashKey.get()).bytes,
          version: '1.2.3',
          ...http,
        },
        { host: '127.0.0.1', port: 0 },
      ),
    )
    const { apiKey, key } = await service.apiKeys.create({ name: 'test', kind: 'admin' })
    const client = new ApiClient(server.url, key)
    return new TestApi({ service, client, keyId: apiKey.id }, { test, open: parts.move() })
  }

  get url(): string {
    return this.client.url
  }

  get store(): Store {
    return this.test.store
  }

  get vault(): Vault {
    return this.test.vault
  }

  /** Metadata and destinations. */
  get database(): TestDatabase {
    return this.test.metadata
  }

  /** Where imported manifests are. */
  get catalogDir(): string {
    return this.test.catalogDir
  }

  get logLines(): readonly string[] {
    return this.test.logged
  }

  /** A client with a new key. */
  async clientOf(input: ApiKeyInput): Promise<ApiClient> {
    return new ApiClient(this.url, (await this.service.apiKeys.create(input)).key)
  }

  /** An instance and a connection that reads it. */
  async withConnection(name = 'shop'): Promise<void> {
    const from = `${name}-source`
    const { instances, connections } = this.service
    await instances.create({ name: from, type: 'faker', config: fakerConfig })
    await connections.create({ name, from, destination: `data:${name}`, activate: true })
  }

  call(...request: Parameters<ApiClient['call']>): Promise<Answer> {
    return this.client.call(...request)
  }

  asked(...request: Parameters<ApiClient['asked']>): Promise<Answer> {
    return this.client.asked(...request)
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#open[Symbol.asyncDispose]()
  }
}
