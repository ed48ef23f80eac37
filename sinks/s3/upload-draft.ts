import type { BucketWriter } from '../../storage/bucket-writer.ts'
import type { DraftFile, StoredDraft } from '../row-files/file-store.ts'

/** The size of all parts but the last: S3 asks for 5 MiB at least. An upload has up to 10,000 parts. */
const partBytes = 8 * 1024 * 1024
/** Parts that are sent at the same time. */
const partsAtOnce = 3

export interface UploadOptions {
  readonly writer: BucketWriter
  readonly key: string
  readonly path: string
}

/** An upload in parts, which is not an object before it is completed. It begins with its first part. */
export class UploadDraft implements DraftFile {
  readonly #options: UploadOptions
  #uploadId: string | undefined
  #waiting: Buffer[] = []
  #waitingBytes = 0
  readonly #parts: string[] = []
  #partCount = 0
  readonly #sending = new Map<number, Promise<void>>()
  #sendingBytes = 0

  constructor(options: UploadOptions) {
    this.#options = options
  }

  get heldBytes(): number {
    return this.#waitingBytes + this.#sendingBytes
  }

  async write(bytes: Buffer): Promise<void> {
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    if (this.#waitingBytes >= partBytes) await this.#sendPart()
  }

  async close(): Promise<StoredDraft> {
    await this.#sendPart()
    await Promise.all(this.#sending.values())
    const { path } = this.#options
    return { path, draft: this.#uploadId ?? '', parts: this.#parts }
  }

  async discard(): Promise<void> {
    await Promise.allSettled(this.#sending.values())
    this.#waiting = []
    this.#waitingBytes = 0
    const uploadId = this.#uploadId
    this.#uploadId = undefined
    const { writer, key } = this.#options
    if (uploadId !== undefined) await writer.abortUpload({ key, uploadId })
  }

  async #sendPart(): Promise<void> {
    const { writer, key } = this.#options
    const body = Buffer.concat(this.#waiting)
    this.#waiting = []
    this.#waitingBytes = 0
    this.#uploadId ??= await writer.beginUpload(key)
    const uploadId = this.#uploadId
    const part = ++this.#partCount
    this.#sendingBytes += body.length
    const sent = writer.uploadPart({ key, uploadId }, part, body).then((etag) => {
      this.#parts[part - 1] = etag
      this.#sendingBytes -= body.length
      this.#sending.delete(part)
    })
    sent.catch(() => undefined) // whoever waits for the parts gets the error
    this.#sending.set(part, sent)
    if (this.#sending.size >= partsAtOnce) await Promise.race(this.#sending.values())
  }
}
