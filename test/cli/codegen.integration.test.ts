import { chmod, mkdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { problemsOf } from '../service/codegen/compile.ts'
import { sampleDescriptor } from '../support/sample-descriptor.ts'
import { fakerConfig, TestApi } from '../support/test-api.ts'
import { reactor, type CommandEnd } from './service-command-line.ts'
import { newFolder } from '../support/new-folder.ts'

let api: TestApi
let folder: string
let file: string
beforeAll(async () => {
  api = await TestApi.start()
  folder = await newFolder('codegen')
  await api.service.instances.create({ name: 'shop', type: 'faker', config: fakerConfig })
  const { catalog } = api.service
  const get = catalog.get.bind(catalog)
  // No connector that comes with the program has actions.
  catalog.get = async (type) => ({ ...(await get(type)), actions: sampleDescriptor.actions })
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})
beforeEach(() => {
  file = join(folder, `${expect.getState().currentTestName?.replaceAll(/\W+/g, '-') ?? ''}.ts`)
})

function codegen(...more: readonly string[]): Promise<CommandEnd> {
  const argv = ['connect', 'codegen', '--instance', 'shop', ...more]
  return reactor(argv, {
    environment: {
      HOME: folder,
      REACTOR_CONNECT_URL: api.url,
      REACTOR_CONNECT_API_KEY: api.key,
    },
  })
}

test('the file is written with its folder, and compiles', async () => {
  const out = join(folder, 'src', 'connect', 'shop.ts')
  expect(await codegen('--out', out)).toEqual({ code: 0, out: `${out}: written\n`, err: '' })
  const client = await readFile(out, 'utf8')
  expect(client).toMatch(/^\/\/ Made by `reactor connect codegen --instance shop`/)
  expect(client).toContain("instance = { name: 'shop', type: 'faker' }")
  expect(client).toContain('readonly ping: Action<PingInput, PingOutput>')
  expect(client).toContain('readonly ping: DryRun<PingInput, SynthesizedDryRun>')
  expect(problemsOf({ 'client.ts': client })).toEqual([])
})

test('a file that is up to date is not touched', async () => {
  await codegen('--out', file)
  const longAgo = new Date(0)
  await utimes(file, longAgo, longAgo)
  expect((await codegen('--out', file)).out).toBe(`${file}: up to date\n`)
  expect((await stat(file)).mtime).toEqual(longAgo)
  expect((await codegen('--out', file, '--check')).code).toBe(0)
  await writeFile(file, `${await readFile(file, 'utf8')}\n// edited`)
  const json = await codegen('--out', file, '--json')
  expect(JSON.parse(json.out)).toEqual({ instance: 'shop', file, written: true })
})

test('a check fails where the file is missing or another, and writes nothing', async () => {
  const missing = await codegen('--out', file, '--check')
  expect(missing.code).toBe(1)
  expect(missing.err).toContain('does not exist')
  await writeFile(file, '// Made by `reactor connect codegen --instance shop`: of an older version')
  const other = await codegen('--out', file, '--check')
  expect(other.code).toBe(1)
  expect(other.err).toContain('[codegen_file_outdated]')
  expect(other.err).toContain(`reactor connect codegen --instance shop --out ${file}`)
  expect(await readFile(file, 'utf8')).toContain('of an older version')
})

test('a file that codegen has not written is replaced by force alone', async () => {
  await writeFile(file, 'export const precious = true')
  const refused = await codegen('--out', file)
  expect(refused.code).toBe(1)
  expect(refused.err).toContain('[codegen_file_foreign]')
  expect(await readFile(file, 'utf8')).toBe('export const precious = true')
  expect((await codegen('--out', file, '--force')).code).toBe(0)
  expect(await readFile(file, 'utf8')).toContain('createClient')
})

test('an empty file is replaced without force', async () => {
  await writeFile(file, '')
  expect((await codegen('--out', file)).code).toBe(0)
})

test('the client on standard output has nothing added', async () => {
  const { code, out, err } = await codegen('--out', '-')
  expect({ code, err }).toEqual({ code: 0, err: '' })
  const { body } = await api.call('GET /instances/shop/codegen')
  expect(out).toBe(body)
  expect((await codegen('--out', '-', '--check')).err).toContain('Give --out a file')
})

test('with --json the client on standard output is a text in a document', async () => {
  const { body } = await api.call('GET /instances/shop/codegen')
  const { code, out } = await codegen('--out', '-', '--json')
  expect(code).toBe(0)
  expect(JSON.parse(out)).toEqual({ instance: 'shop', client: body })
})

test('the names of the file that is replaced are kept', async () => {
  await codegen('--out', file)
  const before = await readFile(file, 'utf8')
  const [, name = ''] = /^export type Streams = \{\n {2}\S+: (\w+)$/m.exec(before) ?? []
  await writeFile(file, before.replaceAll(new RegExp(`\\b${name}\\b`, 'g'), 'MyRecord'))
  await codegen('--out', file)
  expect(await readFile(file, 'utf8')).toMatch(/^export type Streams = \{\n {2}\S+: MyRecord$/m)
  expect((await codegen('--out', file, '--check')).code).toBe(0)
})

test('a place that cannot be written to is named, with the reason', async () => {
  await mkdir(file)
  const folderThere = await codegen('--out', file)
  expect(folderThere.err).toContain('[codegen_file_unusable]')
  expect(folderThere.err).toContain('EISDIR')
  const plain = join(folder, 'plain')
  await writeFile(plain, '')
  await chmod(plain, 0o600)
  expect((await codegen('--out', join(plain, 'shop.ts'))).err).toContain('ENOTDIR')
})

test('an instance that does not exist is an error of the service', async () => {
  const argv = ['connect', 'codegen', '--instance', 'nobody', '--out', file]
  const environment = {
    HOME: folder,
    REACTOR_CONNECT_URL: api.url,
    REACTOR_CONNECT_API_KEY: api.key,
  }
  const { code, err } = await reactor(argv, { environment })
  expect(code).toBe(1)
  expect(err).toContain('[instance_not_found]')
})

test('the client over HTTP is text that nothing takes for a page, from the cache or made anew', async () => {
  const { status, headers, body } = await api.call('GET /instances/shop/codegen')
  expect(status).toBe(200)
  expect(headers.get('content-type')).toBe('text/plain; charset=utf-8')
  expect((await api.call('GET /instances/shop/codegen?refresh=true')).body).toBe(body)
  expect((await api.call('GET /instances/shop/codegen?refresh=maybe')).status).toBe(400)
  expect((await api.call('GET /instances/nobody/codegen')).status).toBe(404)
  expect((await api.call('POST /instances/shop/codegen', { names: [] })).body).toBe(body)
  const names = (type: string): object => ({ names: [{ stream: 'users', type }] })
  expect((await api.call('POST /instances/shop/codegen', names('not a name'))).status).toBe(400)
  expect((await api.call('POST /instances/shop/codegen', names('Kept'))).status).toBe(200)
  const many = Array.from({ length: 20_000 }, (_, n) => {
    return { stream: `${'x'.repeat(60)}.table_${String(n)}`, type: `Table${String(n)}Record` }
  })
  expect((await api.call('POST /instances/shop/codegen', { names: many })).status).toBe(200)
  const tooLarge = { names: [{ stream: 'x'.repeat(9 * 1024 * 1024), type: 'A' }] }
  expect(await api.call('POST /instances/shop/codegen', tooLarge)).toMatchObject({
    status: 413,
    body: { error: { details: { limit: 8 * 1024 * 1024 } } },
  })
})
