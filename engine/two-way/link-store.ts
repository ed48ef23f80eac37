import type { Conflict } from '../../sinks/two-way/conflict.ts'
import type { Link, SideName, Values, WriteOperation } from '../../sinks/two-way/link.ts'

/**
 * The links of a pair, stored beside the customer's data: they hold values of records. Read this first.
 *
 * `save` is one transaction: when it returns, all of it is durable, and after a crash there is all or
 * nothing of it.
 */
export interface LinkStore {
  /** Links by the ids of their records on one side. */
  findByRecord(
    stream: string,
    side: SideName,
    ids: readonly string[],
  ): Promise<readonly StoredLink[]>
  /** Links by their own ids. */
  findLinks(ids: readonly string[]): Promise<readonly StoredLink[]>
  /** Links that must be looked at, whatever a sweep finds; ascending by id. */
  findDirty(stream: string, page: LinkPage): Promise<readonly StoredLink[]>
  /** Links with a record on this side, ascending by the id of the record, by Unicode code points. */
  scan(stream: string, side: SideName, page: LinkPage): Promise<readonly ScannedLink[]>
  /** Links whose both records are there: the base of the mass-delete guard. */
  countLinked(stream: string): Promise<number>
  /** Decisions of people that have not been carried out: by link and field, the side that wins. */
  findDecided(
    links: readonly string[],
  ): Promise<ReadonlyMap<string, Readonly<Record<string, SideName>>>>
  save(change: LinkChange): Promise<void>
}

export interface LinkPage {
  /** After this id; empty: from the beginning. */
  readonly after: string
  readonly limit: number
}

export interface StoredLink {
  readonly link: Link
  /** The hash of the record of each side for which nothing is left to do. */
  readonly seen: Readonly<Record<SideName, string | null>>
  /** A write without a result, a field that waits for its reference, a new decision. */
  readonly isDirty: boolean
}

export interface ScannedLink {
  readonly link: string
  readonly record: string
  readonly seen: string | null
}

export interface LinkChange {
  readonly links: readonly StoredLink[]
  readonly conflicts: readonly Conflict[]
  /** Writes that did not happen: their conflicts are taken back. */
  readonly withdrawn: readonly string[]
  readonly history: readonly HistoryEntry[]
}

/** A write that was carried out. */
export interface HistoryEntry {
  readonly write: string
  readonly link: string
  readonly stream: string
  readonly side: SideName
  readonly operation: WriteOperation
  /** The values that were sent, and those that they replaced. */
  readonly values: Values
  readonly before: Values | null
  readonly writtenAtMs: number
}
