import { gunzipSync } from 'node:zlib'
import { afterEach, expect, test, vi } from 'vitest'
import { BucketStore } from '../../../sinks/s3/bucket-store.ts'
import { openBucket } from '../../../sinks/s3/open-bucket.ts'
import { ObjectStorage } from '../../../storage/object-storage.ts'
import { type Fault, FaultyProxy, type S3Step } from '../../fakes/s3/faulty-proxy.ts'
import { S3Server } from '../../fakes/s3/s3-server.ts'
import { startVersityGateway } from '../../fakes/s3/versity-gateway.ts'
import { usually } from '../../support/long.ts'
import { linesOf } from '../contract/file-lines.ts'
import { configOf, rowsOf, runOf } from './bucket-runs.ts'
import { objectsOf } from './s3-objects.ts'

/** `npm run test:long -- destinations`: a real S3 server. */
const startServer = (): Promise<Pick<S3Server, 'config'> & AsyncDisposable> =>
  process.env.REAL_S3 === undefined ? S3Server.start() : startVersityGateway()

async function startBehindProxy(): Promise<FaultyProxy> {
  const server = await startServer()
  await new ObjectStorage(server.config).put('other', Buffer.from('x')) // it makes the bucket
  const proxy = await FaultyProxy.start(server.config)
  const dispose = proxy[Symbol.asyncDispose].bind(proxy)
  return Object.assign(proxy, {
    [Symbol.asyncDispose]: async () => {
      await dispose()
      await server[Symbol.asyncDispose]()
    },
  })
}

async function idsIn(proxy: FaultyProxy): Promise<readonly unknown[]> {
  const files = await objectsOf(proxy.config, 'rows/things/0')
  const bytes = [...files].map(([key, file]) => (key.endsWith('.gz') ? gunzipSync(file) : file))
  return linesOf(bytes).map((row) => (row as { readonly id: unknown }).id)
}

const ids = (count: number): readonly number[] => Array.from({ length: count }, (_, id) => id + 1)

afterEach(() => {
  vi.useRealTimers()
})

const faults: Readonly<Record<string, Fault>> = {
  'lost after it was done': { do: 'lose' },
  'answered with SlowDown': { do: 'answer', status: 503, code: 'SlowDown' },
  'cut off': { do: 'cut' },
}

test.each(usually(2, Object.keys(faults)))(
  'a sync completes if a request of each kind is %s, and loads each row once',
  async (name) => {
    await using proxy = await startBehindProxy()
    const disturbed = new Set<S3Step>()
    proxy.onRequest = ({ step }) => {
      if (disturbed.has(step)) return undefined
      disturbed.add(step)
      return faults[name]
    }
    await using run = await runOf(configOf(proxy))
    await run.complete(rowsOf(9))
    expect([...disturbed]).toEqual(
      expect.arrayContaining([
        ...['begin upload', 'send part', 'complete upload'],
        ...['write manifest', 'write object', 'read'],
      ]),
    )
    expect(await idsIn(proxy)).toEqual(ids(9))
  },
)

test('parts of an upload that are throttled, cut off or lost are sent again, and the object is whole', async () => {
  await using proxy = await startBehindProxy()
  const count = 6_000 // 33 MB: four parts and a rest
  const attempts = new Map<number, number>()
  proxy.onRequest = ({ part }) => {
    if (part === undefined) return undefined
    const attempt = (attempts.get(part) ?? 0) + 1
    attempts.set(part, attempt)
    return attempt > 2 ? undefined : Object.values(faults)[(part + attempt) % 3]
  }
  await using run = await runOf(configOf(proxy, { compression: 'none' }))
  await run.complete(rowsOf(count))
  expect(attempts.size).toBeGreaterThan(3)
  expect(new Set(attempts.values())).toEqual(new Set([3]))
  expect(await idsIn(proxy)).toEqual(ids(count))
})

test('uploads of which a killed process has completed some are completed by its successor', async () => {
  await using proxy = await startBehindProxy()
  const partitionBy = { column: 'at', by: 'date' } as const
  const config = configOf(proxy, { compression: 'none', partitionBy })
  const source = rowsOf(9)
  let completed = 0
  proxy.onRequest = ({ step }) => {
    if (step !== 'complete upload' || (completed += 1) === 1) return undefined
    return { do: 'answer', status: 403, code: 'AccessDenied' }
  }
  await using killed = await runOf(config)
  await killed.begin()
  await killed.plan()
  await killed.write(source, 6)
  await expect(killed.commit(source)).rejects.toMatchObject({ code: 'destination_bucket_refused' })
  const files = async (): Promise<ReadonlyMap<string, Buffer>> =>
    objectsOf(proxy.config, 'rows/things/at_date')
  expect((await files()).size).toBe(1)
  proxy.onRequest = () => undefined
  await using next = await runOf(config)
  expect(await next.complete(source)).toMatchObject({ loaded: 3 })
  const rows = linesOf([...(await files()).values()]) as readonly { readonly id: number }[]
  expect(rows.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(ids(9))
})

test('a server that throttles all the time is unavailable, not refused', async () => {
  await using proxy = await startBehindProxy()
  let requests = 0
  proxy.onRequest = () => {
    requests += 1
    return { do: 'answer', status: 503, code: 'SlowDown' }
  }
  const store = new BucketStore(configOf(proxy), { attempts: 3, pauseMs: () => 1 })
  await expect(store.check()).rejects.toMatchObject({
    code: 'destination_bucket_unavailable',
    retryable: true,
    message: expect.stringContaining('SlowDown') as unknown,
  })
  expect(requests).toBeGreaterThanOrEqual(3)
})

test.each([-60, 60])('a clock that is %i minutes off is named, with its fix', async (minutes) => {
  await using proxy = await startBehindProxy()
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + minutes * 60_000 })
  await expect(openBucket(configOf(proxy)).check()).rejects.toMatchObject({
    code: 'destination_bucket_refused',
    suggestedFix: expect.stringContaining('Set the clock of this machine') as unknown,
  })
})

test('a wrong key and a wrong secret are named, and no secret is shown', async () => {
  await using proxy = await startBehindProxy()
  const secretAccessKey = 'planted secret'
  const check = (more: Parameters<typeof configOf>[1]) => openBucket(configOf(proxy, more)).check()
  const wrong = check({ secretAccessKey })
  await expect(wrong).rejects.toMatchObject({
    code: 'destination_bucket_refused',
    suggestedFix: expect.stringContaining('Correct `secret_access_key`') as unknown,
  })
  await expect(wrong).rejects.not.toThrow(secretAccessKey)
  await expect(check({ accessKeyId: 'unknown' })).rejects.toMatchObject({
    code: 'destination_bucket_refused',
    suggestedFix: expect.stringContaining('Correct `access_key_id`') as unknown,
  })
})
