import { ConnectError, streamLabel } from '../../protocol/index.ts'
import type { LaneName, LogEntry } from './stream-log.ts'

/**
 * The position within the slice that the lane carries; `covered` is the sequence number of its last state.
 */
interface SliceAt {
  readonly slice: string
  seq: number
  covered: number
}

/** The facts that the log has about the writer of an entry. */
export interface EntryOrigin {
  readonly attempt: number
  /** For a `begin`, if the log has it: how many records the attempt had written before. */
  readonly writtenBefore?: number
}

export interface LaneOrderOptions {
  readonly lane: LaneName
  /**
   * `slice`: the lane is read from its first entry, a record before any `begin` is an error. `anywhere`: it
   * is read from a checkpoint, which may stand inside a slice; its first entry shows where.
   */
  readonly startsAt: 'slice' | 'anywhere'
}

/**
 * Checks a lane's entries as they come out of the log: within one attempt, no record of a slice is missing,
 * doubled or out of order, and the counts of `state` and `close` are right. Throws before the bad entry
 * reaches anybody.
 */
export class LaneOrder {
  readonly #lane: LaneName
  readonly #startsAt: 'slice' | 'anywhere'
  #current: SliceAt | undefined
  #ended = false
  /** The attempt that wrote the last entry. */
  #attempt: number | undefined
  /** Records of that attempt so far; unknown if the lane was entered in the middle of it. */
  #records: number | undefined

  constructor(options: LaneOrderOptions) {
    this.#lane = options.lane
    this.#startsAt = options.startsAt
    this.#records = options.startsAt === 'slice' ? 0 : undefined
  }

  take(entry: LogEntry, origin: EntryOrigin): void {
    this.#enter(origin)
    switch (entry.type) {
      case 'begin':
        this.#begin(entry)
        return
      case 'records':
      case 'stored':
        this.#move(entry, entry.count)
        if (this.#records !== undefined) this.#records += entry.count
        return
      case 'rejected':
        this.#move(entry, 1)
        return
      case 'state':
        this.#cover(entry)
        return
      case 'end':
        this.#end(entry)
        return
      case 'close':
        if (this.#records !== undefined && entry.records !== this.#records) {
          throw this.#mismatch(entry.records, this.#records)
        }
        return
    }
  }

  /**
   * Each attempt is counted separately: a killed one has no `close`, and the next one may have nothing to
   * read.
   */
  #enter({ attempt, writtenBefore }: EntryOrigin): void {
    if (attempt !== this.#attempt) {
      if (this.#attempt !== undefined) this.#records = 0
      this.#attempt = attempt
    }
    if (writtenBefore === undefined) return
    if (this.#records !== undefined && writtenBefore !== this.#records) {
      throw this.#mismatch(writtenBefore, this.#records)
    }
    this.#records = writtenBefore
  }

  #begin(entry: Extract<LogEntry, { type: 'begin' }>): void {
    this.#current = { slice: entry.slice, seq: entry.seq, covered: entry.seq }
    this.#ended = false
  }

  #cover(entry: Extract<LogEntry, { type: 'state' }>): void {
    const current = this.#slice(entry.slice, entry.seq, entry.seq - entry.count)
    if (entry.seq !== current.seq) throw this.#outOfOrder(entry, current.seq)
    if (entry.count !== current.seq - current.covered) {
      throw this.#mismatch(entry.count, current.seq - current.covered)
    }
    current.covered = current.seq
  }

  #end(entry: Extract<LogEntry, { type: 'end' }>): void {
    const current = this.#slice(entry.slice, entry.seq, entry.seq)
    if (entry.seq !== current.covered) throw this.#outOfOrder(entry, current.covered)
    this.#current = undefined
    this.#ended = true
  }

  #move(
    entry: { readonly type: string; readonly slice: string; readonly seq: number },
    by: number,
  ): void {
    const current = this.#slice(entry.slice, entry.seq, entry.seq)
    if (entry.seq !== current.seq) throw this.#outOfOrder(entry, current.seq)
    current.seq += by
  }

  #slice(slice: string, seq: number, covered: number): SliceAt {
    const current = this.#current
    if (current === undefined) {
      if (this.#ended || this.#startsAt === 'slice') {
        throw this.#outOfOrder({ type: 'entry', slice, seq }, 'a begin')
      }
      // Entered inside the slice: a checkpoint stands after a whole unit, so all before this entry is
      // covered.
      this.#current = { slice, seq: Math.max(seq, covered), covered }
      return this.#current
    }
    if (current.slice !== slice) throw this.#outOfOrder({ type: 'entry', slice, seq }, current.seq)
    return current
  }

  #outOfOrder(
    entry: { readonly type: string; readonly slice: string; readonly seq: number },
    expected: number | string,
  ): ConnectError {
    const { stream, partition } = this.#lane
    return new ConnectError('log_out_of_order', {
      details: {
        stream: streamLabel(stream),
        partition,
        entry: entry.type,
        slice: entry.slice,
        expected,
        actual: entry.seq,
      },
    })
  }

  #mismatch(expected: number, actual: number): ConnectError {
    return new ConnectError('accounting_mismatch', {
      details: { stream: streamLabel(this.#lane.stream), expected, actual },
    })
  }
}
