import { readdir, readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { StoredApiKeyService } from '../../../service/api-keys/api-key-service.ts'
import { prepareAdminKey } from '../../../service/serve/admin-key.ts'
import { readLocalService } from '../../../service/serve/local-service-file.ts'
import { silent } from '../../support/logger.ts'
import { newFolder } from '../../support/new-folder.ts'
import { openTestStore } from '../../support/open-test-store.ts'

/** As far as another process asks it: whether a key is good. */
async function serviceOf(apiKeys: StoredApiKeyService): Promise<Server> {
  const server = createServer((request, response) => {
    const key = request.headers.authorization?.replace('Bearer ', '') ?? ''
    const isAsked = request.url === '/connect/v1/auth/whoami'
    void apiKeys.authenticate(key).then((principal) => {
      response.writeHead(isAsked && principal !== null ? 200 : 401).end('{}')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function urlOf(server: Server): string {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('not on a port')
  return `http://127.0.0.1:${String(address.port)}`
}

test('a service with another database is refused the data folder of one that runs, and takes that of one that does not', async () => {
  await using first = await openTestStore()
  await using second = await openTestStore()
  const dataDir = await newFolder('admin-key')
  const common = { dataDir, isEmbedded: false, logger: silent }
  const ofFirst = new StoredApiKeyService(first.store.apiKeys)
  const ofSecond = new StoredApiKeyService(second.store.apiKeys)
  const server = await serviceOf(ofFirst)
  const firstUrl = urlOf(server)
  const key = await prepareAdminKey({ ...common, url: firstUrl, apiKeys: ofFirst })
  expect(await readLocalService(dataDir)).toEqual({ url: firstUrl, apiKey: key })
  const other = { ...common, url: 'http://127.0.0.1:1', apiKeys: ofSecond }
  await expect(prepareAdminKey(other)).rejects.toMatchObject({
    code: 'setting_invalid',
    message: `The setting data_dir (${dataDir}) is the data folder of the service at ${firstUrl}, which has another metadata database`,
    suggestedFix: expect.stringContaining('`--data-dir`') as string,
  })
  expect(await readLocalService(dataDir)).toEqual({ url: firstUrl, apiKey: key })
  // The key that is shown once has not been made.
  expect((await ofSecond.list({})).items).toEqual([])
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
  const otherKey = await prepareAdminKey(other)
  expect(otherKey).toBeDefined()
  expect(await readLocalService(dataDir)).toEqual({ url: other.url, apiKey: otherKey })
  const [aside] = (await readdir(dataDir)).filter((name) => name.includes('.replaced-'))
  expect(await readFile(join(dataDir, aside ?? ''), 'utf8')).toContain(key)
})

test('another process of the same service shares its data folder, also at another address', async () => {
  await using opened = await openTestStore()
  const apiKeys = new StoredApiKeyService(opened.store.apiKeys)
  const dataDir = await newFolder('admin-key')
  const common = { dataDir, isEmbedded: false, logger: silent, apiKeys }
  const key = await prepareAdminKey({ ...common, url: 'http://127.0.0.1:1' })
  expect(await prepareAdminKey({ ...common, url: 'http://127.0.0.1:2' })).toBeUndefined()
  const second = { url: 'http://127.0.0.1:2', apiKey: key, otherUrls: ['http://127.0.0.1:1'] }
  expect(await readLocalService(dataDir)).toEqual(second)
  expect(await readdir(dataDir)).toEqual(['local-service.json'])
})
