import { once } from 'node:events'
import { join } from 'node:path'
import { FolderCatalogService } from '../../../service/catalog/catalog-service.ts'
import { openInstances } from '../../../service/instances/open-instances.ts'
import { openStore } from '../../../service/store/open-store.ts'
import { openFileVault } from '../../../service/platform/vault/file-vault.ts'
import { silent as logger } from '../../support/logger.ts'

/**
 * A process that checks an instance twice at the same time once a line comes in, and prints what each check
 * said.
 */
const [url = '', folder = '', name = ''] = process.argv.slice(2)
await using store = await openStore({ url, logger })
await using vault = await openFileVault({ folder: join(folder, 'vault') })
await using instances = openInstances({
  store,
  vault,
  logger,
  catalog: new FolderCatalogService(join(folder, 'catalog')),
  allowedNetworks: ['127.0.0.1/32'],
  allowedFolders: [],
  allowedSockets: [],
  callbackUrl: 'https://connect.example/callback',
})
process.stdout.write('ready\n')
await once(process.stdin, 'data')
process.stdin.destroy()
const answers = await Promise.all([1, 2].map(() => instances.service.check(name)))
process.stdout.write(`${JSON.stringify(answers)}\n`)
