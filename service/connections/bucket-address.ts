import { ConnectError } from '../../protocol/index.ts'
import type { S3Config } from '../../sinks/s3/s3-place.ts'

/**
 * A prefix of a bucket of the operator's settings: no request can name another bucket or server. Throws
 * `destination_invalid`, and `destination_not_available` if no setting has it.
 */
export function bucketDestination(destination: string, buckets: readonly S3Config[]): S3Config {
  const [, bucket = '', path = ''] =
    /^s3:(?:\/\/)?([A-Za-z0-9._-]+)(?:\/(.*))?$/.exec(destination) ?? []
  const parts = path.split('/').filter((part) => part !== '')
  if (bucket === '' || parts.some((part) => part === '.' || part === '..')) {
    const problem = 'an address of a bucket is `s3:BUCKET/PREFIX`'
    throw new ConnectError('destination_invalid', { details: { destination, problem } })
  }
  const prefix = parts.map((part) => `${part}/`).join('')
  const [found] = buckets
    .filter((known) => known.bucket === bucket && prefix.startsWith(known.prefix))
    .toSorted((a, b) => b.prefix.length - a.prefix.length)
  if (found !== undefined) return { ...found, prefix }
  throw new ConnectError('destination_not_available', {
    details: {
      destination,
      reason: 'the settings name no such bucket, or only other prefixes of it',
      fix: `Add \`s3://KEY_ID:SECRET@${bucket}?region=REGION\` to \`REACTOR_CONNECT_BUCKETS\`, or to \`buckets\` below \`[connect]\`.`,
    },
  })
}
