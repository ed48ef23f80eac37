import { ConnectError, type Column } from '../../protocol/index.ts'
import type {
  LaneCheckpoint,
  LaneStats,
  RecordBlock,
  SinkLane,
  SliceCheckpoint,
  StreamSync,
} from '../../sinks/sink.ts'
import type { LanePlaces } from './lane-places.ts'

/** A lane that has nothing to load for this long gives its session back. */
const restMs = 2_000

export interface RestingLaneOptions {
  readonly sync: StreamSync
  readonly places: LanePlaces
  /** Opens the lane from the checkpoints of the sync. */
  readonly open: (sync: StreamSync) => Promise<SinkLane>
}

/** The lane of a stream of a feed: it is open only while it has something to load, and for a moment after. */
export class RestingLane implements SinkLane {
  readonly #options: RestingLaneOptions
  readonly #checkpoints: Map<string, SliceCheckpoint>
  #columns: readonly Column[] | undefined
  #lane: SinkLane | undefined
  #timer: NodeJS.Timeout | undefined
  #closing: Promise<void> = Promise.resolve()
  /** It could not be closed: the lane ends with this at its next use. */
  #closeError: Error | undefined

  constructor(options: RestingLaneOptions) {
    this.#options = options
    this.#checkpoints = new Map(options.sync.slices.map((slice) => [slice.slice, slice]))
  }

  async setColumns(columns: readonly Column[]): Promise<void> {
    this.#columns = columns
    await this.#busy()?.setColumns(columns)
  }

  async write(block: RecordBlock): Promise<void> {
    await (await this.#opened()).write(block)
  }

  async reject(rejected: Parameters<SinkLane['reject']>[0]): Promise<void> {
    await (await this.#opened()).reject(rejected)
  }

  async flush(): Promise<void> {
    await this.#busy()?.flush()
  }

  async commit(checkpoint: LaneCheckpoint): Promise<LaneStats> {
    const lane = await this.#opened()
    const stats = await lane.commit(checkpoint)
    for (const slice of checkpoint.slices) this.#checkpoints.set(slice.slice, slice)
    this.#rest()
    return stats
  }

  async rollback(): Promise<void> {
    await this.#busy()?.rollback()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#busy()
    this.#close()
    await this.#closing
  }

  /** The open lane, which is used from here on; undefined if it is closed. */
  #busy(): SinkLane | undefined {
    clearTimeout(this.#timer)
    this.#options.places.noteBusy(this.#close)
    return this.#lane
  }

  async #opened(): Promise<SinkLane> {
    const open = this.#busy()
    if (open !== undefined) return open
    await this.#closing
    if (this.#closeError !== undefined) throw this.#closeError
    const { places, sync, open: openLane } = this.#options
    await places.acquire()
    let lane: SinkLane | undefined
    try {
      lane = await openLane({ ...sync, slices: [...this.#checkpoints.values()] })
      if (this.#columns !== undefined) await lane.setColumns(this.#columns)
      this.#lane = lane
      return lane
    } catch (error) {
      await lane?.[Symbol.asyncDispose]()
      places.release()
      throw error
    }
  }

  #rest(): void {
    if (!this.#options.places.noteIdle(this.#close)) this.#close()
    else this.#timer = setTimeout(this.#close, restMs)
  }

  readonly #close = (): void => {
    clearTimeout(this.#timer)
    const lane = this.#lane
    if (lane === undefined) return
    this.#lane = undefined
    this.#options.places.noteBusy(this.#close)
    this.#closing = this.#end(lane)
  }

  async #end(lane: SinkLane): Promise<void> {
    try {
      await lane[Symbol.asyncDispose]()
    } catch (error) {
      this.#closeError = ConnectError.from(error)
    } finally {
      this.#options.places.release()
    }
  }
}
