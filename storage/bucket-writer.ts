import {
  type BucketAddress,
  BucketClient,
  type BucketClientOptions,
  BucketError,
} from './bucket-client.ts'
import { listPages, type ListOptions } from './bucket-reader.ts'
import { failureIn } from './storage-failure.ts'
import { type OpenUpload, parseUploadsPage, textIn } from './list-page.ts'

/** An object as text, with the name of its version. */
export interface ObjectText {
  readonly text: string
  readonly etag: string
}

/** `If-None-Match: *`: there is no such object yet. `If-Match`: this is its version. */
export type WriteCondition = 'new' | { readonly etag: string }

/**
 * Small objects that are written on a condition, and large ones in parts: nobody sees an upload before it is
 * complete. Throws `BucketError`, and the reason of the signal.
 */
export class BucketWriter {
  readonly #client: BucketClient

  constructor(address: BucketAddress, options: BucketClientOptions) {
    this.#client = new BucketClient(address, options)
  }

  /** Undefined if there is no such object. */
  async read(key: string): Promise<ObjectText | undefined> {
    try {
      const { text, header } = await this.#client.text({ key })
      return { text, etag: header('etag') ?? '' }
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  /**
   * False if the condition does not hold. After an attempt without a response, this may be so because that
   * attempt has written.
   */
  async write(key: string, body: Uint8Array, condition: WriteCondition): Promise<boolean> {
    const headers: Readonly<Record<string, string>> =
      condition === 'new' ? { 'If-None-Match': '*' } : { 'If-Match': condition.etag }
    try {
      await this.#client.text({ method: 'PUT', key, headers, body })
      return true
    } catch (error) {
      // 409: another write of the object is in progress. 404: the object of `If-Match` is gone.
      if (statusOf(error) === 412 || statusOf(error) === 409 || isMissing(error)) return false
      throw error
    }
  }

  /** It is no error if there is no such object. */
  async delete(key: string): Promise<void> {
    try {
      await this.#client.text({ method: 'DELETE', key })
    } catch (error) {
      if (!isMissing(error)) throw error
    }
  }

  async exists(key: string): Promise<boolean> {
    for await (const { objects } of this.list({ prefix: key, maxKeys: 1 }))
      return objects.some((object) => object.key === key)
    return false
  }

  list(options: ListOptions): ReturnType<typeof listPages> {
    return listPages(this.#client, options)
  }

  /** Returns the id of the upload. */
  async beginUpload(key: string): Promise<string> {
    const { text } = await this.#client.text({ method: 'POST', key, query: { uploads: '' } })
    const uploadId = textIn(text, 'UploadId')
    if (uploadId !== undefined) return uploadId
    throw new BucketError({ reason: 'it begins no upload in parts', isFinal: true })
  }

  /** Parts are counted from 1, and have 5 MiB at least, but for the last one. Returns its ETag. */
  async uploadPart({ key, uploadId }: OpenUpload, part: number, body: Uint8Array): Promise<string> {
    const query = { partNumber: String(part), uploadId }
    const { header } = await this.#client.text({ method: 'PUT', key, query, body })
    const etag = header('etag') ?? ''
    // It could not be completed with that.
    if (etag !== '') return etag
    throw new BucketError({ reason: 'it names no ETag of a part that it took', isFinal: true })
  }

  /** The object is there when it resolves. False: there is no such upload (any more). */
  async completeUpload({ key, uploadId }: OpenUpload, etags: readonly string[]): Promise<boolean> {
    const parts = etags.map(
      (etag, index) =>
        `<Part><PartNumber>${String(index + 1)}</PartNumber><ETag>${etag.replaceAll('"', '&quot;')}</ETag></Part>`,
    )
    const xmlns = 'http://s3.amazonaws.com/doc/2006-03-01/'
    const body = Buffer.from(
      `<CompleteMultipartUpload xmlns="${xmlns}">${parts.join('')}</CompleteMultipartUpload>`,
    )
    try {
      const query = { uploadId }
      const { text } = await this.#client.text({ method: 'POST', key, query, body })
      // A response that has begun with 200 may end with an error.
      if (text.includes('<Error>')) throw new BucketError(failureIn(500, text))
      if (text.includes('<CompleteMultipartUploadResult')) return true
      throw new BucketError({ reason: 'it does not say that an upload is complete', isFinal: true })
    } catch (error) {
      if (isMissing(error)) return false
      throw error
    }
  }

  /** It is no error if there is no such upload. */
  async abortUpload({ key, uploadId }: OpenUpload): Promise<void> {
    try {
      await this.#client.text({ method: 'DELETE', key, query: { uploadId } })
    } catch (error) {
      if (!isMissing(error)) throw error
    }
  }

  /** The uploads that are not complete, of keys with the prefix. */
  async *openUploads(prefix: string): AsyncGenerator<OpenUpload> {
    let markers: Readonly<Record<string, string>> | undefined = {}
    while (markers !== undefined) {
      const query = { uploads: '', 'encoding-type': 'url', prefix, ...markers }
      const { text } = await this.#client.text({ query })
      const page = parseUploadsPage(text)
      yield* page.uploads
      markers = page.next
    }
  }
}

function statusOf(error: unknown): number | undefined {
  return error instanceof BucketError ? error.failure.status : undefined
}

/** Other codes with 404 are about the bucket, or the key of the request. */
const missingCodes: ReadonlySet<string> = new Set(['NoSuchKey', 'NoSuchUpload', 'NotFound'])

/** There is no such object or upload. */
function isMissing(error: unknown): boolean {
  if (!(error instanceof BucketError)) return false
  const { status, code } = error.failure
  return status === 404 && (code === undefined || missingCodes.has(code))
}
