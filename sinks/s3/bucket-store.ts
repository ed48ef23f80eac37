import { randomUUID } from 'node:crypto'
import type { z } from 'zod'
import { mapLimited } from '../../lib/async/map-limited.ts'
import { ConnectError } from '../../protocol/index.ts'
import { endpointOf } from '../../storage/bucket-client.ts'
import { BucketWriter } from '../../storage/bucket-writer.ts'
import { fetchSend } from '../../storage/fetch-send.ts'
import type { StoredDocument } from '../bookkeeping/bookkeeping-store.ts'
import { ownFolder, rejectedFolder, syncOfPath } from '../row-files/file-names.ts'
import type { DraftFile, DraftOptions, FileStore, StoredDraft } from '../row-files/file-store.ts'
import { BucketDocument } from './bucket-document.ts'
import { inBucket } from './bucket-errors.ts'
import type { S3Config } from './s3-place.ts'
import { PartBuffers } from './part-buffers.ts'
import { UploadDraft } from './upload-draft.ts'

/** Requests of one call at the same time. */
const requestsAtOnce = 8

export interface BucketStoreOptions {
  /** From its abort on, requests fail. */
  readonly signal?: AbortSignal | undefined
  readonly attempts?: number
  /** For tests. */
  readonly pauseMs?: (attempt: number) => number
}

/** A prefix of a bucket. A draft is an upload in parts; it is published by completing the upload. */
export class BucketStore implements FileStore {
  readonly name: string
  readonly #config: S3Config
  readonly #writer: BucketWriter
  readonly #buffers = new PartBuffers()
  readonly #closed = new AbortController()

  constructor(config: S3Config, { signal, ...options }: BucketStoreOptions = {}) {
    const { bucket, prefix, region, pathStyle, endpoint } = config
    const { accessKeyId, secretAccessKey, sessionToken } = config
    this.name = `s3://${bucket}/${prefix}`.replace(/\/$/, '')
    this.#config = config
    const address = {
      bucket,
      region,
      endpoint: endpointOf(config),
      isPathStyle: pathStyle ?? (endpoint !== undefined || bucket.includes('.')),
      credentials: { accessKeyId, secretAccessKey, sessionToken },
    }
    this.#writer = new BucketWriter(address, {
      send: fetchSend,
      signal:
        signal === undefined ? this.#closed.signal : AbortSignal.any([signal, this.#closed.signal]),
      ...options,
    })
  }

  check(): Promise<void> {
    return this.#do('checking it', async () => {
      const key = this.#key(`${ownFolder}/check-${randomUUID()}`)
      const probe = Buffer.from('{}')
      // An attempt whose response was lost may have written it.
      const isThere =
        (await this.#writer.write(key, probe, 'new')) || (await this.#writer.exists(key))
      if (!isThere) throw this.#unconditional('If-None-Match')
      try {
        if (await this.#writer.write(key, probe, 'new')) throw this.#unconditional('If-None-Match')
        const etag = '"00000000000000000000000000000000"'
        if (await this.#writer.write(key, probe, { etag })) throw this.#unconditional('If-Match')
        const uploadId = await this.#writer.beginUpload(key)
        await this.#writer.abortUpload({ key, uploadId })
      } finally {
        await this.#writer.delete(key)
      }
    })
  }

  document<Content>(
    folder: string,
    name: string,
    schema: z.ZodType<Content>,
  ): StoredDocument<Content> {
    const path = `${folder}/${name}.json`
    const place = { writer: this.#writer, key: this.#key(path), name: `${this.name}/${path}` }
    const document = new BucketDocument(place, schema)
    return {
      read: () => this.#do(`reading ${path}`, () => document.read()),
      change: (decide) => this.#do(`writing ${path}`, () => document.change(decide)),
    }
  }

  folders(): Promise<readonly string[]> {
    return this.#do('listing it', async () => {
      const folders: string[] = []
      const { prefix } = this.#config
      for await (const { prefixes } of this.#writer.list({ prefix, delimiter: '/' }))
        folders.push(...prefixes.map((found) => found.slice(prefix.length, -1)))
      return folders
    })
  }

  newDraft({ path }: DraftOptions): DraftFile {
    const buffers = this.#buffers
    const draft = new UploadDraft({ writer: this.#writer, buffers, key: this.#key(path), path })
    const doing = `writing ${path}`
    return {
      get heldBytes() {
        return draft.heldBytes
      },
      write: (bytes) => this.#do(doing, () => draft.write(bytes)),
      close: () => this.#do(doing, () => draft.close()),
      discard: () => this.#do(doing, () => draft.discard()),
    }
  }

  publish(drafts: readonly StoredDraft[]): Promise<readonly StoredDraft[]> {
    return this.#do('completing uploads', async () => {
      const missing = await mapLimited(drafts, requestsAtOnce, async (draft) => {
        const key = this.#key(draft.path)
        if (await this.#writer.completeUpload({ key, uploadId: draft.draft }, draft.parts))
          return []
        return (await this.#writer.exists(key)) ? [] : [draft]
      })
      return missing.flat()
    })
  }

  deleteDrafts(stream: string, kept: ReadonlySet<string>): Promise<void> {
    return this.#do('aborting uploads', async () => {
      const left = []
      for await (const upload of this.#writer.openUploads(this.#key(`${stream}/`)))
        if (this.#isOurs(upload.key, stream) && !kept.has(upload.uploadId)) left.push(upload)
      await mapLimited(left, requestsAtOnce, (upload) => this.#writer.abortUpload(upload))
    })
  }

  files(stream: string): Promise<readonly string[]> {
    return this.#do('listing it', async () => {
      const { prefix } = this.#config
      const paths: string[] = []
      for await (const { objects } of this.#writer.list({ prefix: this.#key(`${stream}/`) }))
        paths.push(...objects.map(({ key }) => key.slice(prefix.length)))
      const own = [ownFolder, rejectedFolder].map((folder) => `${stream}/${folder}/`)
      return paths.filter((path) => !own.some((start) => path.startsWith(start)))
    })
  }

  deleteFiles(paths: readonly string[]): Promise<void> {
    return this.#do('deleting from it', async () => {
      await mapLimited(paths, requestsAtOnce, (path) => this.#writer.delete(this.#key(path)))
    })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve()
  }

  #unconditional(header: 'If-None-Match' | 'If-Match'): ConnectError {
    return new ConnectError('destination_bucket_unconditional', {
      details: { place: this.name, header },
    })
  }

  #key(path: string): string {
    return this.#config.prefix + path
  }

  /** Another program, or another connection below this prefix, may upload too. */
  #isOurs(key: string, stream: string): boolean {
    const path = key.slice(this.#config.prefix.length)
    return syncOfPath(path) !== undefined || path.startsWith(`${stream}/${rejectedFolder}/`)
  }

  #do<Result>(doing: string, work: () => Promise<Result>): Promise<Result> {
    return inBucket({ place: this.name, region: this.#config.region, doing }, work)
  }
}
