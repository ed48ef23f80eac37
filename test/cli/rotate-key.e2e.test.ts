import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rm, rmdir, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { openFileVault } from '../../service/platform/vault/file-vault.ts'
import { readKeyRing } from '../../service/platform/vault/key-ring.ts'
import { fileNameOf } from '../../service/platform/vault/secrets-file.ts'
import { startCommand, type CommandEnd } from '../e2e/command.ts'
import { newFolder } from '../support/new-folder.ts'
import { longTest, usually } from '../support/long.ts'

let dataDir: string
beforeEach(async () => {
  dataDir = await newFolder('rotate')
})

function rotate(flags: readonly string[], environment = {}): Promise<CommandEnd> {
  const argv = ['connect', 'vault', 'rotate-key', ...flags]
  return startCommand(argv, { environment: { HOME: dataDir, ...environment } }).end
}

test('the key of the vault is rotated while a service has it open', async () => {
  const folder = join(dataDir, 'vault')
  await using vault = await openFileVault({ folder })
  await vault.put('instances/a', { '/t': 'x' })
  await vault.put('instances/b', { '/t': 'y' })
  const before = await readKeyRing(folder, {})
  const end = await rotate(['--data-dir', dataDir, '--json'])
  expect(end, end.err).toMatchObject({ code: 0 })
  const after = await readKeyRing(folder, {})
  expect(JSON.parse(end.out)).toEqual({
    folder,
    secrets: 2,
    damaged: [],
    setAside: [],
    kept: [],
    key: after?.current.id,
  })
  expect(after?.current.id).not.toBe(before?.current.id)
  expect([...(after?.all.keys() ?? [])]).toEqual([after?.current.id])
  expect(await vault.get('instances/a')).toEqual({ secrets: { '/t': 'x' }, version: 1 })
  expect(await vault.put('instances/b', { '/t': 'z' }, { ifVersion: 1 })).toBe(2)
})

test('a damaged file is named, and the exit code says that it has no new key', async () => {
  const folder = join(dataDir, 'vault')
  const damaged = fileNameOf('instances/bad')
  {
    await using vault = await openFileVault({ folder })
    await vault.put('instances/good', { '/t': 'x' })
    await vault.put('instances/bad', { '/t': 'y' })
  }
  await truncate(join(folder, damaged), 50)
  const end = await rotate(['--data-dir', dataDir])
  expect(end, end.err).toMatchObject({ code: 3 })
  expect(end.out).toContain('1 file is encrypted with a new key')
  expect(end.err).toContain(join(folder, damaged))
  const again = await rotate(['--data-dir', dataDir, '--json'])
  expect(again, again.err).toMatchObject({ code: 3 })
  expect(JSON.parse(again.out)).toMatchObject({ secrets: 1, damaged: [{ name: damaged }] })
})

longTest('a file that cannot be read is named with the reason, and the old key stays', async () => {
  const folder = join(dataDir, 'vault')
  {
    await using vault = await openFileVault({ folder })
    await vault.put('instances/good', { '/t': 'x' })
  }
  const before = await readKeyRing(folder, {})
  const file = join(folder, fileNameOf('instances/bad'))
  await mkdir(file, { mode: 0o700 })
  const end = await rotate(['--data-dir', dataDir])
  expect(end, end.err).toMatchObject({ code: 3 })
  expect(end.err).toContain(`${file}: a folder is in its place (EISDIR)`)
  expect(end.err).toContain(`the older keys (${before?.current.id ?? ''}) stay in vault.json`)
  await rmdir(file)
  const again = await rotate(['--data-dir', dataDir, '--json'])
  expect(again, again.err).toMatchObject({ code: 0 })
  expect(JSON.parse(again.out)).toMatchObject({ secrets: 1, damaged: [], kept: [] })
})

longTest(
  'a file that was replaced earlier and cannot be read keeps its key, and is named',
  async () => {
    const folder = join(dataDir, 'vault')
    const file = join(folder, fileNameOf('instances/a'))
    {
      await using vault = await openFileVault({ folder })
      await mkdir(file, { mode: 0o700 })
      await vault.put('instances/a', { '/t': 'anew' }, { ifVersion: 'unusable' })
    }
    const before = await readKeyRing(folder, {})
    const aside = (await readdir(folder)).find((name) => name.includes('.replaced-')) ?? ''
    const end = await rotate(['--data-dir', dataDir])
    expect(end, end.err).toMatchObject({ code: 3 })
    expect(end.out).toContain('1 file is encrypted with a new key')
    expect(end.err).toContain('1 file that was replaced earlier could not be encrypted')
    expect(end.err).toContain(`${join(folder, aside)}: a folder is in its place (EISDIR)`)
    expect(end.err).toContain(`the older keys (${before?.current.id ?? ''}) stay in vault.json`)
    await rmdir(join(folder, aside))
    const again = await rotate(['--data-dir', dataDir, '--json'])
    expect(again, again.err).toMatchObject({ code: 0 })
    expect(JSON.parse(again.out)).toMatchObject({ setAside: [], kept: [] })
  },
)

longTest('without its key file a full folder is no folder without a vault', async () => {
  const folder = join(dataDir, 'vault')
  {
    await using vault = await openFileVault({ folder })
    await vault.put('instances/a', { '/t': 'x' })
  }
  await rm(join(folder, 'vault.json'))
  const end = await rotate(['--data-dir', dataDir])
  expect(end).toMatchObject({ code: 1, out: '' })
  expect(end.err).toContain('[vault_key_wrong]')
  expect(end.err).toContain('its key file vault.json is missing')
  expect(end.err).toContain('Put `vault.json` back from a backup')
  expect(end.err).not.toContain('REACTOR_CONNECT_VAULT_KEY')
  await expect(readKeyRing(folder, {})).resolves.toBeNull()
})

test.each(
  usually(1, [
    ['there is no vault', {}],
    ['it has keys of its own', { VAULT_URL: 'http://127.0.0.1:1', VAULT_TOKEN: 'planted' }],
    ['the settings give the key', { VAULT_KEY: randomBytes(32).toString('base64') }],
  ]),
)('nothing is rotated, and nothing made, where %s', async (_, settings) => {
  const environment = Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [`REACTOR_CONNECT_${name}`, value]),
  )
  const end = await rotate(['--data-dir', dataDir], environment)
  expect(end).toMatchObject({ code: 1, out: '' })
  expect(end.err).toContain('[vault_rotation_refused]')
  expect(end.err).not.toContain('planted')
  await expect(readKeyRing(join(dataDir, 'vault'), {})).resolves.toBeNull()
})
