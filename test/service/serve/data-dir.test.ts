import { existsSync } from 'node:fs'
import { stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { openDataDir } from '../../../service/serve/data-dir.ts'
import { newFolder } from '../../support/new-folder.ts'

let parent = ''

beforeEach(async () => {
  parent = await newFolder('data-dir')
})

test('the data folder is made, with those above it, and closed to others', async () => {
  for (const hasPostgres of [true, false]) {
    await openDataDir(join(parent, 'a/b'), { hasPostgres })
    const { mode } = await stat(join(parent, 'a/b'))
    expect(mode & (hasPostgres ? 0o066 : 0o077)).toBe(0)
  }
})

test('a data folder that cannot be made is a wrong setting, not a mistake of ours', async () => {
  await writeFile(join(parent, 'file'), '')
  await symlink(join(parent, 'gone'), join(parent, 'dangling'))
  for (const [folder, reason] of [
    [join(parent, 'file'), 'EEXIST'],
    [join(parent, 'file/below'), 'EEXIST'],
    [join(parent, 'dangling'), 'ENOENT'],
    ...(existsSync('/proc/self') ? ([['/proc/nothing/below', 'ENOENT']] as const) : []),
  ] as const) {
    await expect.soft(openDataDir(folder, { hasPostgres: false })).rejects.toMatchObject({
      code: 'setting_invalid',
      message: `The setting data_dir (${folder}) cannot be used as the data folder (${reason})`,
    })
  }
})
