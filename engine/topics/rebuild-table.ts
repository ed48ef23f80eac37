import { foreignMessage } from '../../kafka/foreign-message.ts'
import type { KafkaMessage } from '../../kafka/record-batch/message-cursor.ts'
import type { DecodedRecord } from '../../protocol/avro/decode-block.ts'
import { fingerprintIn } from '../../protocol/avro/frame-block.ts'
import { ConnectError, type Column, type RecordData } from '../../protocol/index.ts'
import * as schemas from '../log/kafka/message-schemas.ts'
import { headersOf } from '../log/kafka/parse-message.ts'
import { mergeRecord, shownRows, withNulls } from './merge-record.ts'
import { recordsIn, valueOf } from './message-value.ts'

/** A message as any consumer has it. */
export interface TopicMessage extends KafkaMessage {
  readonly partition: number
}

/**
 * The reference reader of a stream's topic: it makes the table by the rules of docs/topics.md, and of nothing
 * else. Take the messages of each partition in order; how the partitions alternate does not matter. It holds
 * all records in memory: a service would write them to its tables at each STATE, and let a later record of
 * the same (sync, slice, seq) overwrite the earlier one.
 */
export class TableRebuild {
  readonly #topic: string
  readonly #partitions = new Map<number, PartitionCopy>()
  /** By the fingerprint that a value begins with. */
  readonly #columns = new Map<string, readonly Column[]>()

  constructor(topic: string) {
    this.#topic = topic
  }

  take(message: TopicMessage): void {
    const { partition, value } = message
    const topic = this.#topic
    const headers = headersOf(message, { topic, partition })
    // This reader does not know the type of the message.
    if (headers === undefined || value === null) return
    const copy = this.#copyOf(partition)
    switch (headers.type) {
      case 'PLAN':
        copy.plan(valueOf(schemas.planValue, message, topic))
        return
      case 'BEGIN':
        this.#columns.set(headers.fingerprint, valueOf(schemas.beginValue, message, topic).columns)
        copy.begin(headers)
        return
      case 'RECORD':
        copy.hold(headers.seq, this.#decode(message, value, headers.count))
        return
      case 'STORED': {
        const { bucket } = valueOf(schemas.storedValue, message, topic)
        // This reader has none.
        throw new ConnectError('storage_not_available', { details: { stream: topic, bucket } })
      }
      case 'STATE':
        copy.cover(headers)
        return
      case 'SYNC_END':
        copy.ended.set(headers.sync, valueOf(schemas.syncEndValue, message, topic))
        return
      case 'REJECTED':
        copy.hold(headers.seq, [null])
        return
      case 'END':
      case 'CLOSE':
        return
    }
  }

  /** The syncs that are here, the oldest first. */
  syncs(): SyncCopy[] {
    return this.#plans().map((plan) => {
      const held = isOverwrite(plan) ? this.#recordsOf(plan.sync) : []
      const isRejected = held.length > 0 && held.every((record) => record === null)
      return { plan, isWhole: isOverwrite(plan) && this.#isComplete(plan), isRejected }
    })
  }

  /**
   * The rows of the table: of a mode that replaces them, those of the last sync that is complete; of another
   * mode, all that states cover.
   */
  rows(): RecordData[] {
    return this.records().map(({ data }) => data)
  }

  records(): DecodedRecord[] {
    const table = new Map<string, DecodedRecord>()
    for (const { plan } of syncsOfTable(this.syncs())) {
      for (const record of this.#recordsOf(plan.sync)) {
        if (record === null) continue
        if (plan.destination_sync_mode.endsWith('dedup')) mergeRecord(table, record, plan)
        else table.set(`row ${String(table.size)}`, record)
      }
    }
    return shownRows(table, this.#plans().at(-1)?.deletes)
  }

  #copyOf(partition: number): PartitionCopy {
    const copy = this.#partitions.get(partition) ?? new PartitionCopy()
    this.#partitions.set(partition, copy)
    return copy
  }

  /** The newest PLAN of each sync, the oldest sync first. */
  #plans(): schemas.PlanValue[] {
    const plans = new Map<number, schemas.PlanValue>()
    for (const copy of this.#partitions.values()) {
      for (const plan of copy.plans.values())
        if (plan.attempt >= (plans.get(plan.sync)?.attempt ?? 0)) plans.set(plan.sync, plan)
    }
    return [...plans.values()].toSorted((a, b) => a.sync - b.sync)
  }

  /**
   * SYNC_END is in every partition that the PLAN is in, and the records that it counts are here: retention
   * may have taken some.
   */
  #isComplete({ sync, partitions }: schemas.PlanValue): boolean {
    for (let partition = 0; partition < partitions; partition++)
      if (this.#partitions.get(partition)?.ended.has(sync) !== true) return false
    const { slices = [] } = this.#partitions.get(0)?.ended.get(sync) ?? {}
    return slices.every(({ slice, records }) => this.#recordsOf(sync, slice).length === records)
  }

  /** The records of one slice, or of all. A record that retention has taken is a hole, which has no value. */
  #recordsOf(sync: number, slice?: string): Held[] {
    const all = [...this.#partitions.values()].flatMap((copy) => [...(copy.syncs.get(sync) ?? [])])
    const wanted = all.filter(([name]) => slice === undefined || name === slice)
    return wanted.flatMap(([, records]) => Object.values(records))
  }

  #decode(
    { partition, offset }: TopicMessage,
    value: Buffer,
    count: number | undefined,
  ): DecodedRecord[] {
    const fingerprint = fingerprintIn(value)
    const columns = this.#columns.get(fingerprint ?? '')
    // Retention has taken the BEGIN: a unit without all of its records does not count.
    if (columns === undefined && fingerprint !== undefined) return []
    const records = columns && recordsIn(value, count, columns)
    if (columns !== undefined && records !== undefined) return withNulls(records, columns)
    throw foreignMessage(offset, { topic: this.#topic, partition }, 'its value is no RECORD')
  }
}

/** Null: a record that was rejected. */
type Held = DecodedRecord | null

/** The messages of one partition. */
class PartitionCopy {
  /** By sync. */
  readonly plans = new Map<number, schemas.PlanValue>()
  /** The syncs whose SYNC_END has come. */
  readonly ended = new Map<number, schemas.SyncEndValue>()
  /** By sync and slice, in the place of their `seq`: a hole where retention has taken one. */
  readonly syncs = new Map<number, Map<string, Held[]>>()
  #unit: { readonly seq: number; readonly records: readonly Held[] }[] = []
  #attempt = 0

  /** A smaller attempt: the destination was dropped or restored, and counts again from an earlier point. */
  plan(plan: schemas.PlanValue): void {
    if (plan.attempt <= this.#attempt) {
      const first = plan.resumed ? plan.sync + 1 : plan.sync
      for (const sync of [...this.syncs.keys(), ...this.plans.keys()]) {
        if (sync < first) continue
        this.syncs.delete(sync)
        this.plans.delete(sync)
        this.ended.delete(sync)
      }
    }
    this.#attempt = plan.attempt
    this.plans.set(plan.sync, plan)
    this.ended.delete(plan.sync)
  }

  /** Drops the open unit, and what comes again. */
  begin(headers: { readonly sync: number; readonly slice: string; readonly seq: number }): void {
    this.#unit = []
    const records = this.#recordsOf(headers.sync, headers.slice)
    records.length = Math.min(records.length, headers.seq)
  }

  hold(seq: number, records: readonly Held[]): void {
    this.#unit.push({ seq, records })
  }

  /** The unit counts as a whole, or not at all: retention may have taken its begin. */
  cover(state: { readonly sync: number; readonly slice: string; readonly count: number }): void {
    const covered = this.#recordsOf(state.sync, state.slice)
    const count = this.#unit.reduce((sum, { records }) => sum + records.length, 0)
    for (const { seq, records } of count === state.count ? this.#unit : [])
      for (const [index, record] of records.entries()) covered[seq + index] = record
    this.#unit = []
  }

  #recordsOf(sync: number, slice: string): Held[] {
    const slices = this.syncs.get(sync) ?? new Map<string, Held[]>()
    const records = slices.get(slice) ?? []
    this.syncs.set(sync, slices.set(slice, records))
    return records
  }
}

/** The parts of a sync that a reader has. */
export interface SyncCopy {
  /** The newest one. */
  readonly plan: schemas.PlanValue
  /** For a mode that replaces the rows: SYNC_END has come from all partitions, and all records are here. */
  readonly isWhole: boolean
  /**
   * For a mode that replaces the rows: all of its records were rejected, so it does not replace the sync
   * before it.
   */
  readonly isRejected: boolean
}

/** Whether each sync replaces all rows. */
export function isOverwrite({
  destination_sync_mode: mode,
}: Pick<schemas.PlanValue, 'destination_sync_mode'>): boolean {
  return mode.startsWith('overwrite')
}

/**
 * Those whose records make the table: the last one that has replaced all rows, if there is one, and those
 * that add rows after it.
 */
export function syncsOfTable(syncs: readonly SyncCopy[]): readonly SyncCopy[] {
  const last = syncs.findLastIndex(({ isWhole, isRejected }) => isWhole && !isRejected)
  return syncs.filter(({ plan }, index) => index === last || (index > last && !isOverwrite(plan)))
}
