import { execFile, spawnSync } from 'node:child_process'
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

/** The machine's own, beside the one that the project brings. */
const machinesNode = '/usr/bin/node'
const { stdout: version } = spawnSync(machinesNode, ['--version'], { encoding: 'utf8' })
const isOld = /^v(?:1\d|2[0-3])\./.test(version)

test.skipIf(!isOld).each([['--version'], ['connect', 'serve'], ['connect', 'source', 'spec']])(
  'an older Node is told what is needed: %s',
  (...argv) => {
    const end = spawnSync(machinesNode, [builtProgram(), ...argv], { encoding: 'utf8' })
    expect(end.status).toBe(1)
    expect(end.stderr).toMatch(
      /^Reactor Connect needs Node\.js 24 or later, and this is v[\d.]+ \(.+\)\.\nInstall .+\n$/,
    )
  },
)
