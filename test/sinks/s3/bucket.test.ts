import { randomBytes } from 'node:crypto'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { BucketStore } from '../../../sinks/s3/bucket-store.ts'
import { openBucket } from '../../../sinks/s3/open-bucket.ts'
import type { S3Config } from '../../../sinks/s3/s3-place.ts'
import { linesOf } from '../contract/file-lines.ts'
import { configOf, rowsOf, runOf, serverWithBucket } from './bucket-runs.ts'
import { objectsOf } from './s3-objects.ts'

test('nothing is an object before its commit, and what a killed attempt has sent is aborted', async () => {
  await using s3 = await serverWithBucket()
  const config = configOf(s3, { compression: 'none' })
  const source = rowsOf(4_000)
  const data = async () => [...(await objectsOf(s3.config, 'rows/things/0')).keys()]
  await using killed = await runOf(config)
  await killed.begin()
  await killed.plan()
  for (let block = 0; block < 3; block++) await killed.write(source, 1_000)
  expect(s3.uploads.size).toBe(1)
  expect(await data()).toEqual([])

  // Another program's upload stays.
  const other = new BucketStore(config).newDraft({ stream: 'things', path: 'things/other', id: '' })
  await other.write(Buffer.from('x'))
  await other.close()
  await using next = await runOf(config)
  await next.complete(source)
  expect([...s3.uploads.values()].map(({ key }) => key)).toEqual(['rows/things/other'])
  const found = await objectsOf(s3.config, 'rows/things/0')
  const rows = linesOf([...found.values()]) as readonly { readonly id: number }[]
  expect(rows.map(({ id }) => id)).toEqual(source.map(({ id }) => id))
  await expect(killed.commit(source)).rejects.toMatchObject({ code: 'fenced' })
  expect(await objectsOf(s3.config, 'rows/things/0')).toEqual(found)
})

test('a manifest is written once, also if the response to that is lost', async () => {
  await using s3 = await serverWithBucket()
  await using run = await runOf(configOf(s3))
  await run.begin()
  await run.plan()
  await run.write(rowsOf(3))
  let lost = 0
  s3.afterRequest = ({ method, path }) => {
    if (method !== 'PUT' || !path.endsWith('manifest.json') || (lost += 1) > 1) return undefined
    return { status: 500, body: 'busy' }
  }
  expect(await run.commit(rowsOf(3))).toMatchObject({ loaded: 3 })
  expect(lost).toBeGreaterThan(1)
  await run.finish()
  const files = await objectsOf(s3.config, 'rows/things/0')
  expect(linesOf([...files.values()].map((bytes) => gunzipSync(bytes)))).toHaveLength(3)
})

test('files end at their size, and rows are in the folder of their day', async () => {
  await using s3 = await serverWithBucket()
  const partitionBy = { column: 'at', by: 'date' } as const
  const config = configOf(s3, { compression: 'zstd', fileBytes: 500_000, partitionBy })
  await using run = await runOf(config)
  const source = rowsOf(900).map((row) => ({ ...row, body: randomBytes(4_000).toString('base64') }))
  await run.begin()
  await run.plan()
  for (let written = 0; written < source.length; written += 100) await run.write(source, 100)
  await run.commit(source)
  await run.finish()
  const files = await objectsOf(s3.config, 'rows/things/at_date=')
  const folders = new Map<string, unknown[]>()
  for (const [key, bytes] of files) {
    expect(key).toMatch(/^2026-01-0[123]\/000001-0000-00000\d\.jsonl\.zst$/)
    expect(bytes.length).toBeLessThan(1_200_000)
    const day = key.slice(0, 10)
    folders.set(day, [...(folders.get(day) ?? []), ...linesOf([zstdDecompressSync(bytes)])])
  }
  expect(files.size).toBeGreaterThan(3)
  for (const [day, rows] of folders) {
    expect(rows).toHaveLength(300)
    expect(rows[0]).toMatchObject({ at: `${day}T10:00:00Z` })
  }
})

test('a check refuses a server without conditional writes, and keys and buckets that are wrong', async () => {
  await using s3 = await serverWithBucket()
  const check = (more: Partial<S3Config>) => openBucket(configOf(s3, more)).check()
  await check({})
  expect(s3.objects.size).toBe(0)
  const secretAccessKey = 'planted secret'
  const wrong = check({ secretAccessKey })
  await expect(wrong).rejects.toMatchObject({
    code: 'destination_bucket_refused',
    suggestedFix: expect.stringContaining('Correct `secret_access_key`') as unknown,
  })
  await expect(wrong).rejects.not.toThrow(secretAccessKey)
  await expect(check({ bucket: 'missing' })).rejects.toMatchObject({
    code: 'destination_bucket_refused',
    suggestedFix: expect.stringContaining('Create the bucket') as unknown,
  })
  s3.ignoresConditions = true
  await expect(check({})).rejects.toMatchObject({ code: 'destination_bucket_unconditional' })
  expect(s3.objects.size).toBe(0)
})

test('a process that dies between its commit and the names of its files has committed', async () => {
  await using s3 = await serverWithBucket()
  const config = configOf(s3)
  const source = rowsOf(9)
  await using killed = await runOf(config)
  await killed.begin()
  await killed.plan()
  await killed.write(source, 5)
  s3.onRequest = ({ method }) =>
    method === 'POST' && s3.uploads.size > 0 ? { status: 403, body: '' } : undefined
  await expect(killed.commit(source)).rejects.toMatchObject({ code: 'destination_bucket_refused' })
  s3.onRequest = undefined
  expect((await objectsOf(s3.config, 'rows/things/0')).size).toBe(0)
  await using next = await runOf(config)
  const { begun, loaded } = await next.complete(source)
  expect(begun).toMatchObject({ resumed: true, untoldCounts: { kept: { loaded: 5 } } })
  expect(loaded).toBe(4)
  const files = await objectsOf(s3.config, 'rows/things/0')
  const rows = linesOf([...files.values()].map((bytes) => gunzipSync(bytes)))
  expect((rows as readonly { readonly id: number }[]).map(({ id }) => id)).toEqual(
    source.map(({ id }) => id),
  )
})

test('committed files whose uploads were aborted by a rule are reported, not passed over', async () => {
  await using s3 = await serverWithBucket()
  await using run = await runOf(configOf(s3))
  await run.begin()
  await run.plan()
  await run.write(rowsOf(3))
  s3.onRequest = ({ method }) => {
    if (method !== 'POST' || s3.uploads.size === 0) return undefined
    return { status: 403, body: '<Code>AccessDenied</Code>' }
  }
  await expect(run.commit(rowsOf(3))).rejects.toMatchObject({ code: 'destination_bucket_refused' })
  s3.onRequest = undefined
  const [upload] = s3.uploads.keys()
  s3.uploads.delete(upload ?? '')
  await using next = await runOf(configOf(s3))
  await expect(next.begin()).rejects.toMatchObject({ code: 'destination_files_lost' })
})

test('rows whose manifest is gone are not written over', async () => {
  await using s3 = await serverWithBucket()
  await using run = await runOf(configOf(s3))
  await run.complete(rowsOf(3))
  s3.buckets.get(s3.config.bucket)?.delete('rows/things/.reactor-connect/manifest.json')
  await using next = await runOf(configOf(s3))
  await expect(next.begin()).rejects.toMatchObject({ code: 'destination_folder_unknown' })
})
