import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { check, resolveConfig } from 'prettier'
import ts from 'typescript'
import { afterAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Connector } from '../../connectors/connector.ts'
import { actionContract, type ActionSubject } from '../connectors/action-contract.ts'
import { connectorContract, type ContractSubject } from '../connectors/connector-contract.ts'
import { NativeConnector } from '../connectors/http/native-connector.ts'
import type { ScriptedVendor } from '../fakes/scripted-vendor.ts'
import { problemsOf } from '../service/codegen/compile.ts'

const root = join(import.meta.dirname, '../..')
const page = await readFile(join(root, 'docs/add-a-connector.md'), 'utf8')
const files = filesOf(page)

/** The files of the page: each block of code stands after a sentence that ends with its path. */
function filesOf(text: string): ReadonlyMap<string, string> {
  const blocks = text.matchAll(/`([\w/.-]+\.(?:ts|yaml))`[^`]*?:\n\n```(?:ts|yaml)\n(.*?)^```$/gms)
  return new Map([...blocks].map(([, path = '', code = '']) => [path, code]))
}

// A copy of the project, made of links: no other test sees the files of the page in it.
await mkdir(join(root, 'data'), { recursive: true })
const copy = await mkdtemp(join(root, 'data/add-a-connector-'))
afterAll(() => rm(copy, { recursive: true }))
for (const folder of ['connectors', 'test', 'test/connectors', 'test/fakes']) await linkAll(folder)
for (const [path, code] of files) {
  await mkdir(dirname(join(copy, path)), { recursive: true })
  await writeFile(join(copy, path), code)
}

async function linkAll(folder: string): Promise<void> {
  await rm(join(copy, folder), { force: true })
  await mkdir(join(copy, folder))
  for (const name of await readdir(join(root, folder)))
    await symlink(join(root, folder, name), join(copy, folder, name))
}

const { inkpadConnector } = await load('connectors/inkpad/connector.ts', {
  inkpadConnector: z.custom<() => Connector>(),
})
const { startInkpad } = await load('test/fakes/inkpad.ts', {
  startInkpad: z.custom<() => Promise<ScriptedVendor>>(),
})
const { openInkpadSubject } = await load('test/connectors/inkpad/contract-subject.ts', {
  openInkpadSubject: z.custom<() => Promise<ContractSubject>>(),
})
const { inkpadSubject } = await load('test/connectors/inkpad/action-subject.ts', {
  inkpadSubject: z.custom<ActionSubject>(),
})

async function load<Shape extends z.ZodRawShape>(
  path: string,
  shape: Shape,
): Promise<z.output<z.ZodObject<Shape>>> {
  return z.object(shape).parse({ ...(await import(pathToFileURL(join(copy, path)).href)) })
}

function sourceOf({ url }: ScriptedVendor): NativeConnector {
  return new NativeConnector(inkpadConnector(), { api_key: 'inkpad-secret-1', api_url: url })
}

test('the connector of the page has at most 60 lines', () => {
  const paths = ['connectors/inkpad/connector.ts', 'connectors/inkpad/streams/manifest.yaml']
  const [code = '', manifest = ''] = paths.map((path) => files.get(path))
  expect(code).toContain('defineAction')
  expect(manifest).toContain('DeclarativeStream')
  expect(`${code}${manifest}`.trimEnd().split('\n').length).toBeLessThanOrEqual(60)
})

test.each([...files])('%s is formatted as all files here', async (path, text) => {
  const filepath = join(root, path)
  expect(await check(text, { ...(await resolveConfig(filepath)), filepath })).toBe(true)
})

// Parses all that a connector imports.
test('all code of the page compiles with the options of this project', { timeout: 120_000 }, () => {
  const file = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path))
  const config: unknown = file.config
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
  const code = [...files].filter(([path]) => path.endsWith('.ts'))
  expect(code).toHaveLength(5)
  const inMemory = Object.fromEntries(code.map(([path, text]) => [join(root, path), text]))
  const mistake = files
    .get('connectors/inkpad/connector.ts')
    ?.replace("effect: 'create'", "effect: 'make'")
  const problems = problemsOf(
    { ...inMemory, [join(root, 'connectors/mistake/connector.ts')]: mistake ?? '' },
    options,
  )
  expect(problems).toEqual([expect.stringContaining('mistake/connector.ts:9: Type \'"make"\'')])
})

test('the connector of the page checks, discovers, and reads both pages', async () => {
  await using vendor = await startInkpad()
  const source = sourceOf(vendor)
  expect(await source.check()).toMatchObject({ status: 'SUCCEEDED' })
  expect(await source.with({ api_key: 'wrong' }).check()).toMatchObject({ status: 'FAILED' })
  const streams = await source.discover()
  expect(streams).toMatchObject([{ name: 'notes', source_defined_primary_key: [['id']] }])
  vendor.requests.length = 0
  const { rows, error } = await source.read('notes')
  expect(error).toBeUndefined()
  expect(rows.map(({ text }) => text)).toEqual(['one', 'two', 'three'])
  expect(vendor.requests.map(({ url }) => url)).toEqual(['/v1/notes', '/v1/notes?from=note-two'])
})

test('the connector of the page shows the request of its action, and sends it', async () => {
  await using vendor = await startInkpad()
  const source = sourceOf(vendor)
  const input = { text: 'Buy ink' }
  const shown = await source.preview('createNote', input)
  expect(vendor.requests).toEqual([])
  expect(shown).toMatchObject({
    level: 'synthesized',
    request: {
      method: 'POST',
      url: `${vendor.url}/v1/notes`,
      headers: { Authorization: 'Bearer ***', 'Idempotency-Key': 'key-1' },
      body: input,
    },
  })
  expect(await source.send('createNote', input)).toMatchObject({
    output: { id: 'note-4', text: 'Buy ink' },
  })
  expect(vendor.last).toMatchObject({
    method: 'POST',
    url: '/v1/notes',
    headers: { authorization: 'Bearer inkpad-secret-1', 'idempotency-key': 'key-1' },
    body: '{"text":"Buy ink"}',
  })
  const refusal = await source.with({ api_key: 'wrong' }).refusal('createNote', input)
  expect(refusal).toMatchObject({ code: 'action_credentials_refused' })
  expect((await source.refusal('createNote', { txt: '' })).code).toBe('action_input_invalid')
})

describe('the connector of the page, in the suite of streams', () => {
  connectorContract(inkpadConnector(), openInkpadSubject)
})

describe('the connector of the page, in the suite of actions', () => {
  actionContract(inkpadConnector(), inkpadSubject)
})

// Its tests become tests of this file.
await import(pathToFileURL(join(copy, 'test/connectors/inkpad/inkpad.test.ts')).href)
