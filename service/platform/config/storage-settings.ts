import { storageDefaults } from '../../../storage/storage-config.ts'
import { setting } from './setting.ts'
import { httpUrl, text } from '../../../lib/net/address-fields.ts'
import { bucketName, headerToken } from '../../../plan/setting-types.ts'

/** Settings of the bucket for what is too large for the log. */
export const storageSettings = {
  storageUrl: setting(httpUrl.optional(), {
    path: 'storage.url',
    type: 'URL',
    standard: 'none; the Storage service listens on port 8003',
    description:
      'The Storage service, or another one with the S3 API: records that are too large for the log go through it (docs/storage.md).',
  }),
  storageApiKey: setting(headerToken.optional(), {
    path: 'storage.api_key',
    type: 'text',
    standard: 'none',
    secret: true,
    description: 'The key for the Storage service: the secret access key, as S3 names it.',
  }),
  storageAccessKeyId: setting(text.default(storageDefaults.accessKeyId), {
    path: 'storage.access_key_id',
    type: 'text',
    standard: storageDefaults.accessKeyId,
    description: 'The id of that key.',
  }),
  storageBucket: setting(bucketName.default(storageDefaults.bucket), {
    path: 'storage.bucket',
    type: 'name of a bucket',
    standard: storageDefaults.bucket,
    description: 'The bucket. It is made if it is missing.',
  }),
  storageRegion: setting(text.default(storageDefaults.region), {
    path: 'storage.region',
    type: 'text',
    standard: storageDefaults.region,
    description: 'The region of the bucket, as it is signed with each request.',
  }),
} as const
