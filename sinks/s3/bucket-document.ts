import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { ConnectError } from '../../protocol/index.ts'
import type { BucketWriter, WriteCondition } from '../../storage/bucket-writer.ts'
import type { DocumentChange, StoredDocument } from '../bookkeeping/bookkeeping-store.ts'
import { nextWritten, type WrittenDocument, writtenSchema } from '../row-files/written-document.ts'

/** More processes than that do not write the same document. */
const mostTries = 1_000

export interface DocumentPlace {
  readonly writer: BucketWriter
  readonly key: string
  /** The key for people, with the bucket. */
  readonly name: string
}

interface Version<Content> {
  /** Undefined: there is none yet. */
  readonly written: WrittenDocument<Content> | undefined
  readonly condition: WriteCondition
}

/**
 * A document in an object. A new version is written on the condition that the object is still the one that
 * was read, so of two processes that decide on the same version, one has to decide again.
 */
export class BucketDocument<Content> implements StoredDocument<Content> {
  readonly #place: DocumentPlace
  readonly #schema: z.ZodType<WrittenDocument<Content>>

  constructor(place: DocumentPlace, schema: z.ZodType<Content>) {
    this.#place = place
    this.#schema = writtenSchema(schema)
  }

  async read(): Promise<Content | undefined> {
    const { written } = await this.#newest()
    return written?.content
  }

  async change<Result>(
    decide: (now: Content | undefined) => DocumentChange<Content, Result>,
  ): Promise<Result> {
    let last: { readonly write: string; readonly result: Result } | undefined
    for (let tries = 0; tries < mostTries; tries++) {
      const { written, condition } = await this.#newest()
      // The response to our write was lost, and the attempt after that found its own write, or one after it.
      if (last !== undefined && written?.writes.includes(last.write) === true) return last.result
      const { result, content } = decide(written?.content)
      if (content === undefined || content === written?.content) return result
      const write = randomUUID()
      const text = JSON.stringify(nextWritten(written, write, content))
      const { writer, key } = this.#place
      if (await writer.write(key, Buffer.from(text), condition)) return result
      last = { write, result }
    }
    throw new ConnectError('destination_bucket_unavailable', {
      details: {
        place: this.#place.name,
        doing: 'writing',
        reason: 'other processes change it all the time',
      },
    })
  }

  async #newest(): Promise<Version<Content>> {
    const { writer, key } = this.#place
    const found = await writer.read(key)
    if (found === undefined) return { written: undefined, condition: 'new' }
    return { written: this.#parse(found.text), condition: { etag: found.etag } }
  }

  #parse(text: string): WrittenDocument<Content> {
    try {
      return this.#schema.parse(JSON.parse(text))
    } catch (error) {
      const problem = error instanceof z.ZodError ? z.prettifyError(error) : String(error)
      const details = { file: this.#place.name, problem }
      throw new ConnectError('destination_manifest_damaged', { details, cause: error })
    }
  }
}
