import { execFile } from 'node:child_process'
import { cp, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { builtProgram } from '../support/program.ts'

test('it runs from a folder whose name is written otherwise in a URL', async () => {
  const built = resolve(builtProgram(), '../..')
  // Beside it: packages are found from there.
  const folder = `${built} ünd%20more ${process.pid}`
  try {
    await cp(built, folder, { recursive: true })
    const argv = [join(folder, 'cli/main.js'), 'connect', 'catalog', 'show', 'pokeapi']
    const { stdout } = await promisify(execFile)(process.execPath, argv)
    expect(stdout).toContain('pokemon')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
