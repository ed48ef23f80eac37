import { execFile } from 'node:child_process'
import { access, chmod, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { packageVersion } from '../../lib/files/package-version.ts'
import { serviceFolder } from '../support/service-process.ts'
import { startCommand } from './command.ts'
import { newFolder } from '../support/new-folder.ts'

const run = promisify(execFile)
/** An empty folder, in which somebody has installed the package. */
let folder: string

beforeAll(async () => {
  folder = await newFolder('library')
  // As a folder of a user's: if the tests run as root, PostgreSQL runs as somebody else.
  await chmod(folder, 0o755)
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', folder])
  const tarball = stdout.trim().split('\n').at(-1) ?? ''
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--silent']
  await run('npm', ['install', ...flags, `./${tarball}`], { cwd: folder })
}, 240_000)

/** Its `reactor`. */
function program(): string {
  return join(folder, 'node_modules/reactor-connect/dist/cli/main.js')
}

async function succeeds(line: string, environment: Record<string, string>): Promise<string> {
  const options = { environment: { HOME: folder, ...environment }, program: program() }
  const end = await startCommand(line.split(' '), options).end
  expect(end, `${line}: ${end.err}`).toMatchObject({ code: 0 })
  return end.out
}

// Concurrent, as all that follow: they only read what was installed.
test.concurrent(
  'the package does what the sources do: it serves, reads, loads, and generates a client',
  async () => {
    await using data = await serviceFolder()
    await data.start({ program: program(), environment: { HOME: folder } })
    const reactor = (line: string): Promise<string> =>
      succeeds(line, { REACTOR_CONNECT_DATA_DIR: data.path })

    expect(await reactor('--version')).toBe(`${packageVersion()}\n`)
    expect(await reactor('connect catalog list')).toMatch(/^gitlab +bundled /m)
    const config = '{"streams":[{"name":"orders","rows":1000}]}'
    await reactor(`connect instances create numbers --type faker --config ${config}`)
    expect(await reactor('connect instances discover numbers')).toMatch(/^orders /m)
    await reactor(
      'connect connections create numbers --from numbers --dest data:numbers --activate',
    )
    await reactor('connect connections runs start numbers --wait')
    expect(await reactor('connect connections runs list numbers')).toMatch(/ complete .* 1,000 /)
    expect(await reactor('connect connections sandbox numbers')).toContain('0 rows inserted')
    const client = join(folder, 'numbers.ts')
    await reactor(`connect codegen --instance numbers --out ${client}`)
    expect(await readFile(client, 'utf8')).toContain('orders')
  },
  120_000,
)

async function examples(): Promise<readonly string[]> {
  const page = await readFile('docs/library.md', 'utf8')
  return [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code)
}

async function inFolder(
  argv: readonly string[],
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  return run(process.execPath, argv, { cwd: folder, env: { PATH: process.env.PATH, HOME: folder } })
}

test.concurrent(
  'the examples of the page compile against the types of the package, checked in full',
  async () => {
    const codes = await examples()
    expect(codes).toHaveLength(4)
    const names = codes.map((_, index) => `page-${String(index)}.ts`)
    for (const [index, name] of names.entries())
      await writeFile(join(folder, name), codes[index] ?? '')
    const compilerOptions = {
      ...{ strict: true, noEmit: true, target: 'ES2024', lib: ['ES2024'], module: 'NodeNext' },
      ...{ types: ['node'], typeRoots: [resolve('node_modules/@types')], skipLibCheck: false },
      ...{ exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
    }
    const config = { compilerOptions, files: names }
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
    const end = await inFolder([resolve('node_modules/typescript/bin/tsc'), '-p', '.']).catch(
      (error: unknown) => error,
    )
    expect(end).toMatchObject({ stdout: '' })
  },
  120_000,
)

test.concurrent(
  'the 20 lines replicate, and the second run goes on from the first',
  async () => {
    const [code = ''] = await examples()
    expect(code.trim().split('\n').length).toBeLessThanOrEqual(22)
    await writeFile(join(folder, 'example.ts'), code)
    expect((await inFolder(['example.ts'])).stdout).toBe('orders: complete, 10000 rows loaded\n')
    expect((await inFolder(['example.ts'])).stdout).toMatch(/^orders: complete, \d+ rows loaded\n$/)
  },
  120_000,
)

test.concurrent('the reader of topics can be imported', async () => {
  const code = `import { topicName } from 'reactor-connect/topics'
    console.log(topicName('shop', { name: 'orders' }))`
  const { stdout } = await inFolder(['--input-type=module', '--eval', code])
  expect(stdout).toBe('connect.shop.orders\n')
})

test.concurrent('only the documented entries can be imported', async () => {
  const code = "await import('reactor-connect/dist/cli/main.js')"
  await expect(inFolder(['--input-type=module', '--eval', code])).rejects.toThrow(
    'ERR_PACKAGE_PATH_NOT_EXPORTED',
  )
})

test.concurrent(
  'the installed program runs the demo, and names a page of docs that is there',
  async () => {
    const link = join(folder, 'node_modules/.bin/reactor')
    const { stdout } = await inFolder([link, 'connect', 'demo'])
    expect(stdout.match(/ rows, equal; state /g)).toHaveLength(4)
    const failed = await inFolder([link, 'connect', 'run', 'none.yaml', '--json']).catch(
      (error: unknown) => error,
    )
    const { stdout: out } = z.object({ stdout: z.string() }).parse(failed)
    const result = z.object({ error: z.object({ docs_url: z.string() }) }).parse(JSON.parse(out))
    await expect(access(new URL(result.error.docs_url))).resolves.toBeUndefined()
  },
  120_000,
)
