import { ConnectError } from '../../protocol/index.ts'
import { BucketError } from '../../storage/bucket-client.ts'
import { isFinal } from '../../storage/storage-failure.ts'

const generalFix =
  'Check `bucket`, `region`, `endpoint` and the keys of the destination. The key needs the rights `s3:ListBucket`, `s3:ListBucketMultipartUploads`, `s3:GetObject`, `s3:PutObject`, `s3:DeleteObject` and `s3:AbortMultipartUpload`.'
const unknownKey = 'Correct `access_key_id`: the server does not know it.'
const fixes: Readonly<Record<string, string>> = {
  AccessDenied:
    'Give the key the rights `s3:ListBucket` and `s3:ListBucketMultipartUploads` on the bucket, and `s3:GetObject`, `s3:PutObject`, `s3:DeleteObject` and `s3:AbortMultipartUpload` on its objects.',
  ExpiredToken: 'Set new keys and a new `session_token`: the token has expired.',
  InvalidAccessKeyId: unknownKey,
  NoSuchBucket:
    'Create the bucket, or correct `bucket` or `endpoint`: the server has no such bucket.',
  RequestTimeTooSkewed:
    'Set the clock of this machine: the server accepts requests only if both clocks agree within 15 minutes.',
  SignatureDoesNotMatch:
    'Correct `secret_access_key`: it does not belong to `access_key_id`. If it does, check `region`.',
  // Versity Gateway.
  XAdminUserNotFound: unknownKey,
}

/** Does work in a bucket. `place`: for people; `region`: the one that requests are signed for. */
export async function inBucket<Result>(
  {
    place,
    region,
    doing,
  }: { readonly place: string; readonly region: string; readonly doing: string },
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof BucketError)) throw error
    const { failure } = error
    const details = { place, doing, reason: failure.reason }
    if (!isFinal(failure))
      throw new ConnectError('destination_bucket_unavailable', { details, cause: error })
    const isElsewhere = failure.region !== undefined && failure.region !== region
    const fix = isElsewhere
      ? `Set \`region: ${failure.region}\` of the destination.`
      : (fixes[failure.code ?? ''] ?? generalFix)
    throw new ConnectError('destination_bucket_refused', {
      details: { ...details, fix },
      cause: error,
    })
  }
}
