import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { runCatalog, type CatalogArguments } from '../../cli/catalog/catalog-command.ts'
import { manifestName } from '../../cli/catalog/manifest-name.ts'
import { readRunFile } from '../../plan/run-file/load-run-file.ts'
import { catalogFolderOf } from '../../plan/environment.ts'
import { ScriptedVendor } from '../fakes/scripted-vendor.ts'
import { silent } from '../support/logger.ts'
import { neverAborted } from '../support/signal.ts'
import { newFolder } from '../support/new-folder.ts'

const show = { command: 'show', action: undefined, json: false } as const

/** No option for a program. */
const noProcess = {
  command: undefined,
  python: undefined,
  env: [],
  maxMemoryMb: undefined,
  maxSilenceSeconds: undefined,
  maxAskSeconds: undefined,
}

let folder = ''
const catalogFolder = (): string => join(folder, 'catalog')

beforeEach(async () => {
  folder = await newFolder('catalog')
})

async function catalog(
  options: CatalogArguments,
  registryUrl = 'https://registry.invalid',
): Promise<{ code: number; out: string }> {
  let out = ''
  const code = await runCatalog(options, {
    write: (text) => {
      out += text
      return Promise.resolve()
    },
    signal: neverAborted(),
    allowedNetworks: ['127.0.0.1/32'],
    registryUrl,
    catalogFolder: catalogFolder(),
    // No service that this machine knows of.
    environment: { HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder },
    logger: silent,
    note: () => undefined,
  })
  return { code, out }
}

function importing(from: string, options: { name?: string; force?: boolean } = {}) {
  const { name, force = false } = options
  return catalog({ command: 'import', from, name, force, version: undefined, process: noProcess })
}

function write(path: string, text: string): string {
  const file = join(folder, path)
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, text)
  return file
}

const stream = (name: string, extractor: string): string => `
  - type: DeclarativeStream
    name: ${name}
    primary_key: [id]
    retriever:
      type: SimpleRetriever
      requester: { type: HttpRequester, url_base: https://api.shop.example/, path: ${name} }
      record_selector: { type: RecordSelector, extractor: ${extractor} }
    schema_loader: { type: InlineSchemaLoader, schema: { type: object, properties: {} } }`
const dpath = '{ type: DpathExtractor, field_path: [] }'
const shop = (...streams: readonly string[]): string => `
version: 7.0.0
type: DeclarativeSource
check: { type: CheckStream, stream_names: [orders] }
streams:${streams.join('')}
spec:
  type: Spec
  connection_specification:
    type: object
    title: Shop
    required: [api_key]
    properties: { api_key: { type: string, airbyte_secret: true, title: API key } }
`
const orders = shop(stream('orders', dpath))
const custom = '{ type: CustomRecordExtractor, class_name: source_shop.components.Odd }'

describe('import', () => {
  test('copies a manifest, which a run file then names', async () => {
    const file = write('shop.yaml', orders)
    expect(await importing(file)).toEqual({ code: 0, out: 'imported  shop: 1 stream\n' })
    const text = JSON.stringify({
      connection: 'c',
      source: { type: 'shop', config: { api_key: 'kit-secret-shop' } },
      destination: { type: 'postgres', config: { user: 'u', database: 'd' } },
    })
    const environment = { REACTOR_CONNECT_CATALOG_DIR: catalogFolder() }
    const run = await readRunFile(text, 'run.yaml', environment)
    expect(run.source.type).toBe(`manifest:${join(catalogFolder(), 'shop', 'manifest.yaml')}`)
    expect(run.secrets).toContain('kit-secret-shop')
    await expect(
      readRunFile(text.replace('"shop"', '"shpo"'), 'run.yaml', environment),
    ).rejects.toThrow('there is no connector "shpo"')
  })

  test('closes the folder of the catalog to others, and those above it that it makes', async () => {
    const before = process.umask(0o022)
    try {
      await importing(write('shop.yaml', orders))
    } finally {
      process.umask(before)
    }
    for (const closed of [catalogFolder(), join(catalogFolder(), 'shop')])
      expect(statSync(closed).mode & 0o777, closed).toBe(0o700)
  })

  test('tells the mistakes of a manifest with their place, and imports it all the same', async () => {
    const path = 'path: "{{ config.a | uper }}"'
    const text = shop(stream('orders', dpath).replace('path: orders', path))
    const { code, out } = await importing(write('shop.yaml', text))
    expect(code).toBe(0)
    const lines = out.split('\n')
    expect(lines[0]).toBe('imported  shop: 1 stream')
    expect(lines[1]).toMatch(/^ {10}\S.*orders.*retriever\.requester\.path.*No filter named 'uper'/)
    expect(await importing(write('till.yaml', orders))).toEqual({
      code: 0,
      out: 'imported  till: 1 stream\n',
    })
  })

  test('tells which streams cannot be read, and why', async () => {
    const file = write('shop.yaml', shop(stream('orders', dpath), stream('odd', custom)))
    const { code, out } = await importing(file)
    expect(code).toBe(0)
    expect(out).toContain('imported  shop: 2 streams, 1 of them cannot be read here\n')
    expect(out).toContain('odd: It needs the component source_shop.components.Odd')
  })

  test('says what cannot be read because of Python in dynamic streams and in the rules of the configuration', async () => {
    const dynamic = (template: string) => `
dynamic_streams:
  - type: DynamicDeclarativeStream
    name: sheets
    stream_template: ${template}
    components_resolver:
      type: ConfigComponentsResolver
      stream_config: { type: StreamConfig, configs_pointer: [sheets] }
      components_mapping: [{ type: ComponentMappingDefinition, field_path: [name], value: x }]
`
    const template = `
      type: DeclarativeStream
      name: sheet
      retriever:
        type: SimpleRetriever
        requester: { type: HttpRequester, url_base: https://api.shop.example/, path: x }
        record_selector: { type: RecordSelector, extractor: ${custom} }
`
    const sheets = `${shop(stream('orders', dpath))}${dynamic(template)}`
    const imported = await importing(write('sheets.yaml', sheets))
    expect(imported.out).toContain(
      'imported  sheets: 1 stream and those that it generates, some of them are not generated here\n' +
        '          sheets, a dynamic stream: It needs the component source_shop.components.Odd',
    )
    const rules = `  config_normalization_rules:
    type: ConfigNormalizationRules
    transformations: [{ type: CustomConfigTransformation, class_name: source_shop.components.Rule }]
`
    const chimp = `${shop(stream('orders', dpath), stream('items', dpath))}${rules}`
    const { out } = await importing(write('chimp.yaml', chimp))
    expect(out).toContain('imported  chimp: 2 streams, 2 of them cannot be read here\n')
    expect(out).toContain('all streams: It needs the component source_shop.components.Rule')
    const shown = await catalog({ command: 'show', type: 'sheets', action: undefined, json: false })
    expect(shown.out).toContain('sheets, a dynamic stream, makes none: It needs the component')
  })

  test('shows what a manifest says as plain text in the terminal', async () => {
    const hostile = JSON.stringify('a\u001B]0;mine\u0007\u001B[2Jb')
    const odd = stream('odd', `{ type: CustomRecordExtractor, class_name: ${hostile} }`)
    const text = shop(odd.replace('name: odd', `name: ${hostile}`))
    const file = write('shop.yaml', text.replace('title: Shop', `title: ${hostile}`))
    write('more/bad.yaml', orders.replace('type: DpathExtractor', `type: ${hostile}`))
    const outs = [
      await importing(file),
      await importing(join(folder, 'more')),
      await catalog({ command: 'list', json: false }),
      await catalog({ ...show, type: 'shop' }),
    ].map(({ out }) => out)
    for (const out of outs) {
      expect(out).toContain('�[2Jb')
      expect(out).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F]/)
    }
  })

  test('takes every manifest of a folder, refuses the broken ones and goes on', async () => {
    write('connectors/source-shop/manifest.yaml', orders)
    write('connectors/source-shop/metadata.yaml', 'data: {}')
    write('connectors/source-shop/schemas/orders.json', '{}')
    write('connectors/source-till/source_till/manifest.yaml', orders)
    write('connectors/source-broken/manifest.yaml', 'version: 7.0.0\nstreams: []')
    const { code, out } = await importing(join(folder, 'connectors'))
    expect(code).toBe(1)
    expect(out).toContain('imported  shop: 1 stream\n')
    expect(out).toContain('imported  till: 1 stream\n')
    expect(out).toMatch(/refused {3}\S+source-broken\/manifest.yaml: The manifest is not valid/)
    expect(out).toContain('2 imported, 1 refused\n')
    const { out: list } = await catalog({ command: 'list', json: false })
    expect(list).toMatch(/^shop +imported +1 stream +Shop$/m)
    expect(list).not.toContain('broken')
  })

  test('replaces nothing without --force', async () => {
    await importing(write('shop.yaml', orders))
    const again = await importing(
      write('shop.yaml', shop(stream('orders', dpath), stream('b', dpath))),
    )
    expect(again).toMatchObject({ code: 1, out: expect.stringContaining('--force') as unknown })
    const forced = await importing(join(folder, 'shop.yaml'), { force: true })
    expect(forced).toEqual({ code: 0, out: 'imported  shop: 2 streams\n' })
  })

  test('a name of the program is not taken by accident, and of a native connector never', async () => {
    const notion = write('notion.yaml', orders)
    expect((await importing(notion)).out).toContain('comes with the program')
    expect((await importing(notion, { name: 'our-notion' })).code).toBe(0)
    expect((await importing(notion, { force: true })).code).toBe(0)
    const { out } = await catalog({ ...show, type: 'notion' })
    expect(out).toMatch(/^notion \(imported\): Shop$/m)
    const postgres = await importing(write('postgres.yaml', orders), { force: true })
    expect(postgres.out).toContain('is a built-in connector')
  })

  test('an address is fetched over https only, and never from a private network', async () => {
    await expect(importing('http://shop.example/manifest.yaml')).rejects.toThrow('https:// only')
    await expect(importing('https://10.0.0.1/manifest.yaml')).rejects.toThrow(
      'private or reserved network',
    )
    await expect(importing('file:///etc/passwd')).rejects.toThrow('https:// only')
  })

  test('what is no manifest, or no name, is an error that says what to do', async () => {
    await expect(importing(join(folder, 'nothing.yaml'))).rejects.toThrow('cannot be read')
    mkdirSync(join(folder, 'empty'))
    await expect(importing(join(folder, 'empty'))).rejects.toThrow('contains no manifest')
    const file = write('shop.yaml', orders)
    await expect(importing(file, { name: '../up' })).rejects.toThrow('is not a name')
    const spaced = await importing(write('my shop.yaml', orders))
    expect(spaced.out).toContain('Name it with --as')
  })
})

describe('list and show', () => {
  test('list has all kinds, also as JSON', async () => {
    await importing(write('shop.yaml', orders))
    const { out } = await catalog({ command: 'list', json: true })
    const entries = JSON.parse(out) as { type: string; kind: string; streams: number | null }[]
    expect(entries).toContainEqual(expect.objectContaining({ type: 'postgres', kind: 'native' }))
    expect(entries).toContainEqual(expect.objectContaining({ type: 'notion', kind: 'bundled' }))
    expect(entries).toContainEqual(
      expect.objectContaining({ type: 'shop', kind: 'imported', streams: 1 }),
    )
  })

  test('a manifest that was broken after its import is listed with what is wrong', async () => {
    await importing(write('shop.yaml', orders))
    write('catalog/shop/manifest.yaml', 'version: [')
    const { out } = await catalog({ command: 'list', json: false })
    expect(out).toMatch(/^shop +imported .*manifest\.yaml/m)
  })

  test('show has the fields of the configuration and the streams', async () => {
    await importing(write('shop.yaml', orders))
    const { out } = await catalog({ ...show, type: 'shop' })
    expect(out).toMatch(/^ {2}api_key +string +required, secret +API key$/m)
    expect(out).toMatch(/^ {2}orders +key id$/m)
    const shown = await catalog({ ...show, type: 'shop', json: true })
    expect(JSON.parse(shown.out)).toMatchObject({
      spec: { required: ['api_key'] },
      streams: [{ name: 'orders', primary_key: ['id'], cursor_field: null, unsupported: null }],
    })
    const native = await catalog({ ...show, type: 'postgres' })
    expect(native.out).toContain('They depend on the configuration.')
  })

  test('an action is shown without an instance: the fields of its input and of its output', async () => {
    const { out } = await catalog({ ...show, type: 'stripe', action: 'createCustomer' })
    expect(out).toMatch(/^createCustomer: Create a customer$/m)
    expect(out).toMatch(/^input\n(?: {2}.*\n)* {2}tax_exempt +string +One of: none, /m)
    expect(out).toMatch(/^output\n {2}id +string +required\n/m)
    expect(out).toContain('reactor connect instances create NAME --type stripe')
    const list = await catalog({ ...show, type: 'github', action: 'addLabels' })
    expect(list.out).toMatch(/^output\n {2}array of object\n {4}id +integer/m)
    const nothing = await catalog({ ...show, type: 'github', action: 'deleteLabel' })
    expect(nothing.out).toContain('output\n  It has none.\n')
    const all = await catalog({ ...show, type: 'stripe' })
    expect(all.out).toContain('next: reactor connect catalog show stripe ACTION\n')
    expect(all.out).toContain('\nauth, one of\n  a key or token, in api_key\n')
  })

  test('as JSON an action is what the connector has of it', async () => {
    const json = { ...show, type: 'stripe', json: true }
    const { out } = await catalog({ ...json, action: 'createCustomer' })
    const { actions } = z
      .object({ actions: z.array(z.looseObject({ name: z.string() })) })
      .parse(JSON.parse((await catalog(json)).out))
    expect(JSON.parse(out)).toEqual(actions.find(({ name }) => name === 'createCustomer'))
    expect(JSON.parse(out)).toHaveProperty('input.properties.email')
  })

  test('a misspelt action is refused with the one that was meant', async () => {
    const misspelt = catalog({ ...show, type: 'stripe', action: 'createcustomr' })
    await expect(misspelt).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('has no action createcustomr') as unknown,
      suggestedFix: expect.stringContaining('Did you mean `createCustomer`?') as unknown,
    })
    const none = catalog({ ...show, type: 'postgres', action: 'createCustomer' })
    await expect(none).rejects.toThrow('postgres has no actions')
  })

  test('an unknown type is refused with the known ones', async () => {
    await expect(catalog({ ...show, type: 'nope' })).rejects.toThrow(
      /known types: airtable, arxiv, /,
    )
  })
})

test.each([
  ['shop.yaml', 'shop'],
  ['/a/source-shop/manifest.yaml', 'shop'],
  ['/a/source_google_ads/manifest.yaml', 'google-ads'],
  ['airbyte-source-shop.yml', 'shop'],
  ['https://shop.example/files/source-shop/manifest.yaml', 'shop'],
  ['/a/My Shop/manifest.yaml', undefined],
])('the manifest %s is named %s', (path, name) => {
  expect(manifestName(path)).toBe(name)
})

test('the catalog is in the home folder where the environment names no other', () => {
  expect(catalogFolderOf({ HOME: '/home/ada' })).toBe(
    '/home/ada/.local/share/reactor-connect/catalog',
  )
  expect(catalogFolderOf({ REACTOR_CONNECT_DATA_DIR: '/srv/d', HOME: '/home/ada' })).toBe(
    '/srv/d/catalog',
  )
  expect(catalogFolderOf({ REACTOR_CONNECT_CATALOG_DIR: '/srv/c', HOME: '/home/ada' })).toBe(
    '/srv/c',
  )
})

describe('connectors that Airbyte publishes', () => {
  /** Versions of the connector `till`, of which the last one is the latest. */
  async function registry(versions: Readonly<Record<string, string>>): Promise<ScriptedVendor> {
    return ScriptedVendor.start(({ url }, response) => {
      const [, version = '', file = ''] =
        /^\/files\/metadata\/airbyte\/source-till\/([^/]+)\/(\w+)\.yaml$/.exec(url) ?? []
      const latest = Object.keys(versions).at(-1) ?? ''
      const found = version === 'latest' ? latest : version
      const text = file === 'metadata' ? `data: { dockerImageTag: ${found} }` : versions[found]
      response.writeHead(text === undefined ? 404 : 200).end(text ?? 'none')
      return undefined
    })
  }
  const source = {
    from: 'airbyte:till',
    name: undefined,
    force: false,
    process: noProcess,
  } as const
  const withItems = shop(stream('orders', dpath), stream('items', dpath))
  const update = { command: 'update', name: undefined, isApplied: false, force: false } as const

  test('are imported by name, in their latest version or a given one', async () => {
    await using published = await registry({ '1.0.0': orders, '1.1.0': withItems })
    const imported = { command: 'import', ...source } as const
    const latest = await catalog({ ...imported, version: undefined }, published.url)
    expect(latest).toEqual({ code: 0, out: 'imported  till: 2 streams\n' })
    const origin = readFileSync(join(catalogFolder(), 'till', 'origin.json'), 'utf8')
    expect(JSON.parse(origin)).toMatchObject({ from: 'airbyte:till', version: '1.1.0' })
    const older = await catalog({ ...imported, version: '1.0.0', force: true }, published.url)
    expect(older.out).toBe('imported  till: 1 stream\n')
    const none = catalog(
      { ...imported, from: 'airbyte:nothing', version: undefined },
      published.url,
    )
    await expect(none).rejects.toThrow('manifest of "nothing" cannot be fetched')
    await expect(none).rejects.toHaveProperty(
      'suggestedFix',
      expect.stringContaining('Look for the name'),
    )
    const away = catalog({ ...imported, version: undefined })
    await expect(away).rejects.toMatchObject({ code: 'manifest_site_unreachable' })
    await expect(away).rejects.toHaveProperty(
      'suggestedFix',
      expect.stringContaining('reactor connect catalog import FILE'),
    )
  })

  test('are imported as a list: one that is refused does not stop the others', async () => {
    await using published = await registry({ '1.0.0': orders })
    const from = 'airbyte:nothing,till,stripe'
    const all = { command: 'import', ...source, from, version: undefined } as const
    const { code, out } = await catalog(all, published.url)
    expect(code).toBe(1)
    expect(out).toContain('imported  till: 1 stream\n')
    expect(out).toMatch(/^refused {3}nothing: .*cannot be fetched/m)
    expect(out).toMatch(/^refused {3}stripe: /m)
    expect(out).toContain('1 imported, 2 refused\n')
    const again = await catalog({ ...all, from: 'airbyte:till,source-till' }, published.url)
    expect(again.out).toBe('refused   till: "till" was imported before. Replace it with --force.\n')
  })

  test('are updated after the difference was shown, unless they were edited', async () => {
    await using published = await registry({ '1.0.0': orders, '1.1.0': withItems })
    const imported = { command: 'import', ...source, version: '1.0.0' } as const
    await catalog(imported, published.url)
    const shown = await catalog(update, published.url)
    expect(shown.code).toBe(2)
    expect(shown.out).toBe(
      'till: 1.0.0 -> 1.1.0\n  + stream items\nnext: reactor connect catalog update --apply\n',
    )
    const file = join(catalogFolder(), 'till', 'manifest.yaml')
    writeFileSync(file, `${orders}# mine\n`)
    const edited = await catalog({ ...update, isApplied: true }, published.url)
    expect(edited.out).toContain('not replaced: it was edited since its import')
    const forced = await catalog({ ...update, isApplied: true, force: true }, published.url)
    expect(forced).toMatchObject({ code: 0, out: expect.stringContaining('replaced') as string })
    expect(readFileSync(file, 'utf8')).toBe(withItems)
    expect((await catalog(update, published.url)).out).toBe('till: 1.1.0 is the latest version\n')
  })

  test('show when requests and secrets go to another server', async () => {
    const elsewhere = orders.replaceAll('api.shop.example', 'elsewhere.example')
    expect(elsewhere).not.toBe(orders)
    await using published = await registry({ '1.0.0': orders, '1.1.0': elsewhere })
    await catalog({ command: 'import', ...source, version: '1.0.0' }, published.url)
    const shown = await catalog(update, published.url)
    const lines =
      '- server https://api.shop.example\n' +
      '+ server https://elsewhere.example, which gets the secrets of instances\n'
    expect(shown.out).toContain(lines.replaceAll(/^/gm, '  ').trim())
    const kept = await catalog({ ...update, isApplied: true }, published.url)
    expect(kept.out).toContain(
      'not replaced: its instances would send their secrets to another server; --force replaces it',
    )
    expect(kept.code).toBe(2)
    const forced = await catalog({ ...update, isApplied: true, force: true }, published.url)
    expect(forced.out).toContain('  replaced\n')
    await importing(write('till.yaml', orders), { force: true })
    const imported = await importing(write('till.yaml', elsewhere), { force: true })
    expect(imported.out).toContain(lines.replaceAll(/^/gm, '          ').trim())
  })

  test('that were imported otherwise are not updated', async () => {
    await importing(write('shop.yaml', orders))
    await expect(catalog({ ...update, name: 'shop' })).rejects.toThrow(
      'was not imported by its name',
    )
    expect(await catalog(update)).toEqual({ code: 0, out: '' })
  })
})
