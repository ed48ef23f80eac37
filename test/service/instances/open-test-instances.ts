import { fakerConnector } from '../../../connectors/faker/connector.ts'
import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ConnectorDescriptor } from '../../../connectors/connector.ts'
import {
  FolderCatalogService,
  type CatalogConnector,
} from '../../../service/catalog/catalog-service.ts'
import { openInstances, type OpenInstances } from '../../../service/instances/open-instances.ts'
import type { InstanceService } from '../../../service/instances/contract.ts'
import { openFileVault } from '../../../service/platform/vault/file-vault.ts'
import { instancePath, type Vault } from '../../../service/platform/vault/vault.ts'
import { openTestStore, type TestStore } from '../../support/open-test-store.ts'
import { silent } from '../../support/logger.ts'
import { newFolder } from '../../support/new-folder.ts'

export const callbackUrl = 'http://127.0.0.1:1/connect/v1/oauth/callback'

export interface TestInstances extends AsyncDisposable {
  readonly instances: InstanceService
  readonly noteLostSecrets: OpenInstances['noteLostSecrets']
  readonly test: TestStore
  readonly vault: Vault
  readonly catalog: FolderCatalogService
  /** Has the vault (`vault`) and the imported manifests (`catalog`). */
  readonly folder: string
  /** Moves the clock of the service. */
  advance(ms: number): void
  /** Returns the secrets of an instance in the vault; null if there are none. */
  secrets(name: string): Promise<unknown>
}

/** Instances on a database and a vault of their own, with the connector `crm` imported. */
export async function openTestInstances(
  options: {
    readonly vault?: (vault: Vault) => Vault
    /** A connector that is the only one. */
    readonly descriptor?: ConnectorDescriptor
  } = {},
): Promise<TestInstances> {
  await using stack = new AsyncDisposableStack()
  const test = stack.use(await openTestStore())
  const root = await newFolder('instances')
  await mkdir(join(root, 'catalog', 'crm'), { recursive: true })
  const manifest = new URL('../../fakes/crm.yaml', import.meta.url).pathname
  await cp(manifest, join(root, 'catalog', 'crm', 'manifest.yaml'))
  const vault = stack.use(await openFileVault({ folder: join(root, 'vault') }))
  const { descriptor } = options
  const catalog =
    descriptor === undefined
      ? new FolderCatalogService(join(root, 'catalog'))
      : new OneConnector(descriptor)
  let aheadMs = 0
  const opened = stack.use(
    openInstances({
      store: test.store,
      vault: options.vault?.(vault) ?? vault,
      catalog,
      allowedNetworks: ['127.0.0.1/32'],
      allowedFolders: [],
      allowedSockets: [],
      callbackUrl,
      logger: silent,
      now: () => Date.now() + aheadMs,
    }),
  )
  const moved = stack.move()
  return {
    test,
    vault,
    catalog,
    folder: root,
    instances: opened.service,
    noteLostSecrets: opened.noteLostSecrets,
    advance: (ms) => {
      aheadMs += ms
    },
    secrets: async (name) => {
      const { id } = await test.store.instances.get(name)
      return (await vault.get(instancePath(id)))?.secrets ?? null
    },
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  }
}

class OneConnector extends FolderCatalogService {
  readonly #descriptor: ConnectorDescriptor

  constructor(descriptor: ConnectorDescriptor) {
    super('none')
    this.#descriptor = descriptor
  }

  override connector(): Promise<CatalogConnector> {
    const descriptor = this.#descriptor
    return Promise.resolve({
      connectorType: descriptor.type,
      connector: { ...fakerConnector, descriptor },
      descriptor,
    })
  }
}
