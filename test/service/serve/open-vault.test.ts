import { randomBytes } from 'node:crypto'
import { chmod, mkdir, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import type { Environment } from '../../../plan/environment.ts'
import { loadSettings } from '../../../service/platform/config/load-settings.ts'
import { openVault } from '../../../service/serve/open-vault.ts'
import { fileNameOf } from '../../../service/platform/vault/secrets-file.ts'
import type { Vault } from '../../../service/platform/vault/vault.ts'
import { startKv2Server } from '../../fakes/kv2-server.ts'
import { silent as logger } from '../../support/logger.ts'
import { newFolder } from '../../support/new-folder.ts'

async function vaultWith(environment: Environment): Promise<Vault> {
  return openVault(loadSettings({ environment }), logger)
}

test('the key of the embedded vault is rotated by settings', async () => {
  const folder = await newFolder('open-vault')
  const [first = '', second = ''] = [1, 2].map(() => randomBytes(32).toString('base64'))
  const open = (keys: Environment) => vaultWith({ REACTOR_CONNECT_DATA_DIR: folder, ...keys })
  {
    await using vault = await open({})
    await vault.put('a', { '/t': 'x' })
  }
  for (const keys of [
    { REACTOR_CONNECT_VAULT_KEY: first },
    { REACTOR_CONNECT_VAULT_KEY: second, REACTOR_CONNECT_VAULT_PREVIOUS_KEY: first },
    { REACTOR_CONNECT_VAULT_PREVIOUS_KEY: second },
    {},
  ]) {
    await using vault = await open(keys)
    expect(await vault.get('a')).toEqual({ secrets: { '/t': 'x' }, version: 1 })
  }
  await expect(open({ REACTOR_CONNECT_VAULT_PREVIOUS_KEY: 'short' })).rejects.toMatchObject({
    code: 'vault_key_wrong',
  })
})

test('files of the embedded vault that are damaged are named in the log', async () => {
  const folder = await newFolder('open-vault')
  const settings = loadSettings({ environment: { REACTOR_CONNECT_DATA_DIR: folder } })
  const damaged = fileNameOf('instances/bad')
  {
    await using vault = await openVault(settings, logger)
    for (const path of ['instances/bad', 'instances/good']) await vault.put(path, { '/t': 'x' })
  }
  await truncate(join(folder, 'vault', damaged), 50)
  let logged = ''
  const log = pino({ level: 'warn' }, { write: (line: string) => void (logged += line) })
  await using vault = await openVault(settings, log)
  expect(JSON.parse(logged)).toMatchObject({
    files: [{ name: damaged, status: 'damaged' }],
    count: 1,
  })
  expect(await vault.get('instances/good')).toMatchObject({ version: 1 })
  await expect(vault.get('instances/bad')).rejects.toMatchObject({ code: 'vault_corrupt' })
})

test('the previous key of the settings is to be kept while a file cannot be read', async () => {
  const folder = await newFolder('open-vault')
  const keys = {
    REACTOR_CONNECT_DATA_DIR: folder,
    REACTOR_CONNECT_VAULT_PREVIOUS_KEY: randomBytes(32).toString('base64'),
  }
  const file = join(folder, 'vault', fileNameOf('instances/bad'))
  await mkdir(file, { recursive: true, mode: 0o700 })
  await chmod(join(folder, 'vault'), 0o700)
  const key = randomBytes(32).toString('base64')
  let logged = ''
  const log = pino({ level: 'warn' }, { write: (line: string) => void (logged += line) })
  const settings = loadSettings({ environment: { ...keys, REACTOR_CONNECT_VAULT_KEY: key } })
  await using vault = await openVault(settings, log)
  expect(await vault.check()).toEqual({ unusable: 1 })
  expect(logged).toContain('a folder is in its place (EISDIR)')
  expect(logged).toContain('keep REACTOR_CONNECT_VAULT_PREVIOUS_KEY')
})

test('a Vault of the settings is used, and refused where it cannot be', async () => {
  await using server = await startKv2Server()
  const settings = (token: string): Environment => ({
    REACTOR_CONNECT_VAULT_URL: server.url,
    REACTOR_CONNECT_VAULT_TOKEN: token,
    REACTOR_CONNECT_VAULT_NAMESPACE: 'team-a',
  })
  await using vault = await vaultWith(settings(server.rootToken))
  await vault.put('a', { '/t': 'x' })
  expect([...server.namespaces]).toEqual(['team-a'])
  await expect(vaultWith(settings('wrong'))).rejects.toMatchObject({ code: 'vault_refused' })
})
