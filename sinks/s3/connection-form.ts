import {
  type ConnectionForm,
  invalidDestination,
  type KnownPlaces,
  notAvailable,
} from '../connection-form.ts'
import { bucketUrlForm, parseBucketUrl } from './bucket-url.ts'
import type { S3Config } from './s3-place.ts'

export const bucketForm: ConnectionForm<S3Config> = {
  addresses: ['s3:BUCKET/PREFIX'],
  find: ({ destination }, { places }) => Promise.resolve(bucketAt(destination, places)),
  urls: { form: bucketUrlForm, parse: parseBucketUrl },
}

/** If two settings have the bucket, the one with the longer prefix counts. */
function bucketAt(destination: string, { named }: Pick<KnownPlaces, 'named'>): S3Config {
  const [, bucket = '', path = ''] =
    /^s3:(?:\/\/)?([A-Za-z0-9._-]+)(?:\/(.*))?$/.exec(destination) ?? []
  const parts = path.split('/').filter((part) => part !== '')
  if (bucket === '' || parts.some((part) => part === '.' || part === '..'))
    throw invalidDestination(destination, 'an address of a bucket is `s3:BUCKET/PREFIX`')
  const prefix = parts.map((part) => `${part}/`).join('')
  const [found] = named
    .filter((place): place is S3Config => place.type === 's3')
    .filter((known) => known.bucket === bucket && prefix.startsWith(known.prefix))
    .toSorted((a, b) => b.prefix.length - a.prefix.length)
  if (found !== undefined) return { ...found, prefix }
  throw notAvailable(
    destination,
    'the settings name no such bucket, or only other prefixes of it',
    `Add \`s3://KEY_ID:SECRET@${bucket}?region=REGION\` to \`REACTOR_CONNECT_DESTINATIONS\`, or to \`destinations\` below \`[connect]\`.`,
  )
}
