import { BucketError, endpointOf, type SendRequest } from '../../storage/bucket-client.ts'
import { BucketReader } from '../../storage/bucket-reader.ts'
import { isFinal } from '../../storage/storage-failure.ts'
import { ConnectError } from '../../protocol/index.ts'
import type { S3Config } from './config.ts'
import { FileUnreadable, type FileEntry, type FilePlace } from './place.ts'

export interface S3PlaceOptions {
  readonly send: SendRequest
  readonly signal: AbortSignal
  /** For tests. */
  readonly pauseMs?: ((attempt: number) => number) | undefined
}

/** The objects of a bucket, below a prefix. */
export class S3Place implements FilePlace {
  readonly name: string
  readonly #config: S3Config
  readonly #reader: BucketReader

  constructor(config: S3Config, { send, signal, pauseMs }: S3PlaceOptions) {
    const { bucket, prefix, region, access_key_id: keyId, secret_access_key: secret } = config
    this.name = `s3://${bucket}/${prefix}`
    this.#config = config
    const address = {
      bucket,
      region,
      endpoint: endpointOf(config),
      isPathStyle: config.path_style ?? (config.endpoint !== undefined || bucket.includes('.')),
      ...(keyId !== undefined &&
        secret !== undefined && {
          credentials: {
            accessKeyId: keyId,
            secretAccessKey: secret,
            sessionToken: config.session_token,
          },
        }),
    }
    this.#reader = new BucketReader(address, { send, signal, ...(pauseMs && { pauseMs }) })
  }

  async *list(start: string): AsyncGenerator<readonly FileEntry[]> {
    const { prefix } = this.#config
    try {
      const isFolder = prefix === '' || prefix.endsWith('/')
      // `exports` is the beginning of `exports/a.csv` and of `exports-2026.csv`.
      for await (const objects of this.#reader.list(isFolder ? prefix + start : prefix))
        yield objects.map(({ key, size, etag, modifiedMs }) => ({
          ...{ key, size, modifiedMs },
          path: key.slice(prefix.length).replace(/^\//, ''),
          version: etag,
        }))
    } catch (error) {
      throw this.#placeError(error, 'listing the bucket')
    }
  }

  async *read(file: FileEntry, from: number, to: number): AsyncGenerator<Uint8Array> {
    if (from >= to) return
    try {
      yield* this.#reader.read({ key: file.key, etag: file.version }, from, to)
    } catch (error) {
      if (!(error instanceof BucketError)) throw error
      const { failure, isOfChange } = error
      if (!isFinal(failure) || failure.code === 'NoSuchBucket' || failure.isFinal === true)
        throw this.#placeError(error, `reading ${file.key}`)
      const gone = failure.status === 404 ? 'is gone' : 'has changed while it was read'
      throw new FileUnreadable(isOfChange ? gone : `was refused: ${failure.reason}`, {
        isOfChange,
        fix:
          failure.code === 'AccessDenied'
            ? 'Give the key the right `s3:GetObject` on the objects.'
            : undefined,
      })
    }
  }

  async find({ key, path }: FileEntry): Promise<FileEntry | undefined> {
    try {
      const found = await this.#reader.find(key)
      if (found === undefined) return undefined
      const { size, etag, modifiedMs } = found
      return { key, path, size, modifiedMs, version: etag }
    } catch (error) {
      throw this.#placeError(error, `looking at ${key}`)
    }
  }

  #placeError(error: unknown, doing: string): unknown {
    if (!(error instanceof BucketError)) return error
    const { failure } = error
    const details = { place: this.name, doing, reason: failure.reason }
    if (!isFinal(failure)) return new ConnectError('source_files_unavailable', { details })
    const fix = this.#fixOf(failure.code, failure.region)
    return new ConnectError('source_files_refused', { details: { ...details, fix } })
  }

  #fixOf(code: string | undefined, region: string | undefined): string {
    if (region !== undefined && region !== this.#config.region)
      return `Set \`region: ${region}\` in the configuration of the source.`
    if (code === 'AccessDenied' && this.#config.access_key_id === undefined)
      return 'Set `access_key_id` and `secret_access_key`: without them only a public bucket can be read.'
    return fixes[code ?? ''] ?? generalFix
  }
}

const generalFix =
  'Check `bucket`, `region`, `endpoint` and the keys in the configuration of the source. The key needs the rights `s3:ListBucket` and `s3:GetObject`.'
const fixes: Readonly<Record<string, string>> = {
  AccessDenied:
    'Give the key the rights `s3:ListBucket` on the bucket and `s3:GetObject` on its objects.',
  ExpiredToken: 'Set new keys and a new `session_token`: the token has expired.',
  InvalidList:
    'Check `endpoint`: the server does not list objects as S3 does. If `endpoint` is right, report it to those who run the server.',
  InvalidAccessKeyId: 'Correct `access_key_id`: the server does not know it.',
  NoSuchBucket: 'Correct `bucket`, or `endpoint`: the server has no such bucket.',
  RequestTimeTooSkewed:
    'Set the clock of this machine: the server accepts requests only if both clocks agree within 15 minutes.',
  SignatureDoesNotMatch:
    'Correct `secret_access_key`: it does not belong to `access_key_id`. If it does, check `region`.',
}
