import { connectionStreams } from '../../../service/connections/connection-streams.ts'
import { catalogHash } from '../../../service/sandboxes/catalog-hash.ts'
import { instanceHash } from '../../../service/sandboxes/instance-hash.ts'
import { bindingFormat } from '../../../service/sandboxes/promotion-binding.ts'
import { PromoteTokens, tokenHash } from '../../../service/sandboxes/promote-token.ts'
import { destinationFingerprint } from '../../../sinks/postgres/sandbox/fingerprint.ts'
import { newId } from '../../../service/platform/database/ids.ts'
import { testDatabase, type TestDatabase } from '../../support/postgres.ts'
import { testService, type TestService } from '../../support/test-service.ts'
import type { FinishedSandbox, SandboxFindings } from '../../../service/sandboxes/schema.ts'
import type { Promotion } from '../../../service/sandboxes/contract.ts'

export const principal = 'key_1'
export const limitRows = 100

/** A service, and an instance `db` that reads a database of the test's own. */
export interface Shop extends AsyncDisposable {
  readonly test: TestService
  readonly source: TestDatabase
  /** A table of three rows, and a connection of that name that copies it into `data:NAME`. */
  connect(name: string): Promise<void>
  /** The token of a sandbox that need not be run: bound to the connection as it is now. */
  /** `format`: that of the version that made it; null: it had none. */
  readyToken(
    name: string,
    about?: { readonly lifetimeMs?: number; readonly format?: number | null },
  ): Promise<string>
  promote(name: string, token: string, by?: string): Promise<Promotion>
  /** Returns the changes since the sandbox, and the new sandbox. */
  outdated(name: string, token: string): Promise<Outdated>
  schemas(): Promise<readonly unknown[]>
}

export interface Outdated {
  readonly moved: readonly string[]
  readonly sandbox: FinishedSandbox | null
  readonly error: unknown
}

const emptyReport: Omit<SandboxFindings, 'id'> = {
  schema_drift: null,
  schema: 'none',
  limit_rows: limitRows,
  status: 'complete',
  seconds: 0,
  streams: [],
  totals: {
    streams: 0,
    failed: 0,
    cut: 0,
    read: 0,
    rows: { insert: 0, update: 0, unchanged: 0, delete: 0 },
    rows_at_least: { insert: 0, update: 0, unchanged: 0, delete: 0 },
    estimated_cost: { rows: 0, bytes: 0, requests: null, seconds: 0 },
  },
}

export async function openShop(): Promise<Shop> {
  await using parts = new AsyncDisposableStack()
  const source = parts.use(await testDatabase())
  const test = parts.use(await testService())
  const { instances, sandboxes } = test.service
  await instances.create({ name: 'db', type: 'postgres', config: { ...source.address } })
  const promote: Shop['promote'] = (name, token, by = principal) =>
    sandboxes.promote(name, { token, principal: by })
  const open = parts.move()
  return {
    test,
    source,
    promote,
    connect: (name) => connect(source, test, name),
    readyToken: (name, about = {}) => readyToken(test, name, about),
    outdated: async (name, token) => outdatedOf(await promote(name, token)),
    schemas: async () => {
      const rows = await test.data.query(
        `SELECT nspname FROM pg_namespace WHERE nspname LIKE 'reactor_sandbox%' ORDER BY 1`,
      )
      return rows.map(({ nspname }) => nspname)
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}

async function connect(source: TestDatabase, test: TestService, name: string): Promise<void> {
  await source.query(`CREATE TABLE ${name} (id int PRIMARY KEY, name text)`)
  await source.query(`INSERT INTO ${name} VALUES (1, 'a'), (2, 'b'), (3, 'c')`)
  await test.service.connections.create({
    name,
    from: 'db',
    destination: `data:${name}`,
    schedule: { cron: '0 6 * * *' },
    streams: [{ name, syncMode: 'incremental', cursorField: 'id' }],
  })
}

async function readyToken(
  test: TestService,
  name: string,
  { lifetimeMs = 60_000, format = bindingFormat }: NonNullable<Parameters<Shop['readyToken']>[1]>,
): Promise<string> {
  const { store, service, vault, addressOf } = test
  const connection = await service.connections.get(name)
  const { destination } = connection
  const { streams } = await connectionStreams(connection, service.instances, { refresh: true })
  const id = newId('sbx')
  const { expiresAt } = await store.sandboxes.create({
    id,
    connection: name,
    destination,
    principal,
    limitRows,
    lifetimeMs,
  })
  const binding = {
    ...(format !== null && { format }),
    connectionId: connection.id,
    connectionVersion: connection.version,
    lastRun: connection.lastRun?.id ?? null,
    instanceHash: instanceHash(await service.instances.get(connection.from)),
    catalogHash: catalogHash(streams),
    destinationFingerprint: await destinationFingerprint(await addressOf(destination), streams),
    principal,
  }
  const token = await new PromoteTokens(vault).issue({ sandbox: id, expiresAt, binding })
  await store.sandboxes.end(id, {
    status: 'ready',
    report: { id, ...emptyReport },
    token: { hash: tokenHash(token), binding },
  })
  return token
}

function outdatedOf(promotion: Promotion): Outdated {
  if (promotion.state !== 'outdated') throw new Error('it was promoted')
  const { moved, again } = promotion
  return 'sandbox' in again
    ? { moved, sandbox: again.sandbox, error: null }
    : { moved, sandbox: null, error: again.error }
}
