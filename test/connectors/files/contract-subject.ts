import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { JsonObject } from '../../../protocol/index.ts'
import type { StorageConfig } from '../../../storage/storage-config.ts'
import { S3Server } from '../../fakes/s3/s3-server.ts'
import { newFolder } from '../../support/new-folder.ts'
import type { ContractSubject } from '../connector-contract.ts'

const start = Date.UTC(2026, 0, 1)

/** Rows of JSON lines. */
export function jsonLines(count: number, first = 1): Buffer {
  const rows = Array.from({ length: count }, (_, index) => {
    const id = first + index
    return `${JSON.stringify({ id, name: `name ${String(id)}`, at: '2026-01-02T03:04:05Z' })}\n`
  })
  return Buffer.from(rows.join(''))
}

/** Files of all text formats, by their paths, the older ones first. */
function contractFiles(): ReadonlyMap<string, Buffer> {
  const csv = Array.from({ length: 3000 }, (_, n) => `${String(n)},"a ""b"" ${String(n)}"\n`)
  return new Map([
    ['orders/1.jsonl', jsonLines(2000)],
    ['orders/2.jsonl.gz', gzipSync(jsonLines(2000, 2001))],
    ['orders/3.jsonl', jsonLines(1500, 4001)],
    ['people.csv', Buffer.from(`id,name\n${csv.join('')}`)],
    ['orders/_SUCCESS', Buffer.from('')],
  ])
}

export async function openFolderSubject(): Promise<ContractSubject> {
  const folder = await newFolder('files')
  let time = start
  for (const [path, bytes] of contractFiles())
    await writeAt(join(folder, path), bytes, (time += 1000))
  return {
    config: { folder },
    unreachable: { folder: join(folder, 'not-there') },
    cursorOf: () => '_file_modified_at',
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

export async function openS3Subject(): Promise<ContractSubject> {
  const s3 = await S3Server.start()
  const objects = new Map<string, Buffer>()
  s3.buckets.set(s3.config.bucket, objects)
  for (const [path, bytes] of contractFiles()) {
    s3.modifiedMs.set(`data/${path}`, start + objects.size * 1000)
    objects.set(`data/${path}`, bytes)
  }
  const config = s3ConfigOf(s3.config, { prefix: 'data/' })
  return {
    config,
    unreachable: { ...config, secret_access_key: 'wrong' },
    cursorOf: () => '_file_modified_at',
    [Symbol.asyncDispose]: () => s3[Symbol.asyncDispose](),
  }
}

/** The configuration of the source for a server of the tests. */
export function s3ConfigOf(storage: StorageConfig, more: JsonObject = {}): JsonObject {
  return {
    endpoint: storage.url,
    bucket: storage.bucket,
    region: storage.region,
    access_key_id: storage.accessKeyId,
    secret_access_key: storage.secretAccessKey,
    ...more,
  }
}

export async function writeAt(
  path: string,
  bytes: Uint8Array | string,
  modifiedMs: number,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, bytes)
  await utimes(path, modifiedMs / 1000, modifiedMs / 1000)
}
