import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ConnectError } from '../../../protocol/index.ts'
import { parsePlaceUrl } from '../../../sinks/registry.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import {
  findDestination,
  destinationAddress,
} from '../../../service/connections/destination-address.ts'

const address = { host: 'db', port: 5432, user: 'u', database: 'd', ssl: 'require' } as const
const places = { data: address, postgres: { warehouse: { ...address, host: 'wh' } } }

test('a dataset is a schema of the Data database, a named PostgreSQL one of the settings', async () => {
  expect(await destinationAddress('data:shop', places)).toEqual({
    type: 'postgres',
    address,
    schema: 'shop',
  })
  expect(await destinationAddress('postgres:warehouse', places)).toEqual({
    type: 'postgres',
    address: { ...address, host: 'wh' },
  })
})

test.each([
  ['shop', 'destination_invalid'],
  ['data:', 'destination_invalid'],
  ['data:a"b', 'destination_invalid'],
  ['data:pg_catalog', 'destination_invalid'],
  ['data:reactor_connect', 'destination_invalid'],
  ['data:reactor_connect_jobs', 'destination_invalid'],
  ['data:REACTOR_CONNECT_JOBS', 'destination_invalid'],
  ['data:reactor_sandbox_0123', 'destination_invalid'],
  ['data:Reactor_Connect_Service', 'destination_invalid'],
  ['postgres:Warehouse', 'destination_invalid'],
  ['postgres:constructor', 'destination_not_available'],
  ['postgres:other', 'destination_not_available'],
  ['file:/srv/out', 'destination_not_available'],
  ['instance:sf-prod', 'destination_not_available'],
])('the destination %s is refused as %s', async (destination, code) => {
  await expect(destinationAddress(destination, places)).rejects.toMatchObject({ code })
})

test('a name that is almost a dataset is told which one is', async () => {
  const near = async (destination: string): Promise<unknown> => {
    try {
      return await destinationAddress(destination, places)
    } catch (error) {
      return error instanceof ConnectError ? error.details.problem : error
    }
  }
  expect(await near('data:dr-block')).toContain('Did you mean `data:dr_block`?')
  expect(await near('data:1st shop')).toContain('Did you mean `data:_1st_shop`?')
  expect(await near('data:--')).not.toContain('Did you mean')
})

test('without a Data service and a database of its own there are no datasets', async () => {
  await expect(destinationAddress('data:shop', { ...places, data: undefined })).rejects.toThrow(
    /name neither/,
  )
})

test('a Data service gives the address, with a schema of its own or the name of the dataset', async () => {
  const asked: string[] = []
  const data = (schema: string | undefined) => ({
    find: (name: string, ifMissing: string) => {
      asked.push(`${name} ${ifMissing}`)
      return Promise.resolve(name === 'gone' ? undefined : { address, schema })
    },
  })
  const shop = { type: 'postgres', address }
  expect(await destinationAddress('data:shop', { ...places, data: data(undefined) })).toEqual({
    ...shop,
    schema: 'shop',
  })
  const own = { ...places, data: data('Shop_1') }
  expect(await destinationAddress('data:shop', own, { ifMissing: 'fail' })).toEqual({
    ...shop,
    schema: 'Shop_1',
  })
  for (const schema of ['pg_catalog', 'reactor_connect', 'a-b', '', 'x'.repeat(64)])
    await expect(
      destinationAddress('data:shop', { ...places, data: data(schema) }),
      schema,
    ).rejects.toMatchObject({ code: 'destination_not_available' })
  await expect(destinationAddress('data:gone', own, { ifMissing: 'fail' })).rejects.toMatchObject({
    code: 'destination_not_available',
  })
  await expect(destinationAddress('data:a-b', own)).rejects.toMatchObject({
    code: 'destination_invalid',
  })
  expect(asked.slice(0, 2)).toEqual(['shop create', 'shop fail'])
  expect(asked.filter((name) => name.includes('-'))).toEqual([])
})

test('whatever is written, it is one of the known places or refused', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string(), async (text) => {
      for (const destination of [text, `data:${text}`, `postgres:${text}`]) {
        try {
          const { schema = 'x' } = await destinationAddress(destination, places)
          expect(schema).toMatch(/^\w{1,63}$/)
        } catch (error) {
          expect(error).toBeInstanceOf(ConnectError)
        }
      }
    }),
  )
})

function finderIn(...urls: readonly string[]) {
  const named = urls.map((text) => {
    const folder = parsePlaceUrl(text)
    if ('problem' in folder) throw new Error(folder.problem)
    return folder
  })
  return (destination: string) =>
    findDestination(
      { destination, options: {} },
      { ...places, ...{ kafka: undefined, named, instances: noInstances } },
    )
}

test('a link does not lead out of the folders of the settings', async () => {
  await using folder = await temporaryFolder('named')
  const [named, other] = [join(folder.path, 'named'), join(folder.path, 'other')]
  await mkdir(named)
  await mkdir(other)
  await symlink(other, join(named, 'out'))
  await symlink(named, join(named, 'in'))
  const find = finderIn(`file://${named}`)
  expect(await find(`file:${named}/in/new/one`)).toMatchObject({ type: 'file' })
  for (const way of ['out', 'out/new/one'])
    await expect(find(`file:${named}/${way}`)).rejects.toMatchObject({
      code: 'destination_not_available',
    })
})

test('a folder is one of the settings, or in it', async () => {
  const find = finderIn('file:///srv/out?format=parquet', 'file:///srv/out/small?file_mb=1')
  expect(await find('file:/srv/out/shop/')).toMatchObject({
    type: 'file',
    folder: '/srv/out/shop',
    format: 'parquet',
  })
  expect(await find('file:///srv/out/small/x')).toMatchObject({ fileBytes: 1024 * 1024 })
  for (const other of ['file:/srv', 'file:/srv/outer', 'file:/'])
    await expect(find(other)).rejects.toMatchObject({ code: 'destination_not_available' })
  for (const wrong of ['file:srv/out', 'file:/srv/out/../x'])
    await expect(find(wrong)).rejects.toMatchObject({ code: 'destination_invalid' })
  for (const wrong of ['file:///', 'file://host/srv', 'https://host/srv', 'data:x'])
    expect(parsePlaceUrl(wrong)).toMatchObject({ problem: expect.any(String) as unknown })
})

const noInstances = {
  resolveConfig: () => Promise.reject(new Error('there is no instance')),
  allowedNetworks: [],
  store: () => Promise.resolve(undefined),
}

test('a bucket is one of the settings, below the prefix that they give', async () => {
  const url = 's3://id:s%2Fcret@exports/shop?region=eu-central-1&format=parquet&file_mb=8'
  const general = 's3://other:key@exports?column=country'
  const buckets = [url, general].map((text) => {
    const bucket = parsePlaceUrl(text)
    if ('problem' in bucket) throw new Error(bucket.problem)
    return bucket
  })
  const find = (destination: string, known = buckets) =>
    findDestination(
      { destination, options: {} },
      {
        ...places,
        ...{ kafka: undefined, named: known, instances: noInstances },
      },
    )
  expect(await find('s3:exports/shop/orders')).toEqual({
    type: 's3',
    bucket: 'exports',
    prefix: 'shop/orders/',
    region: 'eu-central-1',
    accessKeyId: 'id',
    secretAccessKey: 's/cret',
    format: 'parquet',
    compression: 'zstd',
    fileBytes: 8 * 1024 * 1024,
  })
  expect(await find('s3://exports/shopping')).toMatchObject({
    accessKeyId: 'other',
    partitionBy: { column: 'country' },
  })
  for (const other of ['s3:exports', 's3:exports/shopping', 's3:private/shop'])
    await expect(find(other, buckets.slice(0, 1))).rejects.toMatchObject({
      code: 'destination_not_available',
    })
  await expect(find('s3:exports/shop/../x')).rejects.toMatchObject({ code: 'destination_invalid' })
  const wrong = parsePlaceUrl('s3://id:planted@exports?format=csv')
  expect(wrong).toMatchObject({ problem: expect.stringContaining('wrong format') as unknown })
  expect(JSON.stringify(wrong)).not.toContain('planted')
})
