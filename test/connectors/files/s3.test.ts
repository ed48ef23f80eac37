import { beforeAll, describe, expect, test } from 'vitest'
import { s3Connector } from '../../../connectors/files/connector.ts'
import type { JsonObject } from '../../../protocol/index.ts'
import { ObjectStorage } from '../../../storage/object-storage.ts'
import { S3Server } from '../../fakes/s3/s3-server.ts'
import { builtGateway, startVersityGateway } from '../../fakes/s3/versity-gateway.ts'
import { contextOf, discovered, incrementalOf, readAll, rowsOf, statesOf } from '../collected.ts'
import { jsonLines, s3ConfigOf } from './contract-subject.ts'

const streams = [{ name: 'orders', globs: ['**/*.jsonl'] }]

async function readOrders(config: JsonObject, states = new Map()) {
  const stream = incrementalOf(await discovered(s3Connector, config, 'orders'), '_file_modified_at')
  return readAll(s3Connector, config, { stream, states })
}

/** A server with objects, each a second after the one before. */
async function serverWith(objects: Readonly<Record<string, Buffer>>): Promise<S3Server> {
  const s3 = await S3Server.start()
  s3.buckets.set(s3.config.bucket, new Map(Object.entries(objects)))
  Object.keys(objects).forEach((key, index) =>
    s3.modifiedMs.set(key, Date.UTC(2026, 0, 1) + index * 1000),
  )
  return s3
}

test('a connection that is cut is made again where it ended, for the same version', async () => {
  await using s3 = await serverWith({ 'a b/ü+1.jsonl': jsonLines(2000) })
  const config = s3ConfigOf(s3.config, { streams })
  await discovered(s3Connector, config, 'orders')
  s3.cuts.push(100_000_000, 1_000, 0, 20_000)
  const stream = incrementalOf(await discovered(s3Connector, config, 'orders'), '_file_modified_at')
  s3.cuts.splice(0, Infinity, 100_000_000, 1_000, 0, 20_000)
  const rows = rowsOf(await readAll(s3Connector, config, { stream }))
  expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 2000 }, (_, index) => index + 1))
  expect(rows[0]).toMatchObject({ _file: 'a b/ü+1.jsonl', _file_row: 1 })
  const ranges = s3.requests
    .map(({ headers }) => headers.range)
    .filter((range) => range !== undefined)
  expect(ranges.slice(-3)[0]).toMatch(/^bytes=1000-/)
})

test('a file that changes while it is read is read again from its beginning', async () => {
  await using s3 = await serverWith({ 'o.jsonl': jsonLines(3000) })
  const config = s3ConfigOf(s3.config, { streams })
  const stream = incrementalOf(await discovered(s3Connector, config, 'orders'), '_file_modified_at')
  s3.cuts.push(100_000_000, 70_000)
  let reads = 0
  s3.onRequest = ({ headers }) => {
    if (headers.range !== undefined && (reads += 1) === 3) {
      s3.buckets.get(s3.config.bucket)?.set('o.jsonl', jsonLines(10, 5001))
      s3.modifiedMs.set('o.jsonl', Date.UTC(2026, 0, 2))
    }
    return undefined
  }
  const runs = await readAll(s3Connector, config, { stream })
  expect(rowsOf(runs).at(-1)).toMatchObject({ id: 5010, _file_row: 10 })
  expect(runs[0]?.warnings).toEqual([
    expect.stringMatching(/^o\.jsonl changed while it was read, .* [1-9]\d* rows/),
  ])
  const later = await readAll(s3Connector, config, { stream, states: statesOf(runs) })
  expect(rowsOf(later)).toEqual([])
})

test('a prefix without a slash is the beginning of folders and of names', async () => {
  const keys = ['p/x/a.jsonl', 'p/b.jsonl', 'pq.jsonl']
  await using s3 = await serverWith(Object.fromEntries(keys.map((key) => [key, jsonLines(1)])))
  const config = s3ConfigOf(s3.config, { prefix: 'p', streams })
  const found = rowsOf(await readOrders(config)).map(({ _file }) => _file)
  expect(found.toSorted()).toEqual(keys.toSorted())
  const { streams: folders } = await s3Connector.discover(
    s3ConfigOf(s3.config, { prefix: 'p' }),
    contextOf(),
  )
  expect(folders.map(({ name }) => name)).toEqual(['b', 'q', 'x'])
})

test('a key that may list and not read hears which right it lacks', async () => {
  await using s3 = await serverWith({ 'a.jsonl': jsonLines(1) })
  s3.onRequest = ({ path }) =>
    path.endsWith('a.jsonl')
      ? { status: 403, body: '<Error><Code>AccessDenied</Code><Message>no</Message></Error>' }
      : undefined
  const config = s3ConfigOf(s3.config, { streams })
  await expect(s3Connector.discover(config, contextOf())).rejects.toMatchObject({
    code: 'source_files_refused',
    message: expect.stringContaining('reading a.jsonl: it was refused') as unknown,
    suggestedFix: 'Give the key the right `s3:GetObject` on the objects.',
  })
})

test('half a key is refused', async () => {
  await using s3 = await serverWith({ 'a.jsonl': jsonLines(1) })
  const half = { ...s3ConfigOf(s3.config, { streams }) }
  delete half.secret_access_key
  await expect(s3Connector.discover(half, contextOf())).rejects.toThrow(
    /`secret_access_key` is missing/,
  )
})

test('a damaged file is named and does not stop the others; the next run tries it alone', async () => {
  const objects = {
    'a.jsonl': jsonLines(5),
    'b.jsonl': Buffer.from('{"id":1}\n{"id'),
    'c.jsonl': jsonLines(7),
  }
  await using s3 = await serverWith(objects)
  const skip = s3ConfigOf(s3.config, { streams, on_file_error: 'skip' })
  const [skipped] = await readOrders(skip)
  // With the row before the damage.
  expect(skipped?.out.rows).toHaveLength(13)
  expect(skipped?.warnings).toEqual([
    expect.stringContaining('b.jsonl: it has no JSON object in row 2'),
  ])
  const failing = s3ConfigOf(s3.config, { streams })
  await expect(readOrders(failing)).rejects.toMatchObject({
    code: 'source_files_failed',
    message: expect.stringContaining('b.jsonl') as unknown,
  })
})

test('lists have pages; a late file is found, and one that is older than `late_minutes` is not', async () => {
  await using s3 = await serverWith({
    'a.jsonl': jsonLines(1),
    'b.jsonl': jsonLines(1),
    'c.jsonl': jsonLines(1),
  })
  s3.pageKeys = 2
  const config = s3ConfigOf(s3.config, { streams, late_minutes: 1 })
  const first = await readOrders(config)
  expect(rowsOf(first)).toHaveLength(3)
  const objects = s3.buckets.get(s3.config.bucket)
  objects?.set('late.jsonl', jsonLines(2))
  s3.modifiedMs.set('late.jsonl', Date.UTC(2026, 0, 1) - 30_000)
  objects?.set('old.jsonl', jsonLines(4))
  s3.modifiedMs.set('old.jsonl', Date.UTC(2026, 0, 1) - 600_000)
  expect(rowsOf(await readOrders(config, statesOf(first)))).toHaveLength(2)
})

test('a file that is dated in the future is read with a warning, and later files are found', async () => {
  await using s3 = await serverWith({ 'a.jsonl': jsonLines(1) })
  s3.modifiedMs.set('a.jsonl', Date.now() + 24 * 3600 * 1000)
  const config = s3ConfigOf(s3.config, { streams })
  const first = await readOrders(config)
  expect(rowsOf(first)).toHaveLength(1)
  expect(first[0]?.warnings).toEqual([expect.stringMatching(/^a\.jsonl is dated in the future/)])
  s3.buckets.get(s3.config.bucket)?.set('b.jsonl', jsonLines(2))
  s3.modifiedMs.set('b.jsonl', Date.now())
  expect(rowsOf(await readOrders(config, statesOf(first)))).toHaveLength(2)
})

const contents = (key: string, modified: string): string =>
  `<Contents><Key>${key}</Key><LastModified>${modified}</LastModified><ETag>"1"</ETag><Size>3</Size></Contents>`
const token = '<NextContinuationToken>again</NextContinuationToken>'
const time = '2026-01-01T00:00:00Z'
test.each([
  [contents('a.jsonl', 'yesterday'), 'a.jsonl with a time of modification'],
  [contents('%E0%A4%A.jsonl', time), 'the key %E0%A4%A.jsonl, which is not encoded'],
  [contents('a.jsonl', time).replace('>3<', '>many<'), 'a.jsonl with a size that is no number'],
  ['<html><body>Sign in</body></html>', 'no ListBucketResult'],
  [contents('a&#9999999999;.jsonl', time) + token, 'the same continuation token twice'],
])('a list that is not as S3 writes it is an error of the bucket: %s', async (listed, reason) => {
  await using s3 = await serverWith({ 'a.jsonl': jsonLines(1) })
  const config = s3ConfigOf(s3.config, { streams })
  const body = listed.startsWith('<html>')
    ? listed
    : `<ListBucketResult><EncodingType>url</EncodingType>${listed}</ListBucketResult>`
  s3.onRequest = () => ({ status: 200, body })
  await expect(discovered(s3Connector, config, 'orders')).rejects.toMatchObject({
    code: 'source_files_refused',
    message: expect.stringContaining(reason) as unknown,
    suggestedFix: expect.stringContaining('Check `endpoint`') as unknown,
  })
})

const servers: readonly (readonly [
  string,
  () => Promise<AsyncDisposable & Pick<S3Server, 'config'>>,
])[] = [
  ['the S3 of the tests', () => S3Server.start()],
  // `npm run test:long -- storage` needs Go.
  ...(process.env.REAL_S3 === undefined ? [] : [['Versity Gateway', startVersityGateway] as const]),
]
beforeAll(async () => {
  if (process.env.REAL_S3 !== undefined) await builtGateway()
}, 300_000)

describe.each(servers)('%s', (_, start) => {
  test('files are found and read, and refusals say what to do', async () => {
    await using s3 = await start()
    const storage = new ObjectStorage(s3.config)
    await storage.put('data/1.jsonl', jsonLines(3000))
    await storage.put('data/2.jsonl', jsonLines(10, 3001))
    const config = s3ConfigOf(s3.config, { prefix: 'data/', streams })
    expect(rowsOf(await readOrders(config))).toHaveLength(3010)
    const problems = [
      [{ secret_access_key: 'wrong' }, /SignatureDoesNotMatch.*`secret_access_key`/],
      [{ bucket: 'not-there' }, /NoSuchBucket.*Correct `bucket`/],
      [
        { streams: [{ name: 'orders', globs: ['*.csv'] }] },
        /no file in s3:.*data\/ matches \*\.csv/,
      ],
    ] as const
    for (const [change, message] of problems) {
      const status = await s3Connector.check({ ...config, ...change }, contextOf())
      expect(status).toMatchObject({
        status: 'FAILED',
        message: expect.stringMatching(message) as unknown,
      })
      expect(status.message).not.toContain(s3.config.secretAccessKey)
    }
    const closed = { ...contextOf(), allowedNetworks: [] }
    expect((await s3Connector.check(config, closed)).message).toMatch(/ALLOWED_NETWORKS/)
  })
})
