import type { ConnectError } from '../../protocol/index.ts'
import type { SideName, Values, WriteOperation } from '../../sinks/two-way/link.ts'
import type { SideRead } from '../../sinks/two-way/side-change.ts'
import type { WriteResult } from '../../sinks/two-way/apply-write.ts'

/**
 * One side of a pair: a database or a vendor. Read this first.
 *
 * Values have the shared names of the fields and are normalized; a reference is the text of an id of this
 * side. Changes are found by sweeps over ids and hashes, which is the guarantee, and by `changedIds`, which
 * only makes it fast. A record is always read by its id before anything is decided.
 */
export interface PairSide {
  readonly facts: PairSideFacts
  /**
   * The ids of all records of a stream that are in scope, ascending by Unicode code points, with a hash that
   * changes whenever a shared field does.
   */
  sweep(stream: string, signal: AbortSignal): AsyncIterable<readonly SweptRecord[]>
  /**
   * Begins to note changes: `changedIds` has all that are committed from now on. Throws if this side cannot
   * do it as it is set up. Absent: `changedIds` asks the side itself.
   */
  follow?(events: FollowEvents): Promise<void>
  /** Ids that may have changed since the last call: events or a cursor. Absent: only sweeps find changes. */
  changedIds?(stream: string): Promise<readonly string[]>
  /** A round has ended, and all that `changedIds` and `sweep` gave in it is stored in links. */
  roundEnded?(): Promise<void>
  /** The records with these ids as they are now, in this order. Never `unread` unless the side cannot say. */
  read(stream: string, ids: readonly string[]): Promise<readonly RecordRead[]>
  /** Ids and match values of the records that have one of these values in a field. */
  findByField(
    stream: string,
    field: string,
    values: readonly string[],
  ): Promise<readonly { readonly id: string; readonly value: string }[]>
  /**
   * Writes records; one result for each, in their order. No two of them are of the same record. If it throws,
   * the result of each of them is unknown.
   */
  write(stream: string, writes: readonly SideWrite[]): Promise<readonly SideWriteResult[]>
  /** Finds out what became of writes whose result was lost; in their order. */
  recover(stream: string, writes: readonly SideWrite[]): Promise<readonly RecoveredWrite[]>
}

/** How a side that is followed reports. */
export interface FollowEvents {
  /** `changedIds` has something. */
  changed(): void
  /** Something has changed that `changedIds` cannot name: only a sweep finds it. */
  missed(): void
  /** Nothing more comes. */
  failed(error: ConnectError): void
}

export interface PairSideFacts {
  /** For so long a read may be older than what the side already has. 0: never. */
  readonly lagMs: number
  /** A request that has not arrived after this time will not arrive any more. */
  readonly settleMs: number
  /** Undefined: versions only differ. */
  readonly compareVersions?: (left: string, right: string) => number
}

export interface SweptRecord {
  readonly id: string
  readonly hash: string
}

export interface RecordRead {
  readonly read: SideRead
  /** The hash that `sweep` reports for the record; null if it is not in scope. */
  readonly hash: string | null
  /** The record that the vendor merged this one into; only with a deleted record. */
  readonly mergedInto?: string
  /** The link that the record carries as its external id. */
  readonly link?: string
}

export interface SideWrite {
  /** A side that remembers it carries out the same write once. */
  readonly id: string
  readonly link: string
  readonly operation: WriteOperation
  /** Null: a record that is created. Of a record that is restored: the id that it had, if it had one. */
  readonly record: string | null
  readonly values: Values
  /** A guarded side refuses with `changed` if the record is another by now. */
  readonly expected: { readonly version: string | null; readonly values: Values } | null
}

/** `unknown`: this write may or may not have been carried out. */
export type SideWriteResult = WriteResult | { readonly outcome: 'unknown' }

export type RecoveredWrite =
  /** The side remembers the write. */
  | { readonly known: 'result'; readonly result: WriteResult }
  /** The side remembers its writes, and this one was not carried out, nor will it be. */
  | { readonly known: 'not_written' }
  /** The record now: of a creation the one with this external id. */
  | { readonly known: 'record'; readonly read: SideRead }

export type Sides = Readonly<Record<SideName, PairSide>>
