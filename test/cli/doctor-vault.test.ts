import { mkdir, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkParts } from '../../cli/doctor/check-parts.ts'
import type { Finding } from '../../cli/doctor/finding.ts'
import { loadSettings } from '../../service/platform/config/load-settings.ts'
import { openFileVault } from '../../service/platform/vault/file-vault.ts'
import { fileNameOf } from '../../service/platform/vault/secrets-file.ts'
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
