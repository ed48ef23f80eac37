import { hasState } from '../../../postgres/sqlstate.ts'
import { DatabaseError } from 'pg'
import { ConnectError } from '../../../protocol/index.ts'
import type { RecordBlock } from '../../sink.ts'
import { CopyTranscoder, type CopyColumn } from './avro-to-copy.ts'
import { takesBinary } from './binary-columns.ts'
import { binaryHeader, binaryTrailer } from './binary-fields.ts'
import type { CopyFormat, RowTailOptions } from './copy-format.ts'
import type { CopyIn } from './copy-in.ts'
import { ByteOutput } from '../../wire/byte-output.ts'
import { quoteIdentifier } from '../../../postgres/quote.ts'
import { type TableName } from '../tables/identifiers.ts'
import type { KeyRejections } from './key-rejections.ts'
import { LoadLosses } from './load-losses.ts'
import { refusedCell } from './refused-cell.ts'
import { requireRows } from '../tables/row-account.ts'
import { SeenFacts } from './seen-facts.ts'
import type { DestinationSession } from '../session.ts'
import type { TableColumns } from '../tables/table-columns.ts'

/** A chunk leaves for the server at this size: more than a socket buffers, so that its bytes are free once it was written. */
const CHUNK_BYTES = 128 * 1024

/** A table that rows are copied into. */
export interface CopyPlace {
  /** Quoted. */
  readonly table: string
  readonly name: TableName
  readonly tail: RowTailOptions
  /** Statements before each COPY, without a result; one that must not be is refused. */
  readonly condition?: string
}

export interface CopyLoadOptions {
  readonly session: DestinationSession
  readonly place: CopyPlace
  /**
   * The staging table of a merge, where the rows go instead from the first batch on that has a key twice or one that the table has, or if the table has triggers.
   * Until then a new key is simply inserted, which costs a third of staging and merging it (docs/performance.md).
   */
  readonly whenMerged?: CopyPlace
  /** The columns of the table, staging apart. */
  readonly types: TableColumns
  readonly stream: string
  /** The fields of the primary key; empty without one. */
  readonly keyFields: readonly string[]
  /** Of a dedup mode. */
  readonly rejections?: KeyRejections
  /** Makes `_airbyte_meta` in the table, which has none yet. In the transaction, before rows are sent again. */
  readonly addMeta: () => Promise<void>
}

/**
 * Loads blocks by COPY, inside of the session's transaction, which it begins. Each COPY runs under a savepoint. Where the
 * server refuses a value that it reads (SQLSTATE class 22), its context names line and column: the cell becomes NULL with a note, the rows
 * up to it are sent again as a COPY of their own, and the rest after it. So every refusal makes progress, at the price of
 * two more COPYs, however many there are; blocks are kept until `flush` for this.
 */
export class CopyLoad {
  /** Of the rows of the open transaction whose COPY has ended. */
  readonly losses = new LoadLosses()
  readonly #options: CopyLoadOptions
  /** Of the columns of the blocks, in the open transaction. */
  #seen = new SeenFacts(0)
  readonly #output = new ByteOutput(Buffer.allocUnsafeSlow(CHUNK_BYTES * 2))
  #spare: Buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES * 2)
  #columns: readonly CopyColumn[] = []
  #place: CopyPlace
  #tail: RowTailOptions
  #transcoder: CopyTranscoder
  #format: CopyFormat = 'text'
  /** A row that only text can represent: more of them may come, so the lane stays with text. */
  #needsText = false
  #blocks: { readonly block: RecordBlock; readonly firstRow: number }[] = []
  #keptBytes = 0
  /** Rows of the transaction: given to `write`, … */
  #rows = 0
  /** … sent in the open COPY, … */
  #sent = 0
  /** … and counted by the server in COPYs that have ended. */
  #settled = 0
  /** Where the open COPY is to end early: after a row that had a refused cell. */
  #endsAt: number | undefined
  #copy: CopyIn | undefined
  /** The last chunk: resolves when its bytes are free, with the error, so that nobody has to wait for it. */
  #inFlight: Promise<Error | undefined> = Promise.resolve(undefined)
  #begun = false
  #hasSavepoint = false
  #hasStaged = false
  #stagedRows = 0
  /** Where the rows of the transaction came from: of a dedup mode. */
  #origins: { readonly firstRow: number; readonly slice: string; readonly seq: number }[] = []

  constructor(options: CopyLoadOptions) {
    this.#options = options
    this.#place = options.place
    this.#tail = options.place.tail
    this.#transcoder = this.#newTranscoder()
  }

  /** Columns of the blocks that follow. Everything before must be flushed, and `seen` read. */
  setColumns(columns: readonly CopyColumn[], tail: RowTailOptions): void {
    this.#columns = columns
    this.#seen = new SeenFacts(columns.length)
    this.#options.rejections?.setColumns(columns)
    this.#write(tail)
  }

  /** The same columns with another tail, or in another format. */
  #write(tail: RowTailOptions): void {
    this.#tail = tail
    const isBinary = !this.#needsText && takesBinary(this.#columns, this.#options.types)
    this.#format = isBinary ? 'binary' : 'text'
    this.#transcoder = this.#newTranscoder()
  }

  #newTranscoder(): CopyTranscoder {
    const { keyFields, rejections } = this.#options
    const { losses } = this
    return new CopyTranscoder(this.#output, this.#columns, {
      tail: this.#tail,
      format: this.#format,
      seen: this.#seen,
      losses,
      keyFields,
      ...(rejections && { rejections }),
    })
  }

  /** What was written in this transaction since the last `setColumns`. */
  get seen(): SeenFacts {
    return this.#seen
  }

  /** The same columns, for a table whose `_airbyte_meta` went with its transaction. */
  dropMeta(tail: RowTailOptions): void {
    this.#write(tail)
  }

  get keptBytes(): number {
    return this.#keptBytes
  }

  get hasMeta(): boolean {
    return this.#tail.hasMeta
  }

  /** Whether rows go to the staging table now. */
  get isStaged(): boolean {
    return this.#tail.isStaged
  }

  /** Whether rows of this transaction wait there for a merge. */
  get hasStaged(): boolean {
    return this.#hasStaged
  }

  /** … how many they are, once flushed. */
  get stagedRows(): number {
    return this.#stagedRows
  }

  /** The record that a row of the transaction, of a dedup mode, came from. */
  recordOf(row: number): { readonly slice: string; readonly seq: number } {
    const origin = this.#origins.findLast(({ firstRow }) => firstRow <= row)
    return { slice: origin?.slice ?? '', seq: (origin?.seq ?? 0) + row - (origin?.firstRow ?? 0) }
  }

  async write(block: RecordBlock): Promise<void> {
    this.#blocks.push({ block, firstRow: this.#rows })
    const { slice, seq } = block
    if (this.#options.rejections) this.#origins.push({ firstRow: this.#rows, slice, seq })
    this.#rows += block.count
    this.#keptBytes += block.bytes.length
    await this.#untilSent('goes on')
  }

  /** Ends the COPY: everything given is in the transaction, and its blocks are free. */
  async flush(): Promise<void> {
    if (this.#copy !== undefined || this.#sent < this.#rows) await this.#untilSent('ends')
    this.#blocks = []
    this.#keptBytes = 0
    this.#transcoder.refused.clear()
  }

  /** Begins the transaction if no COPY did. */
  async begin(): Promise<void> {
    if (!this.#begun) await this.#options.session.begin()
    this.#begun = true
  }

  /** Abandons an open COPY; the transaction must then be rolled back. */
  async abort(): Promise<void> {
    const copy = this.#copy
    this.#copy = undefined
    if (copy !== undefined && !this.#options.session.isLost) await copy.abort()
  }

  /** The transaction has ended: the next row is the first. */
  restart(): void {
    this.#blocks = []
    this.#keptBytes = 0
    this.#rows = this.#sent = this.#settled = 0
    this.#endsAt = undefined
    this.#begun = this.#hasSavepoint = this.#hasStaged = false
    this.#stagedRows = 0
    this.#origins = []
    this.#output.offset = 0
    this.#transcoder.refused.clear()
    this.#seen.clear()
    this.losses.clear()
    this.#options.rejections?.clear()
  }

  async #untilSent(then: 'ends' | 'goes on'): Promise<void> {
    for (;;) {
      try {
        await this.#sendRows()
        if (then === 'ends') await this.#endCopy()
        return
      } catch (thrown) {
        await this.#repair(thrown)
      }
    }
  }

  async #sendRows(): Promise<void> {
    while (this.#sent < this.#rows) {
      const kept = this.#blocks.find(({ block, firstRow }) => this.#sent < firstRow + block.count)
      if (kept === undefined) return
      const outcome = await this.#sendBlock(kept.block, kept.firstRow)
      if (outcome === 'needs text') await this.#useText()
      if (this.#sent !== this.#endsAt) continue
      await this.#endCopy()
      this.#endsAt = undefined
    }
  }

  async #sendBlock(block: RecordBlock, firstRow: number): Promise<'sent' | 'needs text'> {
    const transcoder = this.#transcoder
    transcoder.open(block, firstRow)
    transcoder.skip(this.#sent - firstRow)
    const until = Math.min(firstRow + block.count, this.#endsAt ?? Infinity)
    const copy = this.#openCopy()
    for (;;) {
      const outcome = transcoder.pump(CHUNK_BYTES, until)
      if (outcome === 'needs meta') throw new NeedsMeta()
      if (outcome === 'needs text') {
        this.#sent = transcoder.lastRow
        return outcome
      }
      if (outcome === 'done') break
      await this.#ship(copy)
    }
    this.#sent = until
    if (until === firstRow + block.count && transcoder.consumed !== block.bytes.length) {
      const [expected, actual] = [block.bytes.length, transcoder.consumed]
      const details = { stream: this.#options.stream, expected, actual, unit: 'bytes of a block' }
      throw new ConnectError('accounting_mismatch', { details })
    }
    return 'sent'
  }

  /** From the next row on; what was sent stays. */
  async #useText(): Promise<void> {
    await this.#endCopy()
    this.#needsText = true
    this.#startAgain(this.#tail)
  }

  #openCopy(): CopyIn {
    const { session } = this.#options
    const { table, condition = '' } = this.#place
    if (this.#copy !== undefined) return this.#copy
    const columns = this.#transcoder.copyColumns.map(quoteIdentifier).join(', ')
    const begin = this.#begun ? '' : 'BEGIN; '
    const release = this.#hasSavepoint ? 'RELEASE SAVEPOINT load; ' : ''
    this.#begun = this.#hasSavepoint = true
    this.#hasStaged ||= this.isStaged
    // One round trip; the server answers when it is ready for the rows.
    this.#copy = session.copyIn(
      `${begin}${release}SAVEPOINT load${condition}`,
      `COPY ${table} (${columns}) FROM STDIN (FORMAT ${this.#format})`,
    )
    if (this.#format === 'binary') this.#output.append(binaryHeader)
    return this.#copy
  }

  /** Sends the output while the next chunk is written to the other buffer. */
  async #ship(copy: CopyIn): Promise<void> {
    const failure = await this.#inFlight
    this.#inFlight = Promise.resolve(undefined)
    if (failure !== undefined) throw failure
    const output = this.#output
    const full = output.bytes
    this.#inFlight = copy.write(full.subarray(0, output.offset)).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
    )
    output.bytes = this.#spare
    output.offset = 0
    // A buffer that one large row has blown up is given back.
    this.#spare = full.length > CHUNK_BYTES * 8 ? Buffer.allocUnsafeSlow(CHUNK_BYTES * 2) : full
  }

  async #endCopy(): Promise<void> {
    const copy = this.#copy
    if (copy === undefined) return
    if (this.#format === 'binary') this.#output.append(binaryTrailer)
    if (this.#output.offset > 0) await this.#ship(copy)
    const failure = await this.#inFlight
    this.#inFlight = Promise.resolve(undefined)
    if (failure !== undefined) throw failure
    const counted = await copy.end()
    this.#copy = undefined
    const { rejections } = this.#options
    const sent = this.#sent - this.#settled - (rejections?.openRows.length ?? 0)
    const { stream, session } = this.#options
    const { name: table } = this.#place
    const account = { due: sent, done: counted, events: ['insert'] } as const
    await requireRows(session, { stream, table }, account)
    if (this.isStaged) this.#stagedRows += counted
    this.#settled = this.#sent
    this.losses.settle()
    rejections?.settle()
  }

  /** Makes the batch ready to be sent again from the last savepoint on, or throws what cannot be repaired. */
  async #repair(thrown: unknown): Promise<void> {
    const { session, whenMerged } = this.#options
    const needsMeta = thrown instanceof NeedsMeta
    if (needsMeta) await this.#copy?.abort()
    this.#copy = undefined
    this.#inFlight = Promise.resolve(undefined)
    this.#output.offset = 0
    this.losses.drop()
    const staged = !this.isStaged && hasState(thrown, mergedAfter) ? whenMerged : undefined
    if (!needsMeta && staged === undefined) this.#refuse(thrown)
    this.#options.rejections?.drop()
    await session.rollbackTo('load')
    this.#sent = this.#settled
    if (staged !== undefined) this.#moveTo(staged)
    if (!needsMeta) return
    await this.#options.addMeta()
    this.#startAgain({ ...this.#tail, hasMeta: true })
  }

  #moveTo(place: CopyPlace): void {
    this.#place = place
    this.#endsAt = undefined
    this.#startAgain(place.tail)
  }

  /** With another tail or format; values that were refused before stay refused. */
  #startAgain(tail: RowTailOptions): void {
    const { refused } = this.#transcoder
    this.#write(tail)
    for (const [row, columns] of refused) this.#transcoder.refused.set(row, columns)
  }

  #refuse(thrown: unknown): void {
    const { session, stream } = this.#options
    const { table: relation } = this.#place.name
    if (!(thrown instanceof DatabaseError) || thrown.code?.startsWith('22') !== true) {
      throw session.error(thrown)
    }
    const names = this.#columns.map(({ target }) => target?.name)
    const where = thrown.where ?? ''
    const cell = refusedCell(where, relation, names)
    // A function was at work: the error of the session names it.
    if (cell === undefined && !where.startsWith('COPY ')) throw session.error(thrown)
    const row = this.#rowOfLine(cell?.line ?? 0)
    const before = this.#transcoder.refused.get(row) ?? new Set()
    if (cell === undefined || before.has(cell.column)) {
      const details = { stream, table: relation, sqlstate: thrown.code }
      throw new ConnectError('destination_value_refused', { details })
    }
    this.#transcoder.refused.set(row, before.add(cell.column))
    this.#endsAt = row + 1
  }

  /** Records that were rejected on the way have no line. */
  #rowOfLine(line: number): number {
    let row = this.#settled + line - 1
    for (const rejected of this.#options.rejections?.openRows ?? []) if (rejected <= row) row++
    return row
  }
}

/** A known key; a deadlock of lanes that insert the same keys; a key that may be too long, which a merge finds out; or a table with triggers (`refuseTriggers`). */
const mergedAfter: Parameters<typeof hasState>[1] = [
  'uniqueViolation',
  'deadlockDetected',
  'programLimitExceeded',
  'divisionByZero',
]

/** A row needs `_airbyte_meta`, but the table has no such column yet. */
class NeedsMeta extends Error {}
