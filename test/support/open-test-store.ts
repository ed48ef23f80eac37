import { randomBytes } from 'node:crypto'
import type { Connection } from '../../service/connections/schema.ts'
import type { Instance } from '../../service/instances/schema.ts'
import type { Run } from '../../service/runs/schema.ts'
import { newId } from '../../service/platform/database/ids.ts'
import { openStore, type StoreOptions } from '../../service/store/open-store.ts'
import type { NewConnection } from '../../service/connections/contract.ts'
import type { NewInstance } from '../../service/instances/contract.ts'
import type { Store } from '../../service/store/store.ts'
import type {
  NewStoredReceiver,
  StoredReceiver,
} from '../../service/webhooks/receivers/contract.ts'
import { metadataDatabase } from './metadata-database.ts'
import type { TestDatabase } from './postgres.ts'
import { silent } from './logger.ts'

export interface TestStore extends AsyncDisposable {
  readonly store: Store
  readonly database: TestDatabase
}

/** A store on a database of its own. */
export async function openTestStore(
  options: Pick<StoreOptions, 'retention'> = {},
): Promise<TestStore> {
  await using resources = new AsyncDisposableStack()
  const database = resources.use(await metadataDatabase())
  const store = resources.use(await openStore({ url: database.url, logger: silent, ...options }))
  const open = resources.move()
  return { store, database, [Symbol.asyncDispose]: async () => open.disposeAsync() }
}

export async function newInstance(
  store: Store,
  name = 'shop',
  input: Partial<NewInstance> = {},
): Promise<Instance> {
  const { type = 'postgres', config = {}, secrets = [], credentials = 'ready' } = input
  return store.instances.create({ name, type, config, secrets, credentials })
}

export async function newConnection(
  store: Store,
  name = 'shop-to-mart',
  input: Partial<NewConnection> = {},
): Promise<Connection> {
  return store.connections.create({
    name,
    from: 'shop',
    streams: null,
    destination: 'data:mart',
    schedule: null,
    options: {},
    status: 'active',
    nextRunAt: null,
    ...input,
  })
}

/** A run of a new connection of a new instance. */
export async function newRun(store: Store): Promise<Run> {
  await newInstance(store)
  const { name } = await newConnection(store)
  return store.runs.create({ connection: name, trigger: 'manual' })
}

/** Without an instance, unless one is named. */
export async function newReceiver(
  store: Store,
  name = 'shop-events',
  input: Partial<NewStoredReceiver> = {},
): Promise<StoredReceiver> {
  return store.receivers.create({
    id: newId('rcv'),
    name,
    instance: null,
    webhook: null,
    rules: null,
    dispatch: [{ target: 'job:work' }],
    description: null,
    status: 'active',
    hasSecret: false,
    tokenHash: randomBytes(32),
    previousTokens: [],
    previousSecretUntil: null,
    ...input,
  })
}
