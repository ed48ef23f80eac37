import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageVersion } from '../../cli/version.ts'
import { serviceFolder } from '../support/service-process.ts'
import { startCommand } from './command.ts'

const run = promisify(execFile)
/** Where the package is unpacked. */
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reactor-package-'))
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', folder])
  await run('tar', ['-xf', join(folder, stdout.trim()), '-C', folder])
  // As npm would install what the package depends on.
  await symlink(resolve('node_modules'), join(folder, 'node_modules'))
}, 120_000)
afterAll(() => rm(folder, { recursive: true }))

async function succeeds(line: string, environment: Record<string, string>): Promise<string> {
  const program = join(folder, 'package/dist/cli/main.js')
  const options = { environment: { HOME: folder, ...environment }, program }
  const end = await startCommand(line.split(' '), options).end
  expect(end, `${line}: ${end.err}`).toMatchObject({ code: 0 })
  return end.out
}

test('the package does what the sources do: it serves, reads, loads, and generates a client', async () => {
  await using data = await serviceFolder()
  const program = join(folder, 'package/dist/cli/main.js')
  await data.start({ program, environment: { HOME: folder } })
  const reactor = (line: string): Promise<string> =>
    succeeds(line, { REACTOR_CONNECT_DATA_DIR: data.path })

  expect(await reactor('--version')).toBe(`${packageVersion()}\n`)
  expect(await reactor('connect catalog list')).toMatch(/^gitlab +bundled /m)
  const config = '{"streams":[{"name":"orders","rows":1000}]}'
  await reactor(`connect instances create numbers --type faker --config ${config}`)
  expect(await reactor('connect instances discover numbers')).toMatch(/^orders /m)
  await reactor('connect connections create numbers --from numbers --dest data:numbers --activate')
  await reactor('connect connections runs start numbers --wait')
  expect(await reactor('connect connections runs list numbers')).toMatch(/ complete .* 1,000 /)
  expect(await reactor('connect connections sandbox numbers')).toContain('0 rows inserted')
  const client = join(folder, 'numbers.ts')
  await reactor(`connect codegen --instance numbers --out ${client}`)
  expect(await readFile(client, 'utf8')).toContain('orders')
}, 120_000)
