import type { ColumnKind, RecordData } from '../../../protocol/index.ts'
import type {
  BeginOptions,
  Destination,
  LaneStats,
  RunEnd,
  RunStart,
  SinkLane,
  SinkStream,
  StreamSync,
  SyncMode,
} from '../../../sinks/sink.ts'
import { blockOf, commit, sinkStream, type StreamOptions } from '../loading.ts'
import type { Place } from './subject.ts'

/** A mode, and how the source is read. */
export interface Loading {
  readonly mode: SyncMode
  readonly syncMode: 'full_refresh' | 'incremental'
}

/** Each mode with the read that it is used with most. */
export const loadings: readonly Loading[] = [
  { mode: 'append', syncMode: 'full_refresh' },
  { mode: 'append', syncMode: 'incremental' },
  { mode: 'append_dedup', syncMode: 'incremental' },
  { mode: 'overwrite', syncMode: 'full_refresh' },
  { mode: 'overwrite_dedup', syncMode: 'full_refresh' },
]

const columns = { id: 'integer', body: 'string' } as const

/** The stream of the place. Modes other than `append` have the key `id`. */
export function streamOf(
  { connection, stream }: Pick<Place, 'connection' | 'stream'>,
  { mode, syncMode }: Loading,
  options: StreamOptions & { readonly columns?: Readonly<Record<string, ColumnKind>> } = {},
): SinkStream {
  const key = mode === 'append' ? [] : ['id']
  const cursor = syncMode === 'incremental' ? { cursor: 'id' } : {}
  const all = { connection, name: stream, mode, syncMode, key, ...cursor, ...options }
  return sinkStream(options.columns ?? columns, all)
}

export function rowsOf(from: number, to: number, body = 'a'): readonly RecordData[] {
  return Array.from({ length: to - from + 1 }, (_, index) => ({ id: from + index, body }))
}

export function sorted(rows: readonly RecordData[]): readonly RecordData[] {
  return rows.toSorted((a, b) => Number(a.id) - Number(b.id))
}

/** Reads the rest of the source after the state of its one slice, as an attempt does. */
function rest(sync: StreamSync, source: readonly RecordData[]): Rest {
  const [slice] = sync.slices
  const state = slice?.state as { readonly seq?: number } | null | undefined
  return { seq: slice?.seq ?? 0, records: source.slice(state?.seq ?? 0), from: state?.seq ?? 0 }
}

interface Rest {
  /** The sequence number of the first record in this sync. */
  readonly seq: number
  readonly records: readonly RecordData[]
  /** The place of the first record in the source, which states count by. */
  readonly from: number
}

/** A run of one stream, taken step by step, so that it can stop anywhere. */
export class StepwiseRun {
  readonly place: Place
  readonly sink: SinkStream
  readonly destination: Destination
  readonly start: RunStart
  #sync: StreamSync | undefined
  #lane: SinkLane | undefined
  #taken = 0

  private constructor(place: Place, sink: SinkStream, destination: Destination, start: RunStart) {
    this.place = place
    this.sink = sink
    this.destination = destination
    this.start = start
  }

  static async open(place: Place, sink: SinkStream, key?: string): Promise<StepwiseRun> {
    const destination = await place.open()
    await destination.check()
    const start = await destination.startRun(sink.connection, key)
    return new StepwiseRun(place, sink, destination, start)
  }

  get sync(): StreamSync {
    if (this.#sync === undefined) throw new Error('the run has not begun')
    return this.#sync
  }

  async begin(options?: BeginOptions): Promise<StreamSync> {
    this.#sync = await this.destination.begin(this.sink, this.start, options)
    return this.#sync
  }

  /** As the engine does: a slice that is resumed is in the plan already. */
  async plan(): Promise<void> {
    if (this.sync.resumed && this.sync.slices.length > 0) return
    const state = this.sync.slices[0]?.state ?? null
    await this.destination.savePlan(this.sync, [{ slice: '', partition: 0, state }])
  }

  /** Writes up to `most` records of the rest of the source into the open transaction of the lane. */
  async write(source: readonly RecordData[], most = Number.POSITIVE_INFINITY): Promise<number> {
    const { seq, records } = rest(this.sync, source)
    const taken = records.slice(this.#taken, this.#taken + most)
    const lane = await this.lane()
    if (taken.length > 0)
      await lane.write(blockOf(this.sink.columns, taken, { seq: seq + this.#taken }))
    await lane.flush()
    this.#taken += taken.length
    return taken.length
  }

  async commit(source: readonly RecordData[]): Promise<LaneStats> {
    const { seq, records, from } = rest(this.sync, source)
    const lane = await this.lane()
    return lane.commit({
      partition: 0,
      next: String(from + this.#taken),
      slices: [
        {
          slice: '',
          partition: 0,
          state: { seq: from + this.#taken },
          seq: seq + this.#taken,
          complete: this.#taken >= records.length,
        },
      ],
    })
  }

  async lane(): Promise<SinkLane> {
    this.#lane ??= await this.place.openLane(this.sync)
    return this.#lane
  }

  finish(): Promise<readonly string[]> {
    return this.destination.finish(this.sync)
  }

  end(how: RunEnd['how'] = 'ended'): Promise<void> {
    const reported = this.#sync === undefined ? [] : [this.#sync.streamId]
    return this.destination.endRun(this.sink.connection, { start: this.start, how, reported })
  }

  /** All that is left of the run, from `begin` on. */
  async complete(source: readonly RecordData[]): Promise<RunOutcome> {
    const begun = await this.begin()
    let loaded = 0
    let warnings: readonly string[] = []
    if (!begun.doneInRun) {
      await this.plan()
      await this.write(source)
      ;({ loaded } = await this.commit(source))
      warnings = await this.finish()
    }
    await this.end()
    return { begun, loaded, warnings }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lane?.[Symbol.asyncDispose]()
    await this.destination[Symbol.asyncDispose]()
  }
}

export interface RunOutcome {
  readonly begun: StreamSync
  readonly loaded: number
  readonly warnings: readonly string[]
}

/** A whole run of the stream. */
export async function runOnce(
  place: Place,
  sink: SinkStream,
  source: readonly RecordData[],
): Promise<RunOutcome> {
  await using run = await StepwiseRun.open(place, sink)
  return await run.complete(source)
}

export { blockOf, commit }
