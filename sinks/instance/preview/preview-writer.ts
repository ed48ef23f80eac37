import type {
  RecordReference,
  RecordWrite,
  RecordWriter,
  StoredRecord,
  WriteRequest,
  WriteResult,
} from '../../../connectors/record-writer.ts'
import type { JsonValue } from '../../../protocol/index.ts'
import type { PreviewedWrite } from '../../sink.ts'

/** Records that are not shown are only counted. */
const mostShown = 20

/**
 * A writer that sends nothing: it looks at the records that would be written, notes how they would change,
 * and returns the results that a vendor without objections would give.
 */
export class PreviewWriter implements RecordWriter {
  readonly #writer: RecordWriter
  #samples: PreviewedWrite[] = []
  #shown = 0

  constructor(writer: RecordWriter) {
    this.#writer = writer
  }

  describe(object: string): ReturnType<RecordWriter['describe']> {
    return this.#writer.describe(object)
  }

  read(request: Parameters<RecordWriter['read']>[0]): ReturnType<RecordWriter['read']> {
    return this.#writer.read(request)
  }

  async write(request: WriteRequest): Promise<readonly WriteResult[]> {
    const stored = await this.#stored(request)
    return request.records.map((record, index): WriteResult => {
      const now = stored.get(nameOf(request, record))
      if (request.operation === 'update' && now === undefined)
        return {
          isWritten: false,
          error: {
            code: 'not_found',
            message: 'the vendor has no such record',
            fields: [],
            mayRetry: false,
          },
        }
      this.#note(request, record, now)
      const created = request.operation !== 'delete' && now === undefined
      return { isWritten: true, id: now?.id ?? record.id ?? `preview-${String(index)}`, created }
    })
  }

  /** Since the last call. */
  takeSamples(): readonly PreviewedWrite[] {
    const samples = this.#samples
    this.#samples = []
    return samples
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#writer[Symbol.asyncDispose]())
  }

  async #stored(request: WriteRequest): Promise<ReadonlyMap<string, StoredRecord>> {
    const { object, operation, externalIdField, records, signal } = request
    const values = records.map((record) => nameOf(request, record))
    const fields = [
      ...new Set(
        records.flatMap(({ fields: own, references = {} }) => [
          ...Object.keys(own),
          ...Object.keys(references),
        ]),
      ),
    ]
    const isByKey = operation === 'upsert' && externalIdField !== undefined
    const by = isByKey ? { externalIdField } : ('id' as const)
    const found = await this.#writer.read({ object, by, values, fields, signal })
    return new Map(
      found.map((record) => [isByKey ? plain(record.externalId ?? '') : record.id, record]),
    )
  }

  #note(request: WriteRequest, record: RecordWrite, now: StoredRecord | undefined): void {
    if (this.#shown >= mostShown) return
    const isDelete = request.operation === 'delete'
    const fields = isDelete ? [] : changesOf(record, now)
    this.#shown += 1
    this.#samples.push({
      operation: isDelete ? 'delete' : now === undefined ? 'create' : 'update',
      key: keyOf(request, record),
      id: now?.id ?? null,
      fields,
    })
  }
}

function changesOf(
  { fields, references = {} }: RecordWrite,
  now: StoredRecord | undefined,
): PreviewedWrite['fields'] {
  const targets = Object.entries(references).map(
    ([field, reference]) => [field, shownReference(reference)] as const,
  )
  return [...Object.entries(fields), ...targets]
    .map(([field, to]) => ({ field, from: now?.fields[field] ?? null, to }))
    .filter(({ from, to }) => JSON.stringify(from) !== JSON.stringify(to))
}

function shownReference({ externalIdField, value }: RecordReference): JsonValue {
  return { [externalIdField]: value }
}

function keyOf({ operation }: WriteRequest, { id, externalId }: RecordWrite): string {
  if (operation !== 'upsert') return id ?? ''
  return typeof externalId === 'string' ? externalId : JSON.stringify(externalId ?? null)
}

function nameOf(request: WriteRequest, record: RecordWrite): string {
  const key = keyOf(request, record)
  return request.operation === 'upsert' ? plain(key) : key
}

/** Vendors find external ids whatever their letters’ case. */
function plain(text: string): string {
  return text.toLowerCase()
}
