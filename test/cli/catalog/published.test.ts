import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { runCatalog, type CatalogArguments } from '../../../cli/catalog/catalog-command.ts'
import { ScriptedVendor } from '../../fakes/scripted-vendor.ts'
import { publishedZip } from '../../fixtures/published-zip.ts'
import { silent } from '../../support/logger.ts'
import { newFolder } from '../../support/new-folder.ts'
import { neverAborted } from '../../support/signal.ts'

let folder = ''

beforeEach(async () => {
  folder = await newFolder('published')
})

async function catalog(
  options: CatalogArguments,
  registryUrl: string,
): Promise<{ code: number; out: string }> {
  let out = ''
  const code = await runCatalog(options, {
    write: (text) => Promise.resolve(void (out += text)),
    signal: neverAborted(),
    allowedNetworks: ['127.0.0.1/32'],
    registryUrl,
    catalogFolder: folder,
    environment: { HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder },
    logger: silent,
    note: () => undefined,
  })
  return { code, out }
}

const listed = (name: string, title: string, more: object) => ({
  sourceDefinitionId: 'a-uuid',
  name: title,
  dockerRepository: `airbyte/source-${name}`,
  dockerImageTag: '1.2.3',
  documentationUrl: `https://docs.airbyte.com/integrations/sources/${name}`,
  spec: { connectionSpecification: {} },
  ...more,
})
const sources = [
  listed('stripe', 'Stripe', { language: 'manifest-only' }),
  listed('till-yaml', 'Till', { tags: ['language:manifest-only', 'cdk:low-code'] }),
  listed('till-python', 'Till of Python', {
    language: 'python',
    remoteRegistries: { pypi: { enabled: true, packageName: 'airbyte-source-till-python' } },
  }),
  listed('till-java', 'Till of Java', { language: 'java', remoteRegistries: null }),
  listed('till-old', 'Till of old', { tombstone: true }),
]

const search = (text: string, json = true): CatalogArguments => ({ command: 'search', text, json })

function answering(answers: Readonly<Record<string, string | Uint8Array>>) {
  return ScriptedVendor.start(({ url }, response) => {
    const body = answers[url]
    response.writeHead(body === undefined ? 404 : 200).end(body ?? 'none')
    return undefined
  })
}

const listPath = '/files/registries/v0/oss_registry.json'

test('a search shows what runs, and how it comes into the catalog', async () => {
  await using registry = await answering({ [listPath]: JSON.stringify({ sources }) })
  const { out } = await catalog(search('TILL'), registry.url)
  const { items, published_problem: problem } = JSON.parse(out) as {
    items: { name: string; runs: string; import_as: string | null }[]
    published_problem: string | null
  }
  expect(problem).toBeNull()
  expect(items.map(({ name, runs, import_as: from }) => [name, runs, from])).toEqual([
    ['till-java', 'not_here', null],
    ['till-python', 'as_process', 'pypi:airbyte-source-till-python'],
    ['till-yaml', 'after_import', 'airbyte:till-yaml'],
  ])
  const lines = await catalog(search('till', false), registry.url)
  expect(lines.out).toMatch(
    /^till-yaml +1\.2\.3 +Till +runs here after its import +catalog import airbyte:till-yaml$/m,
  )
  expect(lines.out).toMatch(/^till-java .* only as an image of a container *$/m)
})

test('a connector of the catalog is found instead of the published one of its name', async () => {
  await using registry = await answering({ [listPath]: JSON.stringify({ sources }) })
  const { out } = await catalog(search('stripe', false), registry.url)
  expect(out).toMatch(/^stripe +native +Stripe +ready *$/m)
  expect(out).not.toContain('catalog import airbyte:stripe')
  const none = await catalog(search('no such thing', false), registry.url)
  expect(none.out).toBe('no connector has these words in its name or title\n')
})

test('without Airbyte’s list, the catalog is searched, and the reason is shown', async () => {
  await using registry = await answering({ [listPath]: '{"other":1}' })
  const wrong = await catalog(search('stripe', false), registry.url)
  expect(wrong.out).toMatch(/^stripe +native/m)
  expect(wrong.out).toContain('Airbyte’s list was not searched: ')
  const away = await catalog(search('stripe', false), 'https://registry.invalid')
  expect(away.out).toContain('Airbyte’s list was not searched: ')
})

const manifest = `
version: 7.0.0
type: DeclarativeSource
check: { type: CheckStream, stream_names: [orders] }
streams:
  - type: DeclarativeStream
    name: orders
    primary_key: [id]
    retriever:
      type: SimpleRetriever
      requester: { type: HttpRequester, url_base: https://api.shop.example/, path: orders }
      record_selector:
        type: RecordSelector
        extractor: { type: CustomRecordExtractor, class_name: source_declarative_manifest.components.Odd }
    schema_loader: { type: InlineSchemaLoader, schema: { type: object, properties: {} } }
spec:
  type: Spec
  connection_specification: { type: object, properties: {} }
`

const place = '/files/metadata/airbyte/source-till-yaml'
const importing: CatalogArguments = {
  command: 'import',
  from: 'airbyte:till-yaml',
  name: undefined,
  version: undefined,
  force: true,
  process: {
    command: undefined,
    python: undefined,
    env: [],
    maxMemoryMb: undefined,
    maxSilenceSeconds: undefined,
    maxAskSeconds: undefined,
  },
}

test('an import brings the components in Python of a manifest, if their hash is right', async () => {
  const hash = createHash('sha256').update(publishedZip).digest('hex')
  const parts = {
    [`${place}/latest/metadata.yaml`]: 'data: { dockerImageTag: 1.2.3 }',
    [`${place}/1.2.3/manifest.yaml`]: manifest,
    [`${place}/1.2.3/components.zip`]: publishedZip,
  }
  await using wrong = await answering({ ...parts, [`${place}/1.2.3/components.zip.sha256`]: 'aa' })
  await expect(catalog(importing, wrong.url)).rejects.toThrow('another hash')
  expect(existsSync(join(folder, 'till-yaml'))).toBe(false)

  await using right = await answering({ ...parts, [`${place}/1.2.3/components.zip.sha256`]: hash })
  const { code } = await catalog(importing, right.url)
  expect(code).toBe(0)
  const components = readFileSync(join(folder, 'till-yaml', 'components.py'), 'utf8')
  expect(components).toMatch(/^class Odd:/)
})
