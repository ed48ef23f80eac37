import type { BucketWriter } from '../../storage/bucket-writer.ts'
import type { DraftFile, StoredDraft } from '../row-files/file-store.ts'
import { partBytes, type PartBuffers } from './part-buffers.ts'

/** Parts that are sent at the same time. */
const partsAtOnce = 3
const none = Buffer.alloc(0)

export interface UploadOptions {
  readonly writer: BucketWriter
  readonly buffers: PartBuffers
  readonly key: string
  readonly path: string
}

/** An upload in parts, which is not an object before it is completed. It begins with its first part. */
export class UploadDraft implements DraftFile {
  readonly #options: UploadOptions
  #uploadId: string | undefined
  #waiting: Buffer = none
  #waitingBytes = 0
  readonly #parts: string[] = []
  #partCount = 0
  readonly #sending = new Map<number, Promise<void>>()
  #sendingBytes = 0

  constructor(options: UploadOptions) {
    this.#options = options
  }

  get heldBytes(): number {
    return this.#waiting.length + this.#sendingBytes
  }

  async write(bytes: Buffer): Promise<void> {
    for (let from = 0; from < bytes.length;) {
      const room = this.#makeRoom(bytes.length - from)
      bytes.copy(this.#waiting, this.#waitingBytes, from, from + room)
      this.#waitingBytes += room
      from += room
      if (this.#waitingBytes === partBytes) await this.#sendPart()
    }
  }

  async close(): Promise<StoredDraft> {
    await this.#sendPart()
    await Promise.all(this.#sending.values())
    const { path } = this.#options
    return { path, draft: this.#uploadId ?? '', parts: this.#parts }
  }

  async discard(): Promise<void> {
    await Promise.allSettled(this.#sending.values())
    this.#waiting = none
    this.#waitingBytes = 0
    const uploadId = this.#uploadId
    this.#uploadId = undefined
    const { writer, key } = this.#options
    if (uploadId !== undefined) await writer.abortUpload({ key, uploadId })
  }

  /** Returns how many of the bytes there is room for, up to the end of the part. */
  #makeRoom(bytes: number): number {
    const wanted = Math.min(bytes, partBytes - this.#waitingBytes)
    if (this.#waitingBytes + wanted > this.#waiting.length) {
      const filled = this.#waiting.subarray(0, this.#waitingBytes)
      this.#waiting = this.#options.buffers.widened(filled, wanted)
    }
    return wanted
  }

  /** Each upload has a part at least. */
  async #sendPart(): Promise<void> {
    const { writer, buffers, key } = this.#options
    if (this.#waitingBytes === 0 && this.#partCount > 0) return
    const buffer = this.#waiting
    const body = buffer.subarray(0, this.#waitingBytes)
    this.#waiting = none
    this.#waitingBytes = 0
    this.#sendingBytes += buffer.length
    this.#uploadId ??= await writer.beginUpload(key)
    const uploadId = this.#uploadId
    const part = ++this.#partCount
    const sent = writer.uploadPart({ key, uploadId }, part, body).then((etag) => {
      this.#parts[part - 1] = etag
      this.#sendingBytes -= buffer.length
      this.#sending.delete(part)
      buffers.giveBack(buffer)
    })
    sent.catch(() => undefined) // whoever waits for the parts gets the error
    this.#sending.set(part, sent)
    if (this.#sending.size >= partsAtOnce) await Promise.race(this.#sending.values())
  }
}
