import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
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
