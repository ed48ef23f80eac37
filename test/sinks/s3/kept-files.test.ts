import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { BucketDocument } from '../../../sinks/s3/bucket-document.ts'
import { BucketStore } from '../../../sinks/s3/bucket-store.ts'
import { BucketWriter } from '../../../storage/bucket-writer.ts'
import { fetchSend } from '../../../storage/fetch-send.ts'
import { VersionedDocument } from '../../../sinks/file/versioned-document.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { linesOf } from '../contract/file-lines.ts'
import { configOf, overwritten, rowsOf, runOf, serverWithBucket } from './bucket-runs.ts'
import { objectsOf } from './s3-objects.ts'

test('a complete overwrite stays when the process died before it noted that, and the next one fails', async () => {
  await using s3 = await serverWithBucket()
  const config = configOf(s3)
  const files = async () => [...(await objectsOf(s3.config, 'rows/things/0')).keys()]
  await using first = await runOf(config, overwritten)
  await first.complete(rowsOf(3))
  await using killed = await runOf(config, overwritten)
  let hasDeleted = false
  s3.onRequest = ({ method, path }) => {
    hasDeleted ||= method === 'DELETE' && path.includes('/things/0')
    return hasDeleted && method === 'PUT' ? { status: 403, body: '' } : undefined
  }
  await expect(killed.complete(rowsOf(4))).rejects.toMatchObject({
    code: 'destination_bucket_refused',
  })
  expect(hasDeleted).toBe(true)
  s3.onRequest = undefined
  const complete = await files()
  expect(complete).toHaveLength(1)
  for (let failing = 0; failing < 3; failing++) {
    await using next = await runOf(config, overwritten)
    await next.begin()
    await next.plan()
    expect(await files()).toEqual(complete)
  }
})

test('an overwrite leaves what another connection has below its folder, and an archive', async () => {
  await using s3 = await serverWithBucket()
  const below = configOf(s3, { prefix: 'rows/things/' })
  await using neighbour = await runOf(below)
  await neighbour.complete(rowsOf(3))
  const upload = new BucketStore(below).newDraft({
    stream: 'things',
    path: 'things/000009-0000-000001.jsonl.gz',
    id: '',
  })
  await upload.write(Buffer.from('x'))
  await upload.close()
  const bucket = s3.buckets.get(s3.config.bucket)
  const [[, kept] = []] = [...(await objectsOf(s3.config, 'rows/things/things/0'))]
  if (kept !== undefined) bucket?.set('rows/things/archive/000001-0000-000001.jsonl.gz', kept)
  const before = await objectsOf(s3.config, 'rows/things/things/')
  for (const rows of [3, 4]) {
    await using run = await runOf(configOf(s3), overwritten)
    await run.complete(rowsOf(rows))
  }
  expect(await objectsOf(s3.config, 'rows/things/things/')).toEqual(before)
  expect((await objectsOf(s3.config, 'rows/things/archive/')).size).toBe(1)
  expect((await objectsOf(s3.config, 'rows/things/0')).size).toBe(1)
  expect(s3.uploads.size).toBe(1)
})

test('a server that does not say that an upload is complete, or names no ETag, publishes nothing', async () => {
  await using s3 = await serverWithBucket()
  const files = { whole: 'POST', parts: 'PUT' } as const
  for (const [prefix, garbled] of Object.entries(files)) {
    const config = configOf(s3, { prefix: `${prefix}/` })
    await using run = await runOf(config)
    await run.begin()
    await run.plan()
    s3.onRequest = ({ method, path }) => {
      const isOfUpload = s3.uploads.size > 0 && !path.endsWith('.json')
      return isOfUpload && method === garbled ? { status: 200, body: 'garbage' } : undefined
    }
    const committed = run.write(rowsOf(3)).then(() => run.commit(rowsOf(3)))
    await expect(committed).rejects.toMatchObject({
      code: expect.stringMatching(/^destination_bucket_/) as unknown,
    })
    s3.onRequest = undefined
    await using next = await runOf(config)
    await next.complete(rowsOf(3))
    const found = await objectsOf(s3.config, `${prefix}/things/0`)
    expect(linesOf([...found.values()].map((bytes) => gunzipSync(bytes)))).toHaveLength(3)
  }
})

const counter = z.object({ count: z.number() })
const counted = (now: z.infer<typeof counter> | undefined) => {
  const count = (now?.count ?? 0) + 1
  return { result: count, content: { count } }
}

test('processes that change a document at the same time change it once each', async () => {
  await using folder = await temporaryFolder('documents')
  await using s3 = await serverWithBucket()
  let requests = 0
  s3.afterRequest = ({ method }) => {
    requests += 1
    return method === 'PUT' && requests % 3 === 0 ? { status: 500, body: 'busy' } : undefined
  }
  const { config } = s3
  const place = (): BucketDocument<z.infer<typeof counter>> => {
    const address = new BucketWriter(
      {
        bucket: config.bucket,
        region: config.region,
        endpoint: config.url,
        isPathStyle: true,
        credentials: { accessKeyId: config.accessKeyId, secretAccessKey: config.secretAccessKey },
      },
      { send: fetchSend, signal: new AbortController().signal, attempts: 50, pauseMs: () => 1 },
    )
    return new BucketDocument({ writer: address, key: 'counter', name: 'counter' }, counter)
  }
  for (const documents of [
    Array.from({ length: 6 }, () => new VersionedDocument(folder.path, 'counter', counter)),
    Array.from({ length: 6 }, place),
  ]) {
    const results = await Promise.all(
      documents.map(async (document) => {
        const own: number[] = []
        for (let change = 0; change < 20; change++) own.push(await document.change(counted))
        return own
      }),
    )
    expect(new Set(results.flat()).size).toBe(120)
    expect(await documents[0]?.read()).toEqual({ count: 120 })
  }
})
