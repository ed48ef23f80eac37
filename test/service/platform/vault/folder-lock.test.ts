import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, readdir, rename, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { FolderLock } from '../../../../service/platform/vault/folder-lock.ts'
import { newFolder } from '../../../support/new-folder.ts'

test('processes that take the lock without a pause let another one have its turns', async () => {
  const file = join(await newFolder('lock'), 'lock')
  const script = join(import.meta.dirname, 'hold-without-pause.ts')
  const greedy = [1, 2, 3].map(() =>
    spawn(process.execPath, [script, file], { stdio: ['ignore', 'pipe', 'inherit'] }),
  )
  const ends = greedy.map((child) => once(child, 'exit'))
  try {
    await Promise.all(greedy.map((child) => once(child.stdout, 'data')))
    using lock = await FolderLock.open(file)
    const startMs = performance.now()
    for (let turn = 0; turn < 20; turn += 1) await lock.hold(() => Promise.resolve())
    // It takes about a second; without a queue, a single turn took several.
    expect(performance.now() - startMs).toBeLessThan(15_000)
  } finally {
    for (const child of greedy) child.kill('SIGKILL')
    await Promise.all(ends)
  }
})

test('a lock whose holder fails, or was closed, is free', async () => {
  const file = join(await newFolder('lock'), 'lock')
  using lock = await FolderLock.open(file)
  await expect(lock.hold(() => Promise.reject(new TypeError('planted')))).rejects.toThrow('planted')
  using other = await FolderLock.open(file)
  expect(await other.hold(() => Promise.resolve('held'))).toBe('held')
  expect(await lock.hold(() => Promise.resolve('held'))).toBe('held')
})

/** As somebody does who restores a backup: `rm -rf FOLDER; cp -a BACKUP FOLDER`. */
async function restore(folder: string): Promise<void> {
  await cp(folder, `${folder}.backup`, { recursive: true })
  await rm(folder, { recursive: true })
  await rename(`${folder}.backup`, folder)
}

test('a lock excludes others after its folder was replaced', async () => {
  const folder = await newFolder('lock')
  const file = join(folder, 'lock')
  using before = await FolderLock.open(file)
  await before.hold(() => Promise.resolve())
  await restore(folder)
  using after = await FolderLock.open(file)
  const held: string[] = []
  const turn = (lock: FolderLock, name: string) =>
    lock.hold(async () => {
      held.push(`${name} begins`)
      await delay(30)
      held.push(`${name} ends`)
    })
  await Promise.all([turn(before, 'first'), turn(after, 'second')])
  expect(held.filter((_, index) => index % 2 === 0).map((text) => text.split(' ')[0])).toEqual(
    held.filter((_, index) => index % 2 === 1).map((text) => text.split(' ')[0]),
  )
  expect(held).toHaveLength(4)
})

test('a holder is told that its folder was replaced meanwhile', async () => {
  const folder = await newFolder('lock')
  using lock = await FolderLock.open(join(folder, 'lock'))
  await lock.hold(async () => {
    await lock.requireHeld()
    await restore(folder)
    await expect(lock.requireHeld()).rejects.toMatchObject({
      code: 'vault_unreachable',
      retryable: true,
      details: { url: folder, reason: expect.stringContaining('was replaced') as string },
    })
  })
  await lock.hold(() => lock.requireHeld())
})

test('a lock is made anew in a folder that came back without it, and not in one that is gone', async () => {
  const folder = await newFolder('lock')
  const file = join(folder, 'lock')
  using lock = await FolderLock.open(file)
  await rm(folder, { recursive: true })
  await expect(lock.hold(() => Promise.resolve())).rejects.toMatchObject({ code: 'ENOENT' })
  await mkdir(folder)
  await lock.hold(() => Promise.resolve())
  expect((await readdir(folder)).sort()).toEqual(['lock', 'lock.next'])
})

test.each([
  ['another folder is put in its place, and it comes back', 'back'],
  ['a link above it leads elsewhere', 'linked'],
])('a lock goes on when its folder is moved, and %s', async (_, how) => {
  const root = await newFolder('lock')
  const [real, moved, link] = ['real', 'moved', 'link'].map((name) => join(root, name))
  if (real === undefined || moved === undefined || link === undefined) throw new TypeError('paths')
  await mkdir(real)
  await symlink(real, link)
  const reached = how === 'back' ? real : link
  using lock = await FolderLock.open(join(reached, 'lock'))
  await lock.hold(() => Promise.resolve())
  await rename(real, moved)
  if (how === 'back') {
    await symlink(moved, real)
    await lock.hold(() => Promise.resolve())
    await rm(real)
    await rename(moved, real)
  } else {
    await rm(link)
    await symlink(moved, link)
  }
  await lock.check()
  expect(await lock.hold(() => Promise.resolve('held'))).toBe('held')
  using other = await FolderLock.open(join(reached, 'lock'))
  expect(await other.hold(() => Promise.resolve('held'))).toBe('held')
})

test('a check of the lock does not wait for its holder, and throws if the file cannot be used', async () => {
  const folder = await newFolder('lock')
  const file = join(folder, 'lock')
  using lock = await FolderLock.open(file)
  using other = await FolderLock.open(file)
  await lock.hold(async () => {
    await lock.check()
    await other.check()
  })
  await lock.check()
  await rm(file)
  await mkdir(file)
  await expect(lock.check()).rejects.toThrow()
  await rm(file, { recursive: true })
  await lock.check()
  expect(await lock.hold(() => Promise.resolve('held'))).toBe('held')
})
