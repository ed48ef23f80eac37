import { execFile } from 'node:child_process'
import { chmod, chown, lstat, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeEach, expect, test } from 'vitest'
import { ownCacheFolder } from '../../cli/compile-cache.ts'
import { newFolder } from '../support/new-folder.ts'

const main = join(import.meta.dirname, '../../cli/main.ts')
const isRoot = process.getuid?.() === 0

let root: string
let cache: string
let own: string
beforeEach(async () => {
  root = await newFolder('compile-cache')
  cache = join(root, 'cache')
  own = join(cache, 'reactor-connect')
})

const found = (): string | undefined => ownCacheFolder({ XDG_CACHE_HOME: cache })

test('the cache is made in a folder that only its user can enter, and found there again', async () => {
  expect(found()).toBe(own)
  expect((await lstat(own)).mode & 0o777).toBe(0o700)
  expect(found()).toBe(own)
})

test('there is no cache where others can write, in the folder or above it', async () => {
  for (const folder of [own, cache, root]) {
    await mkdir(own, { recursive: true })
    for (const mode of [0o770, 0o707]) {
      await chmod(folder, mode)
      expect(found()).toBeUndefined()
    }
    await chmod(folder, 0o700)
    expect(found()).toBe(own)
  }
})

test('a folder above that anybody may write is safe if nobody may rename what is in it', async () => {
  await mkdir(cache)
  await chmod(cache, 0o1777)
  expect(found()).toBe(own)
})

test('there is no cache in a link, in a file, or where no folder can be made', async () => {
  await mkdir(cache)
  const elsewhere = join(root, 'elsewhere')
  await mkdir(elsewhere, { mode: 0o700 })
  await symlink(elsewhere, own)
  expect(found()).toBeUndefined()
  await rm(own)
  await writeFile(own, '')
  expect(found()).toBeUndefined()
  expect(ownCacheFolder({ XDG_CACHE_HOME: join(root, 'no', 'such') })).toBeUndefined()
  expect(ownCacheFolder({ XDG_CACHE_HOME: '/proc/none' })).toBeUndefined()
})

test.runIf(isRoot)('there is no cache in a folder of another user, or below one', async () => {
  await mkdir(own, { recursive: true, mode: 0o700 })
  for (const folder of [own, cache, root]) {
    await chown(folder, 65_534, 65_534)
    expect(found()).toBeUndefined()
    await chown(folder, 0, 0)
  }
  expect(found()).toBe(own)
})

test('the command keeps compiled code in that folder, and reads none from the temporary one', async () => {
  const temporary = join(root, 'temporary')
  await mkdir(temporary)
  const env = { PATH: process.env.PATH, TMPDIR: temporary, HOME: root, XDG_CACHE_HOME: cache }
  await promisify(execFile)(process.execPath, [main, '--help'], { env })
  expect(await readdir(temporary)).toEqual([])
  expect(await readdir(own)).toHaveLength(1)
})

test('a place that the user chose by NODE_COMPILE_CACHE is taken', async () => {
  const chosen = join(root, 'chosen')
  const env = { PATH: process.env.PATH, HOME: root, NODE_COMPILE_CACHE: chosen }
  await promisify(execFile)(process.execPath, [main, '--help'], { env })
  expect(await readdir(chosen)).toHaveLength(1)
  expect(await readdir(root)).toEqual(['chosen'])
})
