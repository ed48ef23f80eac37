import type { RecordData } from '../../../protocol/index.ts'
import type { DestinationConfig } from '../../../sinks/registry.ts'
import type { Destination, SinkLane, StreamSync, SyncMode } from '../../../sinks/sink.ts'

/** A destination, as the contract suite sees it. */
export interface DestinationSubject {
  readonly name: string
  readonly modes: readonly SyncMode[]
  /**
   * When a reader sees the rows of an overwrite: all at its end, or each with its commit; the rows of before
   * go at the end in both cases.
   */
  readonly overwriteShows: 'at its end' | 'with each commit'
  /** A place of the test's own. */
  makePlace(): Promise<Place>
}

/** A guarantee of every destination that has its modes. */
export interface ContractCase {
  readonly name: string
  readonly check: (place: Place) => Promise<void>
}

/** The place of one stream's rows, and of the checkpoints of one connection. */
export interface Place {
  readonly connection: string
  readonly stream: string
  readonly config: DestinationConfig
  /** A client, as another process would have. */
  open(): Promise<Destination>
  openLane(sync: StreamSync, partition?: number): Promise<SinkLane>
  /** The rows that a reader sees, without our columns; if rows have a key, the newest of each. */
  rows(): Promise<readonly RecordData[]>
  /** The records that were left out, with their reasons, in the order of their sequence. */
  rejections(): Promise<readonly Rejection[]>
}

export interface Rejection {
  readonly slice: string
  readonly seq: number
  readonly reason: string
}
