import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readCatalog } from '../../connectors/catalog.ts'
import { VendorApi, type Vendor } from '../fakes/vendors/vendor-api.ts'
import { LoopbackSource, ids } from '../connectors/manifests/loopback-source.ts'
import { registerColumnsExtractor } from './columns-extractor.ts'

const page = readFileSync(new URL('../../docs/connectors/manifests.md', import.meta.url), 'utf8')
const config = { api_key: 'kit-secret-shop', start_date: '2025-01-01T00:00:00Z' }

function block(language: string, mark: string): string {
  const blocks = [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
  const found = blocks.find(([, own, text]) => own === language && text?.includes(mark) === true)
  return found?.[2] ?? ''
}

const orders = ['2025-01-05', '2025-01-06', '2025-02-01'].map((day, index) => ({
  id: index + 1,
  total: 9.5,
  updated_at: `${day}T10:00:00Z`,
}))

const shop: Vendor = ({ path, query, headers }) => {
  if (headers.authorization !== 'Bearer kit-secret-shop') return { status: 401, body: {} }
  if (path !== '/v1/orders') return { status: 404, body: {} }
  const found = orders.filter((order) => order.updated_at >= (query.get('updated_since') ?? ''))
  const page = Number(query.get('page') ?? 1)
  const size = Number(query.get('per_page'))
  return { body: { orders: found.slice((page - 1) * size, page * size) } }
}

test('the example of the page checks, reads, waits and goes on from its state', async () => {
  await using api = await VendorApi.start(shop)
  const source = new LoopbackSource(block('yaml', 'url_base'), config, api)
  expect(await source.check()).toEqual({ status: 'SUCCEEDED' })
  expect(await source.refusal({ api_key: 'wrong' })).toContain('Settings > API')
  api.refuseOnce(/orders/, { status: 429, headers: { 'retry-after': '3' }, body: {} })
  const first = await source.read(['orders'])
  expect(first.failures).toEqual([])
  expect(ids(first, 'orders')).toEqual(['1', '2', '3'])
  expect(first.waits).toContain(4)
  api.clear()
  const second = await source.read(['orders'], first.states)
  expect(ids(second, 'orders')).toEqual(['3'])
  expect(api.requests.map(({ query }) => query.get('updated_since'))).toEqual([
    '2025-02-01T10:00:00Z',
  ])
})

test('the component of the page is the one that the tests run', () => {
  const code = readFileSync(new URL('columns-extractor.ts', import.meta.url), 'utf8')
  expect(block('ts', 'registerComponent')).toBe(code)
})

test('a registered component stands in the place of a Python class', async () => {
  const rows = { columns: ['id', 'total', 'updated_at'], rows: [[7, 1.5, '2025-01-05T10:00:00Z']] }
  await using api = await VendorApi.start(() => ({ body: rows }))
  const manifest = block('yaml', 'url_base').replace(
    '{ type: DpathExtractor, field_path: [orders] }',
    '{ type: CustomRecordExtractor, class_name: source_shop.components.ColumnsExtractor }',
  )
  const source = new LoopbackSource(manifest, config, api)
  expect(await source.streams()).toEqual([])
  registerColumnsExtractor()
  expect(await source.streams()).toEqual(['orders'])
  expect(ids(await source.read(['orders']), 'orders')).toEqual(['7'])
})

test('the page has a row for each bundled manifest', () => {
  const bundled = [...readCatalog('/nowhere').values()].filter(({ kind }) => kind === 'bundled')
  const rows = [...page.matchAll(/^\| `([a-z-]+)` /gm)].map(([, type]) => type)
  expect(rows).toEqual(bundled.map(({ name }) => name))
})
