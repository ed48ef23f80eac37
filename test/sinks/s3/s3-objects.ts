import { buffer } from 'node:stream/consumers'
import type { FileOptions } from '../../../sinks/row-files/file-options.ts'
import type { S3Config } from '../../../sinks/s3/s3-place.ts'
import { BucketReader } from '../../../storage/bucket-reader.ts'
import { fetchSend } from '../../../storage/fetch-send.ts'
import type { StorageConfig } from '../../../storage/storage-config.ts'
import { neverAborted } from '../../support/signal.ts'

type S3Place = Omit<S3Config, 'prefix' | keyof FileOptions>

/** The place of a destination at a server of the tests. */
export function s3PlaceOf(storage: StorageConfig): S3Place {
  const { url: endpoint, bucket, region, accessKeyId, secretAccessKey } = storage
  return { type: 's3', endpoint, bucket, region, accessKeyId, secretAccessKey }
}

/** The keys below a prefix, without it. */
export async function keysOf(storage: StorageConfig, prefix: string): Promise<readonly string[]> {
  const keys: string[] = []
  for await (const page of readerOf(storage).list(prefix))
    keys.push(...page.map(({ key }) => key.slice(prefix.length)))
  return keys
}

/** The objects below a prefix, by the rest of their keys, as a reader finds them. */
export async function objectsOf(
  storage: StorageConfig,
  prefix: string,
): Promise<ReadonlyMap<string, Buffer>> {
  const reader = readerOf(storage)
  const objects = new Map<string, Buffer>()
  for await (const page of reader.list(prefix))
    for (const object of page)
      objects.set(
        object.key.slice(prefix.length),
        await buffer(reader.read(object, 0, object.size)),
      )
  return objects
}

function readerOf(storage: StorageConfig): BucketReader {
  const { url: endpoint, bucket, region, ...credentials } = storage
  const address = { endpoint, bucket, region, isPathStyle: true, credentials }
  return new BucketReader(address, { send: fetchSend, signal: neverAborted() })
}
