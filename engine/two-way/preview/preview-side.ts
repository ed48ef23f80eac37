import type { WriteResult } from '../../../sinks/two-way/apply-write.ts'
import type { Values } from '../../../sinks/two-way/link.ts'
import type {
  PairSide,
  RecordRead,
  RecoveredWrite,
  SideWrite,
  SideWriteResult,
  SweptRecord,
} from '../pair-side.ts'

/**
 * A side in a preview: it is read, and nothing is written. Writes are carried out in memory, and later reads
 * show them. What the side would do with a write itself is not known: no refusal, no rewritten value.
 */
export class PreviewSide implements PairSide {
  readonly facts: PairSide['facts']
  readonly #side: PairSide
  readonly #now: () => number
  /** Records that were written, by stream and id. */
  readonly #written = new Map<string, Map<string, RecordRead>>()
  #writes = 0

  constructor(side: PairSide, now: () => number) {
    this.#side = side
    this.#now = now
    // Records that were written are never read late: they are in memory.
    this.facts = { ...side.facts, lagMs: 0 }
  }

  sweep(stream: string, signal: AbortSignal): AsyncIterable<readonly SweptRecord[]> {
    return this.#side.sweep(stream, signal)
  }

  async read(stream: string, ids: readonly string[]): Promise<readonly RecordRead[]> {
    const written = this.#writtenIn(stream)
    const others = ids.filter((id) => !written.has(id))
    const reads = await this.#side.read(stream, others)
    const byId = new Map(others.map((id, index) => [id, reads[index]]))
    return ids.map((id) => written.get(id) ?? byId.get(id) ?? unread)
  }

  /** Only asked for records that are not linked, and those are never written. */
  findByField(
    stream: string,
    field: string,
    values: readonly string[],
  ): ReturnType<PairSide['findByField']> {
    return this.#side.findByField(stream, field, values)
  }

  async write(stream: string, writes: readonly SideWrite[]): Promise<readonly SideWriteResult[]> {
    const ids = writes.flatMap(({ record }) => record ?? [])
    const reads = await this.read(stream, ids)
    const before = new Map(ids.map((id, index) => [id, reads[index]]))
    return writes.map((write) => this.#carryOut(stream, write, before.get(write.record ?? '')))
  }

  #carryOut(stream: string, write: SideWrite, before: RecordRead | undefined): WriteResult {
    this.#writes += 1
    const number = String(this.#writes)
    const isNew = write.operation === 'create' || write.record === null
    const id = isNew ? `${newRecordPrefix}${number}` : write.record
    const values = valuesAfter(write, before)
    const isGone = write.operation === 'delete' || write.operation === 'mark_deleted'
    this.#writtenIn(stream).set(
      id,
      isGone
        ? { read: { found: 'deleted', deletedAtMs: null }, hash: null }
        : {
            read: { found: 'present', id, values, version: null, modifiedAtMs: this.#now() },
            hash: `preview ${number}`,
          },
    )
    return { outcome: 'applied', id, values, version: null }
  }

  /** To look them up would write: what became of them is not known in a preview. */
  recover(_stream: string, writes: readonly SideWrite[]): Promise<readonly RecoveredWrite[]> {
    return Promise.resolve(writes.map(() => ({ known: 'record', read: { found: 'unread' } })))
  }

  #writtenIn(stream: string): Map<string, RecordRead> {
    const written = this.#written.get(stream) ?? new Map<string, RecordRead>()
    this.#written.set(stream, written)
    return written
  }
}

/** The ids of records that a preview creates begin with it. */
const newRecordPrefix = 'new record '

export function isNewRecord(id: string): boolean {
  return id.startsWith(newRecordPrefix)
}

const unread: RecordRead = { read: { found: 'unread' }, hash: null }

function valuesAfter({ operation, values }: SideWrite, before: RecordRead | undefined): Values {
  if (operation === 'delete' || operation === 'mark_deleted') return {}
  const old = before?.read.found === 'present' ? before.read.values : {}
  return { ...old, ...values }
}
