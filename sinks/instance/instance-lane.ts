import { setTimeout as sleep } from 'node:timers/promises'
import type { RecordWriter } from '../../connectors/record-writer.ts'
import {
  type Column,
  ConnectError,
  decodeBlock,
  type RecordData,
  stringifyExact,
} from '../../protocol/index.ts'
import type { LaneCommit } from '../bookkeeping/syncs.ts'
import { isOverwriteMode } from '../continuation.ts'
import type { LaneOptions } from '../destination-kind.ts'
import { LaneProgress } from '../lane-progress.ts'
import { nameRejection } from '../named-losses.ts'
import type {
  LaneCheckpoint,
  LaneStats,
  Loss,
  RecordBlock,
  RecordWrites,
  SinkLane,
  SinkStream,
} from '../sink.ts'
import { DeleteGuard } from './delete-guard.ts'
import { Flights } from './flights.ts'
import type { InstanceConfig } from './instance-place.ts'
import type { BoundMapping } from './mapping/bind-mapping.ts'
import { mapRecord, readKey } from './mapping/map-record.ts'
import { mergeRecords } from './merge-records.ts'
import { bindStream, targetOf } from './open-writer.ts'
import { type OutgoingRecord, RecordSender, requestsOfStep } from './record-sender.ts'
import type { NewReject, WriteStore, WriteTarget } from './store/write-store.ts'
import { addWrites, noWrites } from '../record-writes.ts'

/** How long another lane, or a process that is stopping, may still be sending records of the stream. */
const holdTries = 6_000
const holdWaitMs = 100
/** Records that were not sent, as they cannot be, wait up to this number. */
const mostRejects = 1_000

interface Waiting extends OutgoingRecord {
  readonly slice: string
}

interface Opened {
  readonly mapping: BoundMapping
  readonly target: WriteTarget
  readonly sender: RecordSender
}

/** The parts that a lane works with: a sandbox has others, which change nothing. */
export interface LanePorts {
  readonly writer: RecordWriter
  readonly store: Pick<
    WriteStore,
    'sent' | 'noteNew' | 'notePending' | 'keep' | 'counts' | 'holdWrites' | 'releaseWrites'
  >
  /** Throws `fenced` if the stream is another process's. */
  readonly requireOwn: () => Promise<void>
  readonly commit: (commit: LaneCommit) => Promise<void>
  /** The samples since the last call: only of a preview. */
  readonly takeSamples?: () => RecordWrites['samples']
  readonly dispose: () => Promise<void>
}

/**
 * Sends records while they come, some thousand at a time, whether a state covers them or not: a record that
 * is read again is as it was sent, and is not sent again. Memory is bounded by the size of these batches.
 */
export class InstanceLane implements SinkLane {
  readonly #config: InstanceConfig
  readonly #lane: LaneOptions
  readonly #ports: LanePorts
  readonly #ended = new AbortController()
  readonly #progress: LaneProgress
  readonly #flights = new Flights()
  #waiting = new Map<string, Waiting>()
  #rejects: NewReject[] = []
  /** Keys of records that cannot be mapped: the source has them, so they are not gone. */
  #unmapped: string[] = []
  #columns: readonly Column[] = []
  #opened: Opened | undefined
  #losses: Loss[] = []
  #writes: RecordWrites
  #sendMs = 0

  constructor(config: InstanceConfig, lane: LaneOptions, ports: LanePorts) {
    this.#config = config
    this.#lane = lane
    this.#ports = ports
    this.#progress = new LaneProgress(lane.sync)
    this.#writes = noWrites(lane.sync.epoch)
  }

  async setColumns(columns: readonly Column[]): Promise<void> {
    if (this.#progress.counts.size > 0)
      throw new TypeError('columns change after a commit or a rollback')
    this.#columns = columns
    this.#opened = await this.#open({ ...this.#lane.sync.sink, columns })
  }

  async write(block: RecordBlock): Promise<void> {
    const { mapping } = this.#ready()
    this.#progress.take(block.slice, block.seq, { loaded: block.count, rejected: 0 })
    const records = decodeBlock(block.bytes, block.count, this.#columns)
    for (const [index, { data }] of records.entries()) {
      this.#take(data, { mapping, slice: block.slice, seq: block.seq + index })
      if (this.#waiting.size >= mapping.object.batchSize * requestsOfStep) await this.#send()
      if (this.#rejects.length >= mostRejects) await this.#keepRejects()
    }
  }

  reject(rejected: Parameters<SinkLane['reject']>[0]): Promise<void> {
    const { slice, seq, reason, key } = rejected
    this.#progress.take(slice, seq, { loaded: 0, rejected: 1 })
    nameRejection(this.#losses, rejected)
    this.#rejects.push(
      unsent(key ?? `${slice}#${String(seq)}`, 'rejected', { reason, record: '{}' }),
    )
    return Promise.resolve()
  }

  /** Records that wait are copies: the bytes of blocks are free already. */
  flush(): Promise<void> {
    return Promise.resolve()
  }

  async commit(checkpoint: LaneCheckpoint): Promise<LaneStats> {
    await this.#sendAll()
    this.#progress.requireCovered(checkpoint.slices)
    const started = performance.now()
    const { counts } = this.#progress
    await this.#ports.commit({ checkpoint, counts, columns: this.#columns })
    const stats = {
      loaded: this.#progress.total('loaded'),
      rejected: this.#progress.total('rejected'),
      ...{ nulled: 0, cut: 0, deleted: this.#writes.deleted, losses: this.#losses },
      writes: this.#writes,
      copySeconds: this.#sendMs / 1000,
      mergeSeconds: 0,
      commitSeconds: (performance.now() - started) / 1000,
    }
    const { created, updated, deleted, unchanged, rejected } = this.#writes
    const facts = { created, updated, deleted, unchanged, rejected }
    if (created + updated + deleted + rejected > 0)
      this.#lane.logger.info(facts, 'records were sent to the vendor')
    this.#progress.committed()
    this.#restart()
    return stats
  }

  /** Records that were sent stay at the vendor, and are known to be there. */
  async rollback(): Promise<void> {
    await this.#flights.forget()
    this.#progress.rolledBack()
    this.#waiting.clear()
    this.#rejects = []
    this.#unmapped = []
    this.#restart()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort()
    await this.#flights.forget()
    await this.#ports.dispose()
  }

  async #open(sink: SinkStream): Promise<Opened> {
    const { syncId } = this.#lane.sync
    const { writer, store, requireOwn } = this.#ports
    const mapping = await bindStream(sink, this.#config, writer)
    const target = await targetOf(sink, this.#config, mapping)
    const { options: choices, releasesDeletes: isReleased = false } = this.#config
    const place = { stream: mapping.stream, connection: sink.connection }
    const { sent } = await store.counts(target, syncId)
    const guard = new DeleteGuard(place, { sent, isReleased })
    const sender = new RecordSender({
      ...{ mapping, target, choices, syncId, store, writer, requireOwn },
      notesSeen: isOverwriteMode(sink.mode),
      signal: this.#ended.signal,
      admitDeletes: (count) => {
        guard.admit(count)
      },
    })
    return { mapping, target, sender }
  }

  async #holding<Result>(target: WriteTarget, work: () => Promise<Result>): Promise<Result> {
    await this.#hold(target)
    try {
      return await work()
    } finally {
      await this.#ports.store.releaseWrites(target)
    }
  }

  /** One lane at a time sends records of the stream: two could send one record in the wrong order. */
  async #hold(target: WriteTarget): Promise<void> {
    for (let tries = 0; tries < holdTries; tries++) {
      if (await this.#ports.store.holdWrites(target)) return
      await sleep(holdWaitMs)
      if (tries % 50 === 0) await this.#ports.requireOwn()
    }
    throw new ConnectError('write_busy', { details: { connection: target.connection } })
  }

  #take(
    data: RecordData,
    {
      mapping,
      slice,
      seq,
    }: { readonly mapping: BoundMapping; readonly slice: string; readonly seq: number },
  ): void {
    const source = (): string => stringifyExact(data)
    try {
      const record = mapRecord(data, mapping)
      const before = this.#waiting.get(record.key)
      const merged = before === undefined ? record : mergeRecords(before.record, record)
      this.#waiting.set(record.key, { record: merged, source, slice })
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      const reason = error.message
      const key = `${slice}#${String(seq)}`
      const known = keyIfAny(data, mapping)
      this.#unmapped.push(...known)
      this.#progress.reject(slice)
      this.#writes = addWrites(this.#writes, { rejected: 1 })
      nameRejection(this.#losses, { reason })
      const code = known.length === 0 ? 'key' : 'mapping'
      this.#rejects.push(unsent(key, code, { reason, record: source() }))
    }
  }

  /** Begins to send what waits. */
  async #send(): Promise<void> {
    const { sender, target } = this.#ready()
    const outgoing = this.#waiting
    if (outgoing.size === 0) return
    this.#waiting = new Map()
    const started = performance.now()
    await this.#flights.begin(new Set(outgoing.keys()), async () => {
      const counts = await this.#holding(target, () => sender.send([...outgoing.values()]))
      const { rejected } = counts
      const samples = this.#ports.takeSamples?.() ?? []
      this.#writes = addWrites(this.#writes, { ...counts, rejected: rejected.size, samples })
      for (const [key, reason] of rejected) {
        this.#progress.reject(outgoing.get(key)?.slice ?? '')
        nameRejection(this.#losses, { reason, key: JSON.stringify([key]) })
      }
    })
    this.#sendMs += performance.now() - started
  }

  /** Everything that was taken has been answered, and what became of it is stored. */
  async #sendAll(): Promise<void> {
    await this.#send()
    const started = performance.now()
    await this.#flights.land()
    await this.#keepRejects()
    this.#sendMs += performance.now() - started
  }

  async #keepRejects(): Promise<void> {
    if (this.#rejects.length === 0) return
    const { syncId, sink } = this.#lane.sync
    await this.#ports.store.keep(this.#ready().target, {
      ...{ sent: [], deleted: [], untouched: [], syncId },
      rejected: this.#rejects,
      unchanged: this.#unmapped,
      notesSeen: isOverwriteMode(sink.mode),
    })
    this.#rejects = []
    this.#unmapped = []
  }

  #restart(): void {
    this.#losses = []
    this.#writes = noWrites(this.#lane.sync.epoch)
    this.#sendMs = 0
  }

  #ready(): Opened {
    if (this.#opened === undefined) throw new TypeError('a lane knows its columns before it writes')
    return this.#opened
  }
}

/** Empty if the record has no key, or none that can be read. */
function keyIfAny(data: RecordData, mapping: BoundMapping): readonly string[] {
  try {
    return [readKey(data, mapping).key]
  } catch (error) {
    if (error instanceof TypeError) return []
    throw error
  }
}

/** A record that was not sent, as it cannot be. */
function unsent(
  key: string,
  code: string,
  { reason, record }: { readonly reason: string; readonly record: string },
): NewReject {
  return { key, operation: 'upsert', code, reason, fields: [], mayRetry: false, record }
}
