import { hasState } from '../../../postgres/sqlstate.ts'
import { DatabaseError } from 'pg'
import { ConnectError } from '../../../protocol/index.ts'
import type { RecordBlock } from '../../sink.ts'
import { CopyTranscoder } from './avro-to-copy.ts'
import type { CopyColumn } from './copy-format.ts'
import { takesBinary } from './binary-columns.ts'
import { binaryHeader, binaryTrailer } from './binary-fields.ts'
import type { BlockWriter, CopyFormat, RowFacts, RowNeed, RowTailOptions } from './copy-format.ts'
import type { CopyIn } from './copy-in.ts'
import type { CopyLoadOptions, CopyPlace } from './copy-load-options.ts'
import { ByteOutput } from '../../wire/byte-output.ts'
import { quoteIdentifier } from '../../../postgres/quote.ts'
import { KeptBlocks, type KeptBlock } from './kept-blocks.ts'
import { LoadLosses } from './load-losses.ts'
import { refusedValue } from './refused-cell.ts'
import { requireRows } from '../tables/row-account.ts'
import { RowOrigins } from './row-origins.ts'
import { RowsTranscoder } from './rows-to-copy.ts'
import { SeenFacts } from './seen-facts.ts'

/**
 * A chunk leaves for the server at this size: more than a socket buffers, so that its bytes are free once it
 * was written.
 */
const CHUNK_BYTES = 128 * 1024
/** The initial buffer of a lane: most streams of a run with thousands of streams need no more. */
const FIRST_BYTES = 16 * 1024

/**
 * Loads blocks by COPY, inside of the session's transaction, which it begins. Each COPY runs under a
 * savepoint. If the server refuses a value that it reads (SQLSTATE class 22), its context names line and
 * column: the cell becomes NULL with a note, the rows up to it are sent again as a COPY of their own, and the
 * rest after it. So every refusal makes progress, at the price of two more COPYs, however many there are;
 * blocks are kept until `flush` for this.
 */
export class CopyLoad {
  /** The losses in the rows of the open transaction whose COPY has ended. */
  readonly losses = new LoadLosses()
  readonly #options: CopyLoadOptions
  /** The facts about the columns of the blocks, in the open transaction. */
  #seen = new SeenFacts(0)
  readonly #output = new ByteOutput(Buffer.allocUnsafeSlow(FIRST_BYTES))
  #spare: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES)
  #columns: readonly CopyColumn[] = []
  #place: CopyPlace
  #tail: RowTailOptions
  #transcoder: CopyTranscoder
  /** The transcoder for blocks of binary COPY; undefined if the table gets text. */
  #rowsTranscoder: RowsTranscoder | undefined
  #format: CopyFormat = 'text'
  /**
   * A row that only text can represent: more of them may come, so what is written until the next flush is
   * text.
   */
  #needsText = false
  readonly #blocks = new KeptBlocks()
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
  readonly #origins = new RowOrigins()

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
    this.setTail(tail)
  }

  /** The same columns with another tail, or in another format. */
  setTail(tail: RowTailOptions): void {
    this.#tail = tail
    const isBinary = !this.#needsText && takesBinary(this.#columns, this.#options.types)
    this.#format = isBinary ? 'binary' : 'text'
    this.#transcoder = this.#newTranscoder()
    this.#rowsTranscoder = isBinary
      ? new RowsTranscoder(this.#output, this.#columns, this.#rowFacts())
      : undefined
  }

  #newTranscoder(): CopyTranscoder {
    const { keyFields } = this.#options
    const { losses } = this
    return new CopyTranscoder(this.#output, this.#columns, {
      ...this.#rowFacts(),
      format: this.#format,
      losses,
      keyFields,
    })
  }

  #rowFacts(): RowFacts {
    const { rejections } = this.#options
    return { tail: this.#tail, seen: this.#seen, ...(rejections && { rejections }) }
  }

  /** The facts about the rows that were written in this transaction since the last `setColumns`. */
  get seen(): SeenFacts {
    return this.#seen
  }

  get keptBytes(): number {
    return this.#blocks.bytes
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
    return this.#origins.recordOf(row)
  }

  async write(block: RecordBlock): Promise<void> {
    this.#blocks.add({ block, firstRow: this.#rows })
    if (this.#options.rejections) this.#origins.add(this.#rows, block)
    this.#rows += block.count
    await this.#untilSent('goes on')
  }

  /** Ends the COPY: everything given is in the transaction, and its blocks are free. */
  async flush(): Promise<void> {
    if (this.#copy !== undefined || this.#sent < this.#rows) await this.#untilSent('ends')
    this.#blocks.clear()
    this.#transcoder.refused.clear()
    if (!this.#needsText) return
    this.#needsText = false
    this.setTail(this.#tail)
  }

  /** Begins the transaction if no COPY did. */
  async begin(): Promise<void> {
    if (this.#begun) return
    this.#begun = true
    await this.#options.session.begin()
  }

  /**
   * Abandons an open COPY, and the transaction if there is one: the server would warn of a rollback without.
   */
  async rollback(): Promise<void> {
    const { session } = this.#options
    const copy = this.#copy
    this.#copy = undefined
    if (copy !== undefined && !session.isLost) await copy.abort()
    if (this.#begun) await session.rollback()
  }

  /** The transaction has ended: the next row is the first. */
  restart(): void {
    this.#blocks.clear()
    this.#rows = this.#sent = this.#settled = 0
    this.#endsAt = undefined
    this.#begun = this.#hasSavepoint = this.#hasStaged = false
    this.#stagedRows = 0
    this.#origins.clear()
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
      const kept = this.#blocks.at(this.#sent)
      if (kept === undefined) return
      const outcome = await this.#sendBlock(kept)
      if (outcome === 'needs text') await this.#useText()
      if (outcome === 'needs records') this.#blocks.encode(kept, this.#columns)
      if (this.#sent !== this.#endsAt) continue
      await this.#endCopy()
      this.#endsAt = undefined
    }
  }

  /**
   * Undefined: the block is to be encoded before. A cell that was refused is only known by the number of its
   * row in records.
   */
  #writerOf({ copy }: RecordBlock): BlockWriter | undefined {
    if (copy === undefined) return this.#transcoder
    const rows = this.#transcoder.refused.size === 0 ? this.#rowsTranscoder : undefined
    return rows?.takes(copy) === true ? rows : undefined
  }

  async #sendBlock({ block, firstRow }: KeptBlock): Promise<'sent' | RowNeed> {
    const transcoder = this.#writerOf(block)
    if (transcoder === undefined) return 'needs records'
    transcoder.open(block, firstRow)
    transcoder.skip(this.#sent - firstRow)
    const until = Math.min(firstRow + block.count, this.#endsAt ?? Infinity)
    const copy = this.#openCopy()
    for (;;) {
      const outcome = transcoder.pump(CHUNK_BYTES, until)
      if (outcome === 'done') break
      if (outcome === 'full') await this.#ship(copy)
      else if (outcome === 'needs meta') throw new NeedsMeta()
      else {
        this.#sent = transcoder.lastRow
        return outcome
      }
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
    // One round trip; the server responds when it is ready for the rows.
    this.#copy = session.copyIn(
      `${begin}${release}SAVEPOINT load${condition}`,
      `COPY ${table} (${columns}) FROM STDIN (FORMAT ${this.#format})`,
    )
    if (this.#format === 'binary') this.#output.append(binaryHeader)
    return this.#copy
  }

  /** Sends the output while the next chunk is written to the other buffer. */
  async #ship(copy: CopyIn): Promise<void> {
    await this.#untilShipped()
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

  async #untilShipped(): Promise<void> {
    const failure = await this.#inFlight
    this.#inFlight = Promise.resolve(undefined)
    if (failure !== undefined) throw failure
  }

  async #endCopy(): Promise<void> {
    const copy = this.#copy
    if (copy === undefined) return
    if (this.#format === 'binary') this.#output.append(binaryTrailer)
    if (this.#output.offset > 0) await this.#ship(copy)
    await this.#untilShipped()
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
    // Whatever the server did not throw has left its COPY open: it would wait for rows, and everything after
    // it for that.
    if (!(thrown instanceof DatabaseError) && !session.isLost) await this.#copy?.abort()
    this.#copy = undefined
    this.#inFlight = Promise.resolve(undefined)
    this.#output.offset = 0
    this.losses.drop()
    const staged = !this.isStaged && hasState(thrown, mergedAfter) ? whenMerged : undefined
    const isRefusal = !needsMeta && staged === undefined
    if (isRefusal) this.#refuse(thrown)
    this.#options.rejections?.drop()
    await session.rollbackTo('load')
    if (isRefusal) await this.#options.requireUnchanged()
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

  /** Starts again with another tail or format. Values that were refused before stay refused. */
  #startAgain(tail: RowTailOptions): void {
    const { refused } = this.#transcoder
    this.setTail(tail)
    for (const [row, columns] of refused) this.#transcoder.refused.set(row, columns)
  }

  #refuse(thrown: unknown): void {
    const { session, stream } = this.#options
    const { table: relation } = this.#place.name
    const names = this.#columns.map(({ target }) => target?.name)
    const refused = refusedValue(thrown, relation, names)
    if (refused === undefined) throw session.error(thrown)
    const { cell, sqlstate } = refused
    const row = this.#rowOfLine(cell?.line ?? 0)
    const before = this.#transcoder.refused.get(row) ?? new Set()
    if (cell === undefined || before.has(cell.column)) {
      const details = { stream, table: relation, sqlstate }
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

/**
 * A known key; a deadlock of lanes that insert the same keys; a key that may be too long, which a merge finds
 * out; or a table with triggers (`refuseTriggers`).
 */
const mergedAfter: Parameters<typeof hasState>[1] = [
  'uniqueViolation',
  'deadlockDetected',
  'programLimitExceeded',
  'divisionByZero',
]

/** A row needs `_airbyte_meta`, but the table has no such column yet. */
class NeedsMeta extends Error {}
