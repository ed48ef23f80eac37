import { ConnectError } from '../../../protocol/index.ts'
import { addedField, ChangeBatch, type LineLayout, type LineStamp } from './change-batch.ts'
import type { Relation } from './change-messages.ts'
import type { TupleFields } from './change-tuple.ts'
import { later, type Lsn } from './lsn.ts'

/** A batch is handed over when it has this size, or earlier if somebody waits. */
const batchBytes = 256 * 1024

/** The columns that a stream of changes has beside those of its table. */
export const addedColumns = {
  _ab_cdc_lsn: addedField.lsn,
  _ab_cdc_updated_at: addedField.updatedAt,
  _ab_cdc_deleted_at: addedField.deletedAt,
} as const

export interface MemberStream {
  /** By which the feed knows the table. */
  readonly key: string
  /** For people. */
  readonly label: string
  /** The columns of the stream, in the order of its lines. */
  readonly columns: readonly string[]
  /** The columns by which its rows are merged; empty if it has no key. */
  readonly keyColumns: readonly string[]
  /** The columns that the table has now. */
  readonly present: ReadonlySet<string>
  /** The types of columns, as oids. */
  readonly types: ReadonlyMap<string, number>
  /**
   * For a continuous read: false if a read of the stream has ended because of this difference, and goes on
   * with it: changes from before a change of the table have the columns of that time.
   */
  readonly isNewLayout?: (difference: string) => boolean
  /** The part of the order of its rows that does not come from the server (row-order.ts). */
  readonly era: number
}

/** The part of a feed that one stream reads: a queue of changes, in order. */
export class FeedMember {
  readonly stream: MemberStream
  /** Transactions that were committed before are not for this member. */
  from: Lsn
  /** The queue has rows of the transaction that is being received. */
  isInTransaction = false
  /** Rows of this transaction are in the queue already, from before the connection was made again. */
  skipped: { readonly commitLsn: Lsn; readonly rows: number } | undefined
  /** The rows of the transaction so far. */
  ordinal = 0
  /** Bytes in the queue, and in the queues of all members of the feed. */
  size = 0
  load = { bytes: 0 }
  /** The read waits until the feed has passed this position. */
  goal: Lsn | undefined
  readonly #full: ChangeBatch[] = []
  #open: ChangeBatch = new ChangeBatch()
  #warnings: string[] = []
  #error: ConnectError | undefined
  #wake: (() => void) | undefined

  constructor(stream: MemberStream, from: Lsn) {
    this.stream = stream
    this.from = from
  }

  layoutFor(relation: Relation): LineLayout {
    const { columns, keyColumns, present } = this.stream
    const indexes = new Map(relation.columns.map(({ name }, index) => [name, index]))
    const unknown = relation.columns.filter(({ name }) => !present.has(name))
    const isOver = this.#endsAt(relation, indexes)
    if (unknown.length > 0 && !isOver) this.#warnOfOthers(unknown.map(({ name }) => name))
    const fields = columns.map((name) => {
      if (Object.hasOwn(addedColumns, name)) return addedColumns[name as keyof typeof addedColumns]
      return indexes.get(name) ?? addedField.absent
    })
    const key = keyColumns.flatMap((name) => indexes.get(name) ?? [])
    return { fields, key: key.length === keyColumns.length ? key : [] }
  }

  /** A continuous read ends, and begins again with the columns that the table has then. */
  #endsAt(relation: Relation, indexes: ReadonlyMap<string, number>): boolean {
    const { key, label, columns, present, types, isNewLayout } = this.stream
    if (isNewLayout === undefined) return false
    const gone = columns.filter((name) => !Object.hasOwn(addedColumns, name) && !indexes.has(name))
    const other = relation.columns.filter(
      ({ name, type }) => !present.has(name) || (types.get(name) ?? type) !== type,
    )
    const names = [...gone, ...other.map(({ name }) => name)]
    const now = relation.columns.map(({ name, type }) => [name, type])
    const difference = JSON.stringify([key, columns, [...types], now])
    if (names.length === 0 || !isNewLayout(difference)) return false
    const details = { stream: label, columns: names.join(', ') }
    this.fail(new ConnectError('source_table_changed', { details }))
    return true
  }

  #warnOfOthers(names: readonly string[]): void {
    this.warn(
      `Changes have columns that the table did not have when the run began, or has no longer: ${names.join(', ')}. Their values are left out. The next run discovers the columns again.`,
    )
  }

  warn(text: string): void {
    if (!this.#warnings.includes(text)) this.#warnings.push(text)
    this.#notify()
  }

  takeWarnings(): readonly string[] {
    const warnings = this.#warnings
    this.#warnings = []
    return warnings
  }

  add(
    tuple: TupleFields,
    layout: LineLayout,
    stamp: LineStamp,
    options?: Parameters<ChangeBatch['add']>[3],
  ): void {
    if (this.#error !== undefined) return
    if (this.skipped?.commitLsn === stamp.commitLsn && stamp.ordinal <= this.skipped.rows) return
    const before = this.#open.length
    this.#open.add(tuple, layout, stamp, options)
    this.#count(this.#open.length - before)
    if (this.#open.length >= batchBytes) this.#close()
  }

  commit(position: Lsn, xid: number): void {
    this.isInTransaction = false
    this.skipped = undefined
    this.#open.commit(position, xid)
    this.#notify()
  }

  #close(): void {
    this.#full.push(this.#open)
    this.#open = new ChangeBatch()
    this.#notify()
  }

  /** The next changes; undefined if there are none now. Throws the error of the feed. */
  take(): ChangeBatch | undefined {
    const full = this.#full.shift()
    if (full !== undefined) return this.#taken(full)
    if (this.#error !== undefined) throw this.#error
    const open = this.#open
    if (open.rows === 0 && open.committed === undefined) return undefined
    this.#open = new ChangeBatch()
    return this.#taken(open)
  }

  #taken(batch: ChangeBatch): ChangeBatch {
    this.#count(-batch.length)
    return batch
  }

  #count(bytes: number): void {
    this.size += bytes
    this.load.bytes += bytes
  }

  /** Whether every change that the feed has received of the stream was taken. */
  get isDrained(): boolean {
    const open = this.#open
    return (
      this.#full.length === 0 &&
      open.rows === 0 &&
      open.committed === undefined &&
      !this.isInTransaction
    )
  }

  /** Resolves when there may be something new, or after `timeoutMs`. */
  async wait(timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#error !== undefined || this.#hasNews) return
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const wake = (): void => {
      resolve(undefined)
    }
    this.#wake = wake
    const timer = setTimeout(wake, timeoutMs)
    signal.addEventListener('abort', wake, { once: true })
    await promise
    clearTimeout(timer)
    signal.removeEventListener('abort', wake)
    this.#wake = undefined
  }

  get #hasNews(): boolean {
    const { committed, rows } = this.#open
    return this.#full.length > 0 || rows > 0 || committed !== undefined || this.#warnings.length > 0
  }

  fail(error: ConnectError): void {
    this.#error ??= error
    this.#notify()
  }

  /** The feed has passed the goal. */
  pass(): void {
    this.#notify()
  }

  #notify(): void {
    this.#wake?.()
  }

  /** Before the feed begins again: what is in the queue does not come a second time. */
  rewind(position: Lsn, commitLsn: Lsn | undefined): void {
    this.from = later(this.from, position)
    if (this.isInTransaction && commitLsn !== undefined)
      this.skipped = { commitLsn, rows: this.ordinal }
    this.isInTransaction = false
  }
}
