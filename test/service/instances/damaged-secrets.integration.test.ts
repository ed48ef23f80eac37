import { mkdir, rename, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ConnectError } from '../../../protocol/index.ts'
import { fileNameOf } from '../../../service/platform/vault/secrets-file.ts'
import { instancePath } from '../../../service/platform/vault/vault.ts'
import { AuthorizationServer } from '../../fakes/authorization-server.ts'
import { descriptorOf } from '../oauth/oauth-connector.ts'
import { callbackUrl, openTestInstances, type TestInstances } from './open-test-instances.ts'

const shop = { host: 'localhost', user: 'reader', database: 'shop' }
const config = { ...shop, password: 'planted-password' }

async function fileOf(world: TestInstances, name: string): Promise<string> {
  const { id } = await world.instances.get(name)
  return join(world.folder, 'vault', fileNameOf(instancePath(id)))
}

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
}

async function putFolderInPlace(file: string): Promise<void> {
  await rm(file)
  await mkdir(file, { mode: 0o700 })
}

test.each([
  ['is damaged', (file: string) => truncate(file, 50), 'vault_corrupt'],
  ['cannot be read', putFolderInPlace, 'vault_file_unreadable'],
])(
  'an instance whose file %s lacks credentials until all are given again',
  async (_, damage, code) => {
    await using world = await openTestInstances()
    const { instances } = world
    await instances.create({ name: 'shop', type: 'postgres', config })
    await damage(await fileOf(world, 'shop'))
    const refused = await errorOf(instances.resolveConfig('shop'))
    expect(refused).toMatchObject({ code, details: { instance: 'shop' } })
    expect(ConnectError.from(refused).message).toContain('The secrets of instance shop ')
    expect(ConnectError.from(refused).suggestedFix).toContain(
      '`reactor connect instances credentials shop`',
    )
    expect(await instances.get('shop')).toMatchObject({
      credentials: 'missing',
      secrets: ['/password'],
    })
    expect(await world.noteLostSecrets()).toEqual({ lost: [], damaged: ['shop'] })
    const incomplete = await errorOf(instances.setCredentials('shop', {}))
    expect(incomplete).toMatchObject({
      code: 'credentials_incomplete',
      details: { instance: 'shop', fields: '/password' },
    })
    expect(ConnectError.from(incomplete).suggestedFix).toContain(await fileOf(world, 'shop'))
    // An omitted secret of a configuration stays, which is not possible now.
    expect(await errorOf(instances.update('shop', { config: shop }))).toMatchObject({ code })
    const given = { password: 'another one' }
    expect(await instances.setCredentials('shop', given)).toMatchObject({ credentials: 'ready' })
    expect(await world.secrets('shop')).toEqual({ '/password': 'another one' })
    expect(await world.noteLostSecrets()).toEqual({ lost: [], damaged: [] })
    expect(await world.vault.check()).toEqual({ unusable: 0 })
  },
)

test('an instance whose file is mended is ready with its next use', async () => {
  await using world = await openTestInstances()
  await world.instances.create({ name: 'shop', type: 'postgres', config })
  const file = await fileOf(world, 'shop')
  await rename(file, `${file}.away`)
  await mkdir(file, { mode: 0o700 })
  expect(await world.noteLostSecrets()).toMatchObject({ damaged: ['shop'] })
  expect(await world.instances.get('shop')).toMatchObject({ credentials: 'missing' })
  await rm(file, { recursive: true })
  await rename(`${file}.away`, file)
  expect(await world.instances.resolveConfig('shop')).toMatchObject({ config })
  expect(await world.instances.get('shop')).toMatchObject({ credentials: 'ready' })
})

test('of an instance with OAuth the client is given again, and the browser brings new tokens', async () => {
  await using server = await AuthorizationServer.start({ redirectUris: [callbackUrl] })
  await using world = await openTestInstances({ descriptor: descriptorOf(server) })
  const { instances } = world
  const client = { client_id: server.clientId, client_secret: server.clientSecret }
  await instances.create({ name: 'crm', type: 'vendor', config: client })
  const authorize = async () => {
    const { authorizeUrl } = await instances.beginAuthorization('crm')
    const { state = '', ...back } = await server.browse(authorizeUrl, callbackUrl)
    return instances.completeAuthorization({ state, ...back })
  }
  expect(await authorize()).toMatchObject({ credentials: 'ready' })
  await truncate(await fileOf(world, 'crm'), 50)
  const half = { client_id: server.clientId }
  expect(await errorOf(instances.setCredentials('crm', half))).toMatchObject({
    code: 'credentials_incomplete',
    details: { fields: '/client_secret' },
  })
  expect(await instances.setCredentials('crm', client)).toMatchObject({ credentials: 'missing' })
  expect(await authorize()).toMatchObject({ credentials: 'ready' })
})
