import { stat, writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import {
  localServiceFile,
  readLocalService,
  removeLocalService,
  writeLocalService,
} from '../../../service/serve/local-service-file.ts'
import { newFolder } from '../../support/new-folder.ts'

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await newFolder('local-service')
  await work(folder)
}

test('what a service wrote is read, and only its user can read it', async () => {
  await withFolder(async (folder) => {
    expect(await readLocalService(folder)).toBeUndefined()
    const service = { url: 'http://127.0.0.1:8007', apiKey: 'rk_1' }
    await writeLocalService(folder, { ...service, apiKey: 'rk_0' })
    await writeLocalService(folder, service)
    expect(await readLocalService(folder)).toEqual(service)
    expect((await stat(localServiceFile(folder))).mode & 0o777).toBe(0o600)
    await removeLocalService(folder)
    expect(await readLocalService(folder)).toBeUndefined()
  })
})

test('a file that no service wrote is ignored', async () => {
  await withFolder(async (folder) => {
    for (const text of ['', '{', '{"url":1}']) {
      await writeFile(localServiceFile(folder), text)
      expect(await readLocalService(folder)).toBeUndefined()
    }
  })
})
