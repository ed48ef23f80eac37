import { createHash, randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { ObjectStorage } from '../../storage/object-storage.ts'
import type { StorageConfig } from '../../storage/storage-config.ts'
import { S3Server } from '../fakes/s3/s3-server.ts'
import { builtGateway, startVersityGateway } from '../fakes/s3/versity-gateway.ts'
import { neverAborted } from '../support/signal.ts'

const servers: readonly (readonly [
  string,
  () => Promise<AsyncDisposable & { config: StorageConfig }>,
])[] = [
  ['the S3 of the tests', () => S3Server.start()],
  // `npm run test:long -- storage` needs Go.
  ...(process.env.REAL_S3 === undefined ? [] : [['Versity Gateway', startVersityGateway] as const]),
]
beforeAll(async () => {
  if (process.env.REAL_S3 !== undefined) await builtGateway()
}, 300_000)

const quick = { pauseMs: (): number => 1 }
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

describe.each(servers)('%s', (_, start) => {
  test('an object is what was written; the first one makes the bucket', async () => {
    await using s3 = await start()
    const storage = new ObjectStorage(s3.config, quick)
    expect(await storage.list('records/', neverAborted())).toEqual([])
    const bytes = randomBytes(3_000_000)
    const part = bytes.subarray(1_000, 2_500_000)
    const object = await storage.put('records/shop/20260101T000000Z/a.b-c_d', part)
    expect(object).toEqual({
      bucket: 'reactor-connect',
      key: 'records/shop/20260101T000000Z/a.b-c_d',
      bytes: part.length,
      sha256: sha256(part),
    })
    expect(part.equals(await storage.get(object))).toBe(true)
  }, 300_000)

  test('keys are listed in their order, below a prefix; what is deleted is gone', async () => {
    await using s3 = await start()
    const storage = new ObjectStorage(s3.config, quick)
    const bytes = Buffer.from('x')
    for (const key of ['records/b/2', 'records/a/2', 'records/a/1']) await storage.put(key, bytes)
    const list = async (): Promise<unknown> => storage.list('records/a/', neverAborted())
    expect(await list()).toEqual(['records/a/1', 'records/a/2'])
    await storage.delete('records/a/1', neverAborted())
    await storage.delete('records/a/1', neverAborted())
    expect(await list()).toEqual(['records/a/2'])
  })

  test('a wrong key is refused at once, and not shown', async () => {
    await using s3 = await start()
    const wrong = { ...s3.config, secretAccessKey: 'another secret' }
    const failed = new ObjectStorage(wrong, quick).put('records/a', Buffer.from('x'))
    await expect(failed).rejects.toMatchObject({
      code: 'storage_refused',
      message: expect.stringMatching(/status 403 \(SignatureDoesNotMatch/) as unknown,
    })
    await expect(failed).rejects.not.toThrow(/another secret/)
  })

  test('a wrong access key id is refused at once, also if the body is large', async () => {
    await using s3 = await start()
    if (s3 instanceof S3Server) s3.cutsUnknownKeys = true
    const wrong = { ...s3.config, accessKeyId: 'another-id' }
    const failed = new ObjectStorage(wrong).put('records/a', randomBytes(20_000_000))
    await expect(failed).rejects.toMatchObject({
      code: 'storage_refused',
      message: expect.stringMatching(/\((?:InvalidAccessKeyId|XAdminUserNotFound): /) as unknown,
    })
  }, 10_000)

  test.each([
    ['is not there any more', { key: 'records/other' }],
    ['does not have the bytes that were written', { sha256: sha256(Buffer.from('y')) }],
    ['does not have the bytes that were written', { bytes: 3 }],
    ['does not have the bytes that were written', { bytes: 1 }],
  ])('an object that %s is lost: %j', async (reason, change) => {
    await using s3 = await start()
    const storage = new ObjectStorage(s3.config, quick)
    const object = await storage.put('records/a', Buffer.from('xx'))
    await expect(storage.get({ ...object, ...change })).rejects.toMatchObject({
      code: 'stored_records_lost',
      message: expect.stringContaining(reason) as unknown,
    })
  })
})

test('what may succeed later is tried again', async () => {
  await using s3 = await S3Server.start()
  const storage = new ObjectStorage(s3.config, quick)
  let left = 4
  s3.onRequest = () => (left-- > 0 ? { status: 503, body: 'busy' } : undefined)
  const object = await storage.put('records/a', Buffer.from('x'))
  left = 4
  expect(Buffer.from(await storage.get(object)).toString()).toBe('x')
})

test('a server that stays away is named, without its key', async () => {
  const s3 = await S3Server.start()
  await s3[Symbol.asyncDispose]()
  const failed = new ObjectStorage(s3.config, quick).put('records/a', Buffer.from('x'))
  await expect(failed).rejects.toMatchObject({
    code: 'storage_unavailable',
    message: expect.stringContaining(new URL(s3.config.url).host) as unknown,
  })
  await expect(failed).rejects.not.toThrow(s3.config.secretAccessKey)
})

test('a write that is cut for no reason is tried again, also with a key that may not list', async () => {
  await using s3 = await S3Server.start()
  s3.buckets.set(s3.config.bucket, new Map())
  s3.cutsUnknownKeys = true
  s3.onRequest = ({ method }) =>
    method === 'GET' ? { status: 403, body: '<Code>AccessDenied</Code>' } : undefined
  const wrong = { ...s3.config, accessKeyId: 'another-id' }
  const failed = new ObjectStorage(wrong, quick).put('records/a', Buffer.from('x'))
  await expect(failed).rejects.toMatchObject({ code: 'storage_unavailable' })
})

test('a redirect is not followed', async () => {
  await using s3 = await S3Server.start()
  s3.onRequest = () => ({ status: 307 })
  await expect(
    new ObjectStorage(s3.config, quick).put('records/a', Buffer.from('x')),
  ).rejects.toMatchObject({ code: 'storage_refused' })
  expect(s3.requests).toHaveLength(1)
})
