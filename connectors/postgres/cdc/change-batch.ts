import { writeEscaped } from './copy-escape.ts'
import type { Lsn } from './lsn.ts'
import { type TupleFields, unchangedField } from './change-tuple.ts'

/** The place of a value of a line that no column of the table has. */
export const addedField = { lsn: -1, updatedAt: -2, deletedAt: -3, absent: -4 } as const

/** How the rows of a relation become the lines of its stream. */
export interface LineLayout {
  /** For each column of the stream: the index of its column in the relation, or an `addedField`. */
  readonly fields: readonly number[]
  /** The columns of the stream's key, by their indexes in the relation. */
  readonly key: readonly number[]
}

/** The part of a line that its transaction and its place in it decide. */
export interface LineStamp {
  readonly commitLsn: Lsn
  /** The commit's position and a point: the number of the change follows. */
  readonly lsnPrefix: Buffer
  readonly ordinal: number
  /** As COPY writes a timestamptz. */
  readonly committedAt: Buffer
  readonly isDelete: boolean
}

/** A line that lacks values: the columns stand as NULL in it. */
export interface PartialLine {
  readonly start: number
  readonly end: number
  /** The indexes of the stream's columns that were not changed. */
  readonly missing: readonly number[]
  /** The row has a new key: no row at the destination has the values that are missing. */
  readonly isMoved: boolean
}

const firstBytes = 16 * 1024
const ordinalDigits = 10
/** More than a position, a time and the bytes between two fields. */
const spareBytes = 64
const tab = 0x09
const newline = 0x0a
const backslash = 0x5c
const capitalN = 0x4e

/**
 * Changes of one stream as lines of COPY text, in order. Up to `committedLength` they are of whole
 * transactions, and `committed` is the position behind them.
 */
export class ChangeBatch {
  bytes: Buffer = Buffer.allocUnsafe(firstBytes)
  length = 0
  rows = 0
  readonly partials: PartialLine[] = []
  committedLength = 0
  committed: Lsn | undefined
  /** The transactions that end in the batch. */
  readonly xids: number[] = []

  /** Adds the row. Values that are unchanged are taken from `before`, if it has them. */
  add(
    tuple: TupleFields,
    layout: LineLayout,
    stamp: LineStamp,
    { before, isMoved = false }: { readonly before?: TupleFields; readonly isMoved?: boolean } = {},
  ): void {
    const start = this.length
    const { fields } = layout
    let missing: number[] | undefined
    for (let column = 0; column < fields.length; column++) {
      const field = fields[column] ?? addedField.absent
      this.#reserve(spareBytes)
      if (column > 0) this.bytes[this.length++] = tab
      const isPresent =
        field < 0 ? this.#addStamped(field, stamp) : this.#addValue(field, tuple, before)
      if (!isPresent) (missing ??= []).push(column)
    }
    this.bytes[this.length++] = newline
    this.rows += 1
    if (missing !== undefined) this.partials.push({ start, end: this.length, missing, isMoved })
  }

  /** False if the value is not known. */
  #addValue(field: number, tuple: TupleFields, before: TupleFields | undefined): boolean {
    const isUnchanged = tuple.lengthAt(field) === unchangedField
    const source = isUnchanged && before !== undefined ? before : tuple
    const length = source.lengthAt(field)
    if (length < 0) {
      this.#addNull()
      return length !== unchangedField
    }
    this.#reserve(2 * length + spareBytes)
    const start = source.starts[field] ?? 0
    const value = { bytes: source.bytes, start, end: start + length }
    this.length = writeEscaped(this.bytes, this.length, value)
    return true
  }

  /** The transaction of the last rows has ended. */
  commit(position: Lsn, xid: number): void {
    this.committedLength = this.length
    this.committed = position
    this.xids.push(xid)
  }

  #addStamped(field: number, { lsnPrefix, ordinal, committedAt, isDelete }: LineStamp): boolean {
    if (field === addedField.lsn) {
      this.length += lsnPrefix.copy(this.bytes, this.length)
      this.#addOrdinal(ordinal)
      return true
    }
    const hasTime = field === addedField.updatedAt || (field === addedField.deletedAt && isDelete)
    if (hasTime) this.length += committedAt.copy(this.bytes, this.length)
    else this.#addNull()
    return field !== addedField.absent || isDelete
  }

  #addOrdinal(ordinal: number): void {
    let rest = ordinal
    for (let digit = ordinalDigits - 1; digit >= 0; digit--) {
      this.bytes[this.length + digit] = 0x30 + (rest % 10)
      rest = Math.floor(rest / 10)
    }
    this.length += ordinalDigits
  }

  #addNull(): void {
    this.bytes[this.length++] = backslash
    this.bytes[this.length++] = capitalN
  }

  #reserve(count: number): void {
    const needed = this.length + count
    if (needed <= this.bytes.length) return
    const larger = Buffer.allocUnsafe(2 * needed)
    this.bytes.copy(larger, 0, 0, this.length)
    this.bytes = larger
  }
}
