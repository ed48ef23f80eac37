import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ManifestError, ManifestReader } from '../../sdk/interpreter.ts'
import { VendorApi, type Vendor } from '../fakes/vendors/vendor-api.ts'

const orders = [1, 2, 3].map((id) => ({
  id,
  total: 9.5,
  updated_at: `2025-01-0${String(id)}T10:00:00Z`,
}))

const shop: Vendor = ({ query, headers }) => {
  if (headers.authorization !== 'Bearer kit-secret-shop') return { status: 401, body: {} }
  const since = query.get('updated_since') ?? ''
  const found = orders.filter(({ updated_at: time }) => time >= since)
  const start = (Number(query.get('page') ?? 1) - 1) * 2
  return { body: { orders: found.slice(start, start + 2) } }
}

const page = readFileSync('docs/connectors/manifests.md', 'utf8')
const [, example = ''] = /^```yaml\n(version[^]*?)^```$/m.exec(page) ?? []

function openShop(api: VendorApi, key = 'kit-secret-shop'): ManifestReader {
  return new ManifestReader({
    manifest: example.replace(/url_base: .*/, `url_base: http://127.0.0.1:${String(api.port)}/v1`),
    config: { api_key: key, start_date: '2025-01-01T00:00:00Z' },
    allowedNetworks: ['127.0.0.0/8'],
  })
}

test('a program checks, discovers, reads in pieces and goes on from a state', async () => {
  await using api = await VendorApi.start(shop)
  await using source = openShop(api)
  expect(await source.check()).toEqual({ status: 'SUCCEEDED' })
  const { streams } = await source.discover()
  expect(streams.map(({ name }) => name)).toEqual(['orders'])
  const seen: unknown[] = []
  const states: unknown[] = []
  const output = {
    records: (_: string, records: readonly object[]) => void seen.push(...records),
    state: (_: string, state: unknown) => void states.push(state),
  }
  expect(await source.read([{ name: 'orders' }], output)).toEqual([])
  expect(seen).toMatchObject([{ id: 1 }, { id: 2 }, { id: 3 }])
  const state = JSON.parse(JSON.stringify(states.at(-1))) as Record<string, string>
  seen.length = 0
  await source.read([{ name: 'orders', state }], output)
  expect(seen).toMatchObject([{ id: 3 }])
})

test('a stream that fails is named, with the reason and without the key', async () => {
  await using api = await VendorApi.start(shop)
  await using source = openShop(api, 'kit-wrong-key')
  expect(await source.check()).toMatchObject({ status: 'FAILED' })
  const failures = await source.read([{ name: 'orders' }], { records: () => undefined })
  expect(failures).toMatchObject([{ stream: 'orders', failureType: 'config_error' }])
  expect(JSON.stringify(failures)).not.toContain('kit-wrong-key')
})

test('a wrong manifest, an unknown stream and a closed network are refused', async () => {
  expect(() => new ManifestReader({ manifest: 'version: 1', config: {} })).toThrow(ManifestError)
  await using api = await VendorApi.start(shop)
  await using source = openShop(api)
  const read = source.read([{ name: 'nothing' }], { records: () => undefined })
  await expect(read).rejects.toThrow('there is no stream nothing; the manifest has orders')
  await using closed = new ManifestReader({
    manifest: example.replace(/url_base: .*/, `url_base: http://127.0.0.1:${String(api.port)}/v1`),
    config: { api_key: 'k', start_date: '2025-01-01T00:00:00Z' },
  })
  expect(await closed.check()).toMatchObject({ status: 'FAILED' })
  expect(api.requests).toEqual([])
})
