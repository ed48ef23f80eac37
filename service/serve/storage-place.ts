import type { StorageConfig } from '../../storage/storage-config.ts'
import type { Settings } from '../platform/config/settings.ts'

/** The bucket that the settings name; undefined if they name none. */
export function storagePlace(settings: Settings): StorageConfig | undefined {
  const { storageUrl: url, storageApiKey: secretAccessKey } = settings
  if (url === undefined || secretAccessKey === undefined) return undefined
  const { storageAccessKeyId: accessKeyId, storageBucket: bucket, storageRegion: region } = settings
  return { url, bucket, region, accessKeyId, secretAccessKey }
}
