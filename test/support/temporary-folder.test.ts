import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { folderInMemory } from './temporary-folder.ts'

test('a folder in memory goes when it is disposed of', async () => {
  const folder = await folderInMemory('test')
  await writeFile(join(folder.path, 'data'), 'text')
  await folder[Symbol.asyncDispose]()
  expect(existsSync(folder.path)).toBe(false)
})

const script = `
import { folderInMemory } from ${JSON.stringify(new URL('temporary-folder.ts', import.meta.url).href)}
const { path } = await folderInMemory('test')
console.log(path)
setInterval(() => undefined, 1000)`

test('a folder in memory goes when its process is killed', async (context) => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const [path] = z.tuple([z.instanceof(Buffer)]).parse(await once(child.stdout, 'data'))
  const folder = path.toString().trim()
  expect(existsSync(folder)).toBe(true)
  child.kill('SIGKILL')
  await ended
  context.skip(!folder.startsWith('/dev/shm/'), 'there is too little memory: it is on the disk')
  await expect.poll(() => existsSync(folder), { timeout: 10_000 }).toBe(false)
})
