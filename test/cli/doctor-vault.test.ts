import { execFileSync } from 'node:child_process'
import { chmod, mkdir, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkDataFolder } from '../../cli/doctor/check-machine.ts'
import { checkParts } from '../../cli/doctor/check-parts.ts'
import { finding, type Finding } from '../../cli/doctor/finding.ts'
import { loadSettings } from '../../service/platform/config/load-settings.ts'
import { openFileVault } from '../../service/platform/vault/file-vault.ts'
import { fileNameOf } from '../../service/platform/vault/secrets-file.ts'
import { ConnectError } from '../../protocol/index.ts'
import { silent } from '../support/logger.ts'
import { newFolder } from '../support/new-folder.ts'

async function vaultFinding(dataDir: string): Promise<Finding | undefined> {
  const settings = loadSettings({ environment: { REACTOR_CONNECT_DATA_DIR: dataDir } })
  return (await checkParts(settings, silent)).find(({ name }) => name === 'vault')
}

test('doctor names the files of the embedded vault that cannot be used, with the reasons', async () => {
  const dataDir = await newFolder('doctor-vault')
  const folder = join(dataDir, 'vault')
  const empty = await vaultFinding(dataDir)
  expect(empty?.status).toBe('ok')
  expect(empty?.detail).toContain(`embedded, in ${folder}: empty`)
  expect(empty?.detail).toContain('`--data-dir`')
  {
    await using vault = await openFileVault({ folder })
    for (const path of ['good', 'bad']) await vault.put(path, { '/t': 'x' })
  }
  expect(await vaultFinding(dataDir)).toMatchObject({
    status: 'ok',
    detail: `embedded, in ${folder}`,
  })
  await truncate(join(folder, fileNameOf('bad')), 50)
  await mkdir(join(folder, fileNameOf('odd')), { mode: 0o700 })
  const found = await vaultFinding(dataDir)
  expect(found).toMatchObject({ status: 'warning' })
  expect(found?.detail).toContain('2 files cannot be used')
  expect(found?.detail).toContain(
    `${fileNameOf('bad')} (it was changed outside of the vault, or damaged)`,
  )
  expect(found?.detail).toContain(`${fileNameOf('odd')} (a folder is in its place (EISDIR))`)
  expect(found?.fix).toMatch(/set all credentials/)
})

test('doctor fails if the key of the embedded vault is not the one of its files', async () => {
  const dataDir = await newFolder('doctor-vault')
  const folder = join(dataDir, 'vault')
  {
    await using vault = await openFileVault({ folder, key: Buffer.alloc(32, 7).toString('base64') })
    await vault.put('a', { '/t': 'x' })
  }
  expect(await vaultFinding(dataDir)).toMatchObject({
    status: 'failed',
    detail: expect.stringContaining('is missing or wrong') as string,
  })
})

async function filledVault(): Promise<{ readonly dataDir: string; readonly folder: string }> {
  const dataDir = await newFolder('doctor-vault')
  const folder = join(dataDir, 'vault')
  await using vault = await openFileVault({ folder })
  await vault.put('a', { '/t': 'x' })
  return { dataDir, folder }
}

test.each([
  ['', 0o755],
  ['vault.json', 0o644],
])(
  'doctor reports that others can reach the vault, as a start of the service does: %s',
  async (name, mode) => {
    const { dataDir, folder } = await filledVault()
    await chmod(join(folder, name), mode)
    const refused = await openFileVault({ folder }).catch((error: unknown) => error)
    const { message, suggestedFix } = ConnectError.from(refused)
    expect(message).toContain(`its mode is ${mode.toString(8)}`)
    expect(await vaultFinding(dataDir)).toEqual({
      name: 'vault',
      status: 'failed',
      detail: message,
      fix: suggestedFix,
    })
  },
)

test.each(['a folder', 'a FIFO'])(
  '%s in the place of the key file is to be replaced by it',
  async (what) => {
    const { dataDir, folder } = await filledVault()
    const file = join(folder, 'vault.json')
    await rename(file, join(dataDir, 'vault.json'))
    if (what === 'a folder') await mkdir(file, { mode: 0o700 })
    else execFileSync('mkfifo', ['-m', '600', file])
    const found = await vaultFinding(dataDir)
    expect(found?.status).toBe('failed')
    expect(found?.detail).toContain('in the place of its key file vault.json')
    expect(found?.fix).toContain(`Move \`${file}\` out of the way. Put \`vault.json\` back`)
    await rm(file, { recursive: true })
    await rename(join(dataDir, 'vault.json'), file)
    expect(await vaultFinding(dataDir)).toMatchObject({ status: 'ok' })
  },
)

test('a file in the place of the data folder is no bug of ours', async () => {
  const file = join(await newFolder('doctor-vault'), 'file')
  await writeFile(file, '')
  expect(await checkDataFolder(file)).toMatchObject({
    status: 'failed',
    detail: `${file} is not a folder`,
  })
  for (const found of [await checkDataFolder(join(file, 'below')), await vaultFinding(file)]) {
    expect(found).toMatchObject({
      status: 'failed',
      detail: expect.stringMatching(/cannot be reached \(ENOTDIR\)$/) as string,
      fix: expect.stringContaining('`--data-dir`') as string,
    })
  }
})

test.each(['EACCES', 'EPERM'])(
  'a path that this user may not read is no bug of ours: %s',
  async (code) => {
    const denied = Object.assign(new Error(`${code}: planted`), { code, path: '/srv/vault' })
    const ofVault = new ConnectError('vault_unreachable', {
      details: { url: '/srv/vault', reason: denied.message },
      cause: denied,
    })
    for (const thrown of [denied, ofVault])
      expect(await finding('vault', () => Promise.reject(thrown))).toEqual({
        name: 'vault',
        status: 'failed',
        detail: `/srv/vault cannot be reached (${code})`,
        fix: 'Run this as the user of the service (`sudo -u USER …`).',
      })
  },
)
