import type { z } from 'zod'
import type { DocumentChange, StoredDocument } from '../../bookkeeping/bookkeeping-store.ts'
import type { SentRecord } from '../plan-writes.ts'
import type { SentChanges, WriteStore, WriteTarget } from '../store/write-store.ts'

/** The bookkeeping of a sandbox: what it decides is forgotten with it. */
export class PreviewStore {
  readonly #store: WriteStore
  readonly #documents = new Map<string, unknown>()
  readonly #sent = new Map<string, SentRecord>()

  constructor(store: WriteStore) {
    this.#store = store
  }

  document<Content>(
    connection: string,
    stream: string,
    schema: z.ZodType<Content>,
  ): StoredDocument<Content> {
    const name = JSON.stringify([connection, stream])
    const stored = this.#store.document(connection, stream, schema)
    const read = async (): Promise<Content | undefined> =>
      this.#documents.has(name) ? (this.#documents.get(name) as Content) : await stored.read()
    const change = async <Result>(
      decide: (now: Content | undefined) => DocumentChange<Content, Result>,
    ): Promise<Result> => {
      const { result, content } = decide(await read())
      if (content !== undefined) this.#documents.set(name, content)
      return result
    }
    return { read, change }
  }

  async sent(
    target: WriteTarget,
    keys: readonly string[],
  ): Promise<ReadonlyMap<string, SentRecord>> {
    const stored = new Map(await this.#store.sent(target, keys))
    for (const key of keys) {
      const own = this.#sent.get(key)
      if (own !== undefined) stored.set(key, own)
    }
    return stored
  }

  counts(target: WriteTarget, syncId: number): ReturnType<WriteStore['counts']> {
    return this.#store.counts(target, syncId)
  }

  noteNew(): Promise<void> {
    return Promise.resolve()
  }

  notePending(): Promise<void> {
    return Promise.resolve()
  }

  keep(_target: WriteTarget, { sent }: SentChanges): Promise<void> {
    for (const record of sent) this.#sent.set(record.key, record)
    return Promise.resolve()
  }

  holdWrites(): Promise<boolean> {
    return Promise.resolve(true)
  }

  releaseWrites(): Promise<void> {
    return Promise.resolve()
  }
}
