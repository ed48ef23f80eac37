import { emptyStream } from '../../service/run-worker/attempt-streams.ts'
import { randomBytes, randomUUID } from 'node:crypto'
import { EventEmitter, on } from 'node:events'
import type { ConnectorDescriptor } from '../../connectors/connector.ts'
import { ConnectError, type JsonObject } from '../../protocol/index.ts'
import type { AuditEntry } from '../../service/platform/audit/schema.ts'
import type { AuditLog, NewAuditEntry } from '../../service/platform/audit/contract.ts'
import { driftOutdated } from '../../service/connections/drift/drift-errors.ts'
import type { Principal } from '../../service/platform/access/principal.ts'
import type { ApiKey, ApiKeyInput } from '../../service/api-keys/schema.ts'
import type { ApiKeyService } from '../../service/api-keys/contract.ts'
import type { CatalogService } from '../../service/catalog/contract.ts'
import type { Connection } from '../../service/connections/schema.ts'
import type { ConnectionService } from '../../service/connections/contract.ts'
import type { Instance } from '../../service/instances/schema.ts'
import type { InstanceService } from '../../service/instances/contract.ts'
import type { Page, PageRequest, ShownOnly } from '../../service/platform/lists.ts'
import { instanceInUse } from '../../service/instances/instance-in-use.ts'
import type { LoginService } from '../../service/logins/contract.ts'
import type { Run, RunLogLine } from '../../service/runs/schema.ts'
import type { RunEvent, RunService } from '../../service/runs/contract.ts'
import type { SchemaService } from '../../service/schemas/contract.ts'
import type { StreamSchema, UsedSchema } from '../../service/schemas/schema.ts'
import type { UserService } from '../../service/users/contract.ts'
import type { HealthService, Service } from '../../service/service.ts'
import { MemorySandboxes } from './memory-sandboxes.ts'
import type {
  IdempotencyStore,
  StoredAnswer,
} from '../../service/platform/http/idempotency-contract.ts'
import { memoryIdentity } from './memory-identity.ts'

/**
 * The contract of service.ts in memory, for tests of the HTTP surface: states, versions and errors are those of the
 * contract; there is no vault, no database and no source behind it.
 */
export class MemoryService implements Service {
  readonly descriptors = new Map([[faker.type, faker]])
  readonly authorizations = new Map<string, string>()
  readonly instances = new MemoryInstances(this)
  readonly connections = new MemoryConnections(this)
  readonly runs = new MemoryRuns(this)
  readonly schemas = new MemorySchemas()
  readonly sandboxes = new MemorySandboxes(this)
  readonly apiKeys = new MemoryApiKeys()
  readonly users: UserService
  readonly logins: LoginService
  readonly health: HealthService = {
    live: () => true,
    report: () => Promise.resolve({ problems: this.problems, warnings: this.warnings, parts: [] }),
  }
  constructor(logins?: LoginService) {
    const embedded = memoryIdentity()
    this.users = embedded.users
    this.logins = logins ?? embedded.logins
  }

  /** What `/readyz` reports. */
  problems: readonly string[] = []
  warnings: readonly string[] = []
  readonly catalog: CatalogService = {
    list: () => Promise.resolve([{ type: 'faker', title: 'Faker', kind: 'native' }]),
    get: (type) => {
      const descriptor = this.descriptors.get(type)
      const known = [...this.descriptors.keys()].join(', ')
      return descriptor === undefined
        ? Promise.reject(new ConnectError('unknown_connector', { details: { type, known } }))
        : Promise.resolve(descriptor)
    },
  }
}

const faker: ConnectorDescriptor = {
  type: 'faker',
  title: 'Faker',
  docsUrl: 'docs/connectors/faker.md',
  spec: {
    type: 'object',
    properties: { count: { type: 'integer' }, token: { type: 'string', airbyte_secret: true } },
  },
  auth: [
    { kind: 'basic', usernameField: 'user', passwordField: 'token' },
    {
      kind: 'oauth2',
      authorizeUrl: 'https://vendor.example/authorize',
      tokenUrl: 'https://vendor.example/token',
      scopes: ['read'],
    },
  ],
  actions: [
    {
      name: 'ping',
      title: 'Ping',
      input: {},
      output: {},
      effect: 'read',
      idempotency: 'natural',
      dryRun: 'synthesized',
    },
  ],
  webhooks: [
    {
      name: 'events',
      title: 'Events',
      signature: { scheme: 'hmac-sha256', header: 'x-signature', timestampHeader: 'x-time' },
      replayWindowMs: 300_000,
      eventId: '/id',
      eventType: '/type',
      refreshes: { 'user.created': 'users' },
    },
  ],
}

const streams = ['users', 'orders']

class MemoryInstances implements InstanceService {
  readonly #service: MemoryService
  readonly #byName = new Map<string, Instance>()
  constructor(service: MemoryService) {
    this.#service = service
  }

  async create(input: { name: string; type: string; config: JsonObject }): Promise<Instance> {
    await this.#service.catalog.get(input.type)
    if (this.#byName.has(input.name)) throw nameTaken('instance', input.name)
    const { token, ...config } = input.config
    const instance: Instance = {
      id: randomUUID(),
      name: input.name,
      type: input.type,
      config,
      secrets: token === undefined ? [] : ['/token'],
      credentials: token === undefined ? 'missing' : 'ready',
      ...firstVersion(),
    }
    this.#byName.set(instance.name, instance)
    return instance
  }

  async get(name: string): Promise<Instance> {
    const instance = this.#byName.get(name)
    if (instance === undefined) {
      throw new ConnectError('instance_not_found', { details: { instance: name } })
    }
    return await Promise.resolve(instance)
  }

  list({ type, ...page }: PageRequest & { readonly type?: string }): Promise<Page<Instance>> {
    const all = [...this.#byName.values()].filter((one) => type === undefined || one.type === type)
    return pageOf(all, page)
  }

  async update(name: string, input: { config: JsonObject }, ifVersion?: number): Promise<Instance> {
    const before = await this.get(name)
    checkVersion('instance', before, ifVersion)
    const { token, ...config } = input.config
    const secrets = token === undefined ? before.secrets : ['/token']
    return this.#put({ ...before, config, secrets, ...nextVersion(before) })
  }

  async delete(
    name: string,
    { ifVersion, shown = () => true }: ShownOnly & { readonly ifVersion?: number } = {},
  ): Promise<void> {
    checkVersion('instance', await this.get(name), ifVersion)
    const using = this.#service.connections.all().filter(({ from }) => from === name)
    if (using.length > 0)
      throw instanceInUse(name, { items: using.filter((item) => shown(item)), next: null })
    this.#byName.delete(name)
  }

  async setCredentials(name: string, secrets: JsonObject): Promise<Instance> {
    const before = await this.get(name)
    const pointers = Object.keys(secrets).map((field) => `/${field}`)
    return this.#put({
      ...before,
      secrets: pointers,
      credentials: 'ready',
      ...nextVersion(before),
    })
  }

  async beginAuthorization(name: string): Promise<{ authorizeUrl: string; state: string }> {
    await this.get(name)
    const state = randomBytes(16).toString('hex')
    this.#service.authorizations.set(state, name)
    return { authorizeUrl: `https://vendor.example/authorize?state=${state}`, state }
  }

  isAuthorizationPending(state: string): Promise<boolean> {
    return Promise.resolve(this.#service.authorizations.has(state))
  }

  async completeAuthorization(callback: { state: string; error?: string }): Promise<Instance> {
    const name = this.#service.authorizations.get(callback.state)
    this.#service.authorizations.delete(callback.state)
    if (name === undefined) throw new ConnectError('oauth_state_invalid')
    if (callback.error !== undefined) {
      throw new ConnectError('oauth_denied', {
        details: { instance: name, reason: callback.error },
      })
    }
    return this.setCredentials(name, { token: 'granted' })
  }

  async check(name: string): Promise<{ status: 'SUCCEEDED' | 'FAILED'; message?: string }> {
    const { credentials } = await this.get(name)
    return credentials === 'ready'
      ? { status: 'SUCCEEDED' }
      : { status: 'FAILED', message: 'No token' }
  }

  async discover(
    name: string,
    { refresh }: { refresh: boolean },
  ): ReturnType<InstanceService['discover']> {
    await this.get(name)
    return {
      catalog: {
        streams: streams.map((stream) => ({
          name: stream,
          json_schema: { type: 'object' },
          supported_sync_modes: ['full_refresh' as const],
        })),
      },
      discoveredAt: now(),
      fromCache: !refresh,
    }
  }

  resolveConfig(): Promise<never> {
    return Promise.reject(new ConnectError('unexpected', { details: { reason: 'not over HTTP' } }))
  }

  keepConfig(): Promise<never> {
    return this.resolveConfig()
  }

  changeConfig(): Promise<never> {
    return this.resolveConfig()
  }

  noteAuthorizationLost(): Promise<never> {
    return this.resolveConfig()
  }

  #put(instance: Instance): Instance {
    this.#byName.set(instance.name, instance)
    return instance
  }
}

class MemoryConnections implements ConnectionService {
  readonly #service: MemoryService
  readonly #byName = new Map<string, Connection>()
  constructor(service: MemoryService) {
    this.#service = service
  }

  all(): readonly Connection[] {
    return [...this.#byName.values()]
  }

  async create(input: Parameters<ConnectionService['create']>[0]): Promise<Connection> {
    await this.#service.instances.get(input.from)
    checkStreams(input.streams?.map(({ name }) => name))
    if (this.#byName.has(input.name)) throw nameTaken('connection', input.name)
    const { activate, ...fields } = input
    return this.#put({
      streams: null,
      schedule: null,
      options: {},
      description: null,
      ...fields,
      id: randomUUID(),
      status: activate === true ? 'active' : 'inactive',
      nextRunAt: null,
      lastRun: null,
      drift: null,
      ...firstVersion(),
    })
  }

  async get(name: string): Promise<Connection> {
    const connection = this.#byName.get(name)
    if (connection === undefined) {
      throw new ConnectError('connection_not_found', { details: { connection: name } })
    }
    const { items } = await this.#service.runs.page(name, { limit: 1 })
    return { ...connection, lastRun: items[0] ?? null }
  }

  list({
    instance,
    status,
    ...page
  }: Parameters<ConnectionService['list']>[0]): Promise<Page<Connection>> {
    const all = this.all().filter(
      (one) =>
        (instance === undefined || one.from === instance) &&
        (status === undefined || one.status === status),
    )
    return pageOf(all, page)
  }

  async update(
    name: string,
    input: Parameters<ConnectionService['update']>[1],
    ifVersion?: number,
  ): Promise<Connection> {
    const before = await this.get(name)
    checkVersion('connection', before, ifVersion)
    checkStreams(input.streams?.map((stream) => stream.name))
    const options = { ...before.options, ...input.options }
    return this.#put({ ...before, ...input, options, ...nextVersion(before) })
  }

  async activate(name: string): Promise<Connection> {
    const before = await this.get(name)
    return before.status === 'active'
      ? before
      : this.#put({ ...before, status: 'active', ...nextVersion(before) })
  }

  async setPaused(name: string, paused: boolean): Promise<Connection> {
    const before = await this.get(name)
    if (before.status === 'inactive') throw inactive(name)
    return this.#put({
      ...before,
      status: paused ? 'paused' : 'active',
      ...nextVersion(before),
    })
  }

  async delete(name: string, ifVersion?: number): Promise<void> {
    checkVersion('connection', await this.get(name), ifVersion)
    this.#checkIdle(name)
    this.#byName.delete(name)
  }

  async approve(name: string, fingerprint: string): Promise<Connection> {
    const before = await this.get(name)
    if (before.drift?.fingerprint !== fingerprint) throw driftOutdated(before)
    return this.#put({ ...before, drift: null, ...nextVersion(before) })
  }

  /** As a run finds it. */
  async drifted(name: string, drift: Connection['drift']): Promise<void> {
    this.#put({ ...(await this.get(name)), drift })
  }

  async reset(name: string, only?: readonly string[]): Promise<void> {
    await this.get(name)
    checkStreams(only)
    this.#checkIdle(name)
  }

  #checkIdle(connection: string): void {
    const active = this.#service.runs.active(connection)
    if (active === undefined) return
    const details = { connection, run: active.id }
    throw new ConnectError('connection_has_active_run', { details })
  }

  #put(connection: Connection): Connection {
    this.#byName.set(connection.name, connection)
    return connection
  }
}

class MemorySchemas implements SchemaService {
  readonly #used: UsedSchema[] = []

  /** As a run carries records with it. */
  add(used: UsedSchema): void {
    this.#used.unshift(used)
  }

  list({
    connection,
    stream,
    ...page
  }: Parameters<SchemaService['list']>[0]): Promise<Page<StreamSchema>> {
    const all = this.#used
      .flatMap(({ usedBy }) => usedBy)
      .filter(
        (one) =>
          (connection === undefined || one.connection === connection) &&
          (stream === undefined || one.name === stream),
      )
    return pageOf(all, page)
  }

  get(fingerprint: string): Promise<UsedSchema> {
    const used = this.#used.find((one) => one.fingerprint === fingerprint)
    return used === undefined
      ? Promise.reject(new ConnectError('schema_not_found', { details: { fingerprint } }))
      : Promise.resolve(used)
  }
}

class MemoryRuns implements RunService {
  readonly #service: MemoryService
  readonly #runs: Run[] = []
  readonly #lines = new Map<string, RunLogLine[]>()
  readonly #changes = new EventEmitter().setMaxListeners(0)
  constructor(service: MemoryService) {
    this.#service = service
  }

  /** As the run writes it. */
  log(id: string, message: string): void {
    const lines = this.#lines.get(id) ?? []
    this.#lines.set(id, lines)
    lines.push({ seq: lines.length + 1, at: now(), level: 'info', message, fields: { a: 1 } })
    this.#changes.emit(id)
  }

  end(id: string, status: Run['status'] = 'complete', about: Partial<Run> = {}): Run {
    return this.move(id, { ...about, status, endedAt: now() })
  }

  /** As the run moves on. */
  move(id: string, change: Partial<Run>): Run {
    const run = this.#change(id, change)
    this.#changes.emit(id)
    return run
  }

  /** Followers of the run, as long as they listen. */
  followers(id: string): number {
    return this.#changes.listenerCount(id)
  }

  active(connection: string): Run | undefined {
    return this.#runs.find((run) => run.connection === connection && !hasEnded(run))
  }

  async start(connection: string, trigger: Run['trigger'] = 'manual'): Promise<Run> {
    const { status } = await this.#service.connections.get(connection)
    if (status === 'inactive') throw inactive(connection)
    const active = this.active(connection)
    if (active !== undefined) {
      throw new ConnectError('run_active', { details: { connection, run: active.id } })
    }
    const run: Run = {
      id: newRunId(),
      connection,
      status: 'queued',
      trigger,
      createdAt: now(),
      startedAt: null,
      endedAt: null,
      read: 0,
      loaded: 0,
      rejected: 0,
      error: null,
      attempts: 0,
      retryOf: null,
      streams: streams.map((name) => emptyStream({ name })),
      warnings: [],
      schemaChanges: [],
    }
    this.#runs.unshift(run)
    this.log(run.id, 'queued')
    return run
  }

  async get(connection: string, id: string): Promise<Run> {
    const run = this.#runs.find((one) => one.id === id && one.connection === connection)
    if (run === undefined) throw runNotFound(connection, id)
    return await Promise.resolve(run)
  }

  async find(id: string): Promise<Run> {
    const run = this.#runs.find((one) => one.id === id)
    if (run === undefined) throw runNotFound('', id)
    return await Promise.resolve(run)
  }

  async list(
    connection: string,
    page: PageRequest & { readonly status?: Run['status'] },
  ): Promise<Page<Run>> {
    await this.#service.connections.get(connection)
    return this.page(connection, page)
  }

  page(
    connection: string,
    { status, ...page }: PageRequest & { readonly status?: Run['status'] },
  ): Promise<Page<Run>> {
    const all = this.#runs.filter(
      (run) => run.connection === connection && (status === undefined || run.status === status),
    )
    return pageOf(all, page)
  }

  async cancel(connection: string, id: string): Promise<Run> {
    const run = await this.get(connection, id)
    if (hasEnded(run)) {
      throw new ConnectError('run_ended', { details: { connection, run: id } })
    }
    return this.end(id, 'cancelled')
  }

  async retry(connection: string, id: string): Promise<Run> {
    await this.get(connection, id)
    const run = await this.start(connection, 'retry')
    return this.#change(run.id, { retryOf: id })
  }

  async logs(
    ...[connection, id, after, limit]: Parameters<RunService['logs']>
  ): Promise<readonly RunLogLine[]> {
    await this.get(connection, id)
    const lines = this.#lines.get(id) ?? []
    return lines.filter(({ seq }) => seq > after).slice(0, limit)
  }

  async *follow(
    ...[connection, id, after, signal]: Parameters<RunService['follow']>
  ): AsyncGenerator<RunEvent> {
    const changes = on(this.#changes, id, { signal })
    try {
      for (let seen = after; ; await changes.next()) {
        const run = await this.get(connection, id)
        for (const line of await this.logs(connection, id, seen, 1000)) {
          seen = line.seq
          yield { type: 'log', line }
        }
        yield { type: 'run', run }
        if (hasEnded(run)) return
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      await changes.return?.()
    }
  }

  #change(id: string, change: Partial<Run>): Run {
    const index = this.#runs.findIndex((run) => run.id === id)
    const before = this.#runs[index]
    if (before === undefined) throw runNotFound('', id)
    const after = { ...before, ...change }
    this.#runs[index] = after
    return after
  }
}

class MemoryApiKeys implements ApiKeyService {
  readonly #keys = new Map<string, { apiKey: ApiKey; key: string }>()

  create({ name, kind, scopes, expiresAt }: ApiKeyInput): Promise<{ apiKey: ApiKey; key: string }> {
    const id = randomBytes(8).toString('hex')
    const key = `rk_${randomBytes(24).toString('hex')}`
    const apiKey: ApiKey = {
      id,
      name,
      kind,
      scopes: scopes ?? null,
      createdAt: now(),
      lastUsedAt: null,
      expiresAt: expiresAt ?? null,
      revokedAt: null,
    }
    this.#keys.set(id, { apiKey, key })
    return Promise.resolve({ apiKey, key })
  }

  list(page: PageRequest): Promise<Page<ApiKey>> {
    return pageOf(
      [...this.#keys.values()].map(({ apiKey }) => apiKey),
      page,
    )
  }

  async revoke(id: string): Promise<void> {
    const entry = this.#keys.get(id)
    if (entry === undefined) {
      throw new ConnectError('api_key_not_found', { details: { id } })
    }
    entry.apiKey = { ...entry.apiKey, revokedAt: now() }
    await Promise.resolve()
  }

  authenticate(key: string): Promise<Principal | null> {
    const entry = [...this.#keys.values()].find((one) => one.key === key)
    if (entry?.apiKey.revokedAt !== null) return Promise.resolve(null)
    const { id, name, kind, scopes } = entry.apiKey
    return Promise.resolve({ id, name, kind, scopes, via: 'api_key' })
  }
}

/** The contract of the audit log, without filters. */
export class MemoryAudit implements AuditLog {
  readonly entries: AuditEntry[] = []
  readonly #counted = new Map<string, number>()

  add(entry: NewAuditEntry): Promise<string> {
    const id = `aud_${String(this.entries.length)}`
    this.entries.push({ ...entry, id, at: now() })
    return Promise.resolve(id)
  }

  end(id: string, end: Parameters<AuditLog['end']>[1]): Promise<void> {
    const index = this.entries.findIndex((entry) => entry.id === id)
    const before = this.entries[index]
    if (before !== undefined) this.entries[index] = { ...before, ...end }
    return Promise.resolve()
  }

  count(entry: NewAuditEntry, key: string): Promise<void> {
    const index = this.#counted.get(key)
    const before = index === undefined ? undefined : this.entries[index]
    if (index === undefined || before === undefined) {
      this.#counted.set(key, this.entries.length)
      return this.add({ ...entry, details: { ...entry.details, attempts: 1 } }).then(
        () => undefined,
      )
    }
    const attempts = (before.details?.attempts ?? 0) + 1
    const address = before.address === entry.address ? entry.address : 'several'
    this.entries[index] = { ...before, address, details: { ...before.details, attempts } }
    return Promise.resolve()
  }

  list(page: PageRequest): Promise<Page<AuditEntry>> {
    return pageOf(this.entries.toReversed(), page)
  }
}

/** The contract of the store's idempotency keys, without their lifetimes. */
export class MemoryIdempotency implements IdempotencyStore {
  readonly #kept = new Map<string, { requestHash: string; answer: StoredAnswer | null }>()
  readonly hashes: string[] = []

  begin({
    principal,
    key,
    requestHash,
  }: Parameters<IdempotencyStore['begin']>[0]): ReturnType<IdempotencyStore['begin']> {
    const ticket = `${principal} ${key}`
    const kept = this.#kept.get(ticket)
    this.hashes.push(requestHash)
    if (kept === undefined) {
      this.#kept.set(ticket, { requestHash, answer: null })
      return Promise.resolve({ state: 'began', ticket })
    }
    if (kept.requestHash !== requestHash) {
      return Promise.reject(new ConnectError('idempotency_key_reused'))
    }
    return kept.answer === null
      ? Promise.reject(new ConnectError('idempotency_key_in_use'))
      : Promise.resolve({ state: 'done', answer: kept.answer })
  }

  finish(ticket: string, answer: StoredAnswer): Promise<void> {
    const kept = this.#kept.get(ticket)
    if (kept !== undefined) kept.answer = answer
    return Promise.resolve()
  }

  abandon(ticket: string): Promise<void> {
    this.#kept.delete(ticket)
    return Promise.resolve()
  }
}

function pageOf<Item>(
  all: readonly Item[],
  { limit = 50, cursor }: PageRequest,
): Promise<Page<Item>> {
  const [, from] = /^at_(\d{1,6})$/.exec(cursor ?? 'at_0') ?? []
  if (from === undefined) return Promise.reject(new ConnectError('cursor_invalid'))
  const end = Number(from) + limit
  const next = end < all.length ? `at_${end}` : null
  return Promise.resolve({ items: all.slice(Number(from), end), next })
}

function checkVersion(
  kind: string,
  kept: { readonly name: string; readonly version: number },
  expected: number | undefined,
): void {
  if (expected === undefined || expected === kept.version) return
  const details = { kind, name: kept.name, actual: kept.version, expected }
  throw new ConnectError('version_conflict', { details })
}

function checkStreams(names: readonly string[] = []): void {
  const stream = names.find((name) => !streams.includes(name))
  if (stream === undefined) return
  throw new ConnectError('stream_not_found', { details: { stream } })
}

function nameTaken(kind: string, name: string): ConnectError {
  return new ConnectError('name_taken', { details: { kind, name } })
}

function inactive(connection: string): ConnectError {
  return new ConnectError('connection_inactive', { details: { connection } })
}

function runNotFound(connection: string, run: string): ConnectError {
  return new ConnectError('run_not_found', { details: { connection, run } })
}

function hasEnded({ status }: Run): boolean {
  return status !== 'queued' && status !== 'running'
}

function firstVersion(): { version: number; createdAt: string; updatedAt: string } {
  return { version: 1, createdAt: now(), updatedAt: now() }
}

function nextVersion({ version }: { version: number }): { version: number; updatedAt: string } {
  return { version: version + 1, updatedAt: now() }
}

function newRunId(): string {
  const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
  return `run_${Array.from(randomBytes(26), (byte) => digits[byte % 32]).join('')}`
}

function now(): string {
  return new Date().toISOString()
}
