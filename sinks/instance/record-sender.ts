import type {
  RecordWriter,
  WriteError,
  WriteOperation,
  WriteResult,
  WrittenRecord,
} from '../../connectors/record-writer.ts'
import { Slots } from '../../lib/async/slots.ts'
import { ConnectError } from '../../protocol/index.ts'
import type { WriteChoices } from './instance-place.ts'
import type { BoundMapping } from './mapping/bind-mapping.ts'
import type { MappedRecord } from './mapping/map-record.ts'
import { deletion, planWrites, type PlannedWrite, type SentRecord } from './plan-writes.ts'
import type { NewReject, WriteStore, WriteTarget } from './store/write-store.ts'

/** Requests of a stream at the vendor at the same time; no two of them have the same record. */
const requestsAtOnce = 4
/** Requests of one step, after which what was sent is stored: fewer steps have fewer waits between them. */
export const requestsOfStep = 16

/** A record, and how it is stored if it is rejected. */
export interface OutgoingRecord {
  readonly record: MappedRecord
  /** As the source had it, as JSON. */
  readonly source: () => string
}

export interface SenderOptions {
  readonly mapping: BoundMapping
  readonly writer: Pick<RecordWriter, 'write' | 'read'>
  readonly store: Pick<WriteStore, 'sent' | 'noteNew' | 'notePending' | 'keep'>
  readonly target: WriteTarget
  readonly choices: WriteChoices
  readonly syncId: number
  readonly notesSeen: boolean
  readonly signal: AbortSignal
  /** Throws if the records are another process's to send. */
  readonly requireOwn: () => Promise<void>
  /** Throws `write_deletes_held` if so many more may not be deleted without a person. */
  readonly admitDeletes: (count: number) => void
}

export interface SentCounts {
  readonly created: number
  readonly updated: number
  readonly deleted: number
  readonly unchanged: number
  /** Records that an earlier sync has sent. */
  readonly known: number
  /** Records that the vendor refused, by their keys, with its reason. */
  readonly rejected: ReadonlyMap<string, string>
}

interface BatchEnd {
  readonly batch: readonly PlannedWrite[]
  readonly results: readonly WriteResult[]
  readonly error?: unknown
}

interface Answered extends PlannedWrite {
  readonly result: WriteResult
}

interface StepFacts {
  readonly unchanged: readonly string[]
  /** Records to delete that the vendor does not have. */
  readonly missing: readonly string[]
  /** As they were stored before the step. */
  readonly sent: ReadonlyMap<string, SentRecord>
  readonly outgoing: readonly OutgoingRecord[]
}

/**
 * Sends records of a stream, each once, and stores what became of them. If the process dies between the two,
 * the same records are sent again: an upsert finds the record that it created by its external id.
 */
export class RecordSender {
  readonly #options: SenderOptions
  readonly #requests = new Slots(requestsAtOnce)

  constructor(options: SenderOptions) {
    this.#options = options
  }

  /** @param outgoing no two with the same key */
  async send(outgoing: readonly OutgoingRecord[]): Promise<SentCounts> {
    const { store, target, mapping, choices, notesSeen, requireOwn, admitDeletes } = this.#options
    const keys = outgoing.map(({ record }) => record.key)
    const sent = await store.sent(target, keys)
    const isGuarded = choices.mode === 'guarded'
    const planned = planWrites(
      outgoing.map(({ record }) => record),
      sent,
      { mapping, deletes: choices.deletes, isGuarded },
    )
    const found = await this.#findGone(planned.unknownGone)
    const writes = [...planned.writes, ...found.writes]
    admitDeletes(writes.filter(({ operation }) => operation === 'delete').length)
    await requireOwn()
    const changed = writes.filter(({ before }) => before !== undefined)
    if (changed.length > 0)
      await store.notePending(
        target,
        changed.map(({ record }) => record.key),
      )
    // Only a read of the whole stream finds records by these notes: those that were gone before the next one.
    const created = notesSeen ? writes.filter((write) => isFirst(write, sent)) : []
    if (created.length > 0) {
      const newKeys = created.map(({ record }) => record.key)
      await store.noteNew(target, newKeys, this.#options.syncId)
    }
    const { answered, failure } = await this.#write(writes)
    const unchanged = planned.unchanged.map(({ key }) => key)
    const missing = found.missing.map(({ key }) => key)
    const counts = await this.#keep(answered, { unchanged, missing, sent, outgoing })
    if (failure !== undefined) throw ConnectError.from(failure)
    return { ...counts, known: sent.size }
  }

  /** The records to delete that we have never sent: the vendor may have them from elsewhere. */
  async #findGone(gone: readonly MappedRecord[]): Promise<{
    readonly writes: readonly PlannedWrite[]
    readonly missing: readonly MappedRecord[]
  }> {
    if (gone.length === 0) return { writes: [], missing: [] }
    const { writer, mapping, signal } = this.#options
    const stored = await writer.read({
      object: mapping.object.name,
      by: { externalIdField: mapping.keyField },
      values: gone.map(({ key }) => key),
      fields: [],
      signal,
    })
    const idOf = new Map(stored.map(({ externalId, id }) => [externalId?.toLowerCase(), id]))
    const writes: PlannedWrite[] = []
    const missing: MappedRecord[] = []
    for (const record of gone) {
      const id = idOf.get(record.key.toLowerCase())
      if (id === undefined) missing.push(record)
      else writes.push(deletion(record, id, undefined))
    }
    return { writes, missing }
  }

  /** Several requests at a time. What was answered is kept, also if another request failed. */
  async #write(
    writes: readonly PlannedWrite[],
  ): Promise<{ readonly answered: readonly Answered[]; readonly failure: unknown }> {
    const { writer, mapping, choices, signal } = this.#options
    const { name: object, batchSize } = mapping.object
    const batches = batchesOf(writes, batchSize)
    const writeBatch = async (batch: readonly PlannedWrite[]): Promise<BatchEnd> => {
      const [{ operation } = { operation: 'update' as const }] = batch
      const request = {
        object,
        operation,
        records: batch.map(({ write }) => write),
        signal,
        ...(operation === 'upsert' && { externalIdField: mapping.keyField }),
        ...(choices.mode === 'guarded' && operation !== 'delete' && { readsBack: true }),
      }
      try {
        return { batch, results: await writer.write(request) }
      } catch (error) {
        return { batch, results: [], error }
      }
    }
    const ends = await Promise.all(
      batches.map((batch) => this.#requests.run(() => writeBatch(batch))),
    )
    const answered = ends.flatMap(({ batch, results }) =>
      batch.flatMap((write, index): Answered[] => {
        const result = results[index]
        return result === undefined ? [] : [{ ...write, result }]
      }),
    )
    const failed = ends.find(({ error }) => error !== undefined)
    const away = answered.find(({ result }) => isAway(result))
    const failure = failed?.error ?? (away && awayError(away.result, this.#options))
    return { answered: answered.filter(({ result }) => !isAway(result)), failure }
  }

  async #keep(
    answered: readonly Answered[],
    { unchanged, missing, sent: before, outgoing }: StepFacts,
  ): Promise<Omit<SentCounts, 'known'>> {
    const { store, target, syncId, notesSeen } = this.#options
    const sourceOf = new Map(outgoing.map(({ record, source }) => [record.key, source]))
    const counts = {
      created: 0,
      updated: 0,
      deleted: 0,
      unchanged: unchanged.length + missing.length,
    }
    const sent = []
    const deleted = [...missing]
    const rejected: NewReject[] = []
    for (const { record, operation, result, before: last, after } of answered) {
      const { key } = record
      if (operation === 'delete' && isGone(result)) {
        counts.deleted += 1
        deleted.push(key)
      } else if (result.isWritten) {
        counts[isCreated(operation, result) ? 'created' : 'updated'] += 1
        const { id, version = null } = result
        const vendorId = id === '' ? (last?.id ?? key) : id
        sent.push({ key, id: vendorId, fields: after, version, isPending: false })
      } else {
        rejected.push(rejectOf(key, operation, { error: result.error, source: sourceOf.get(key) }))
      }
    }
    // The vendor has them as they were before this step, unless that was not known either.
    const untouched = rejected
      .map(({ key }) => key)
      .filter((key) => before.get(key)?.isPending !== true)
    await store.keep(target, { sent, deleted, rejected, untouched, unchanged, syncId, notesSeen })
    return { ...counts, rejected: new Map(rejected.map(({ key, reason }) => [key, reason])) }
  }
}

/** It may create a record that we have sent nothing of. */
function isFirst(
  { operation, record }: PlannedWrite,
  sent: ReadonlyMap<string, SentRecord>,
): boolean {
  return operation === 'upsert' && !sent.has(record.key)
}

/** It was deleted, or was gone before. */
function isGone(result: WriteResult): boolean {
  return result.isWritten || result.error.code === 'not_found'
}

function isCreated(operation: WriteOperation, { created }: WrittenRecord): boolean {
  return created ?? operation === 'create'
}

/** Each has writes of one operation, conditional or not. */
function batchesOf(
  writes: readonly PlannedWrite[],
  size: number,
): readonly (readonly PlannedWrite[])[] {
  const groups = Map.groupBy(
    writes,
    ({ operation, write }) => `${operation} ${String(write.ifVersion !== undefined)}`,
  )
  return [...groups.values()].flatMap((group) =>
    Array.from({ length: Math.ceil(group.length / size) }, (_, index) =>
      group.slice(index * size, (index + 1) * size),
    ),
  )
}

function rejectOf(
  key: string,
  operation: WriteOperation,
  { error, source }: { readonly error: WriteError; readonly source: (() => string) | undefined },
): NewReject {
  const { code, message, fields, mayRetry } = error
  return {
    ...{ key, operation, code, fields, mayRetry },
    reason: code === 'not_found' ? `${message} (the record is gone at the vendor)` : message,
    record: source?.() ?? '{}',
  }
}

/** The vendor, not the record, is the reason: the same write is sent again later. */
function isAway(result: WriteResult): boolean {
  if (result.isWritten) return false
  const { code, isUnclear = false } = result.error
  return code === 'unavailable' || code === 'outcome_unknown' || isUnclear
}

function awayError(result: WriteResult, { mapping }: SenderOptions): ConnectError {
  const reason = result.isWritten ? '' : result.error.message
  return new ConnectError('write_unavailable', {
    details: { object: mapping.object.name, reason },
  })
}
