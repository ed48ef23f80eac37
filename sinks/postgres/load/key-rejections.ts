import type { RejectedRecord } from '../bookkeeping/checkpoint.ts'
import type { HeldType } from '../tables/column-types.ts'

interface KeyableColumn {
  /** The field. */
  readonly name: string
  readonly target: { readonly name: string; readonly held: HeldType } | undefined
}

/**
 * The records that a table with one row per key cannot store: those without a key, which cannot be
 * distinguished, and those with a key that its columns cannot hold. A NULL in one of several fields of a key
 * is a value like any other, as it is for the index of the key. What an open COPY passed over counts once
 * that has ended: rows of one that was refused are sent again.
 */
export class KeyRejections {
  readonly #key: readonly string[]
  readonly #mostNulls: number
  #columns: readonly KeyableColumn[] = []
  /** By wire column. */
  #isKey = new Uint8Array(0)
  #nulls = 0
  /** The column of deletes, if a record without a key may sweep (merge/sweep.ts); -1: none. */
  #deletedAt = -1
  readonly #sweepColumn: string | undefined
  /** The current record is not marked as deleted. */
  #isLive = false
  #hasSweeps = false
  #unfit: number | undefined
  #slice = ''
  #openRows: number[] = []
  #open: RejectedRecord[] = []
  #settled: RejectedRecord[] = []

  /**
   * `key`: its columns in the table. `mostNulls`: how many of them may be NULL; default: all but one.
   * `sweepColumn`: a record without a key that has a value there is a sweep.
   */
  constructor(
    key: readonly string[],
    {
      mostNulls = key.length - 1,
      sweepColumn,
    }: { readonly mostNulls?: number; readonly sweepColumn?: string } = {},
  ) {
    this.#key = key
    this.#mostNulls = mostNulls
    this.#sweepColumn = sweepColumn
  }

  /** Some record of the transaction was a sweep. */
  get hasSweeps(): boolean {
    return this.#hasSweeps
  }

  setColumns(columns: readonly KeyableColumn[]): void {
    this.#columns = columns
    this.#deletedAt = columns.findIndex(
      ({ target }) => target !== undefined && target.name === this.#sweepColumn,
    )
    this.#isKey = Uint8Array.from(columns, ({ target }) =>
      target !== undefined && this.#key.includes(target.name) ? 1 : 0,
    )
  }

  setSlice(slice: string): void {
    this.#slice = slice
  }

  /** The current record has NULL in this column, or does not have it … */
  noteNull(column: number): void {
    this.#nulls += this.#isKey[column] ?? 0
    if (column === this.#deletedAt) this.#isLive = true
  }

  /** … or has a value that the column cannot hold. */
  noteUnfit(column: number): void {
    if (this.#isKey[column] === 1) this.#unfit ??= column
  }

  /**
   * Why the current record is to be rejected; undefined for nearly every one. The next one is the current one
   * from here on.
   */
  takeReason(): string | undefined {
    const isLive = this.#isLive
    this.#isLive = false
    if (this.#nulls === 0 && this.#unfit === undefined) return undefined
    const isSweep = this.#isSweep(isLive)
    const hasKey = isSweep || this.#nulls <= this.#mostNulls
    this.#hasSweeps ||= isSweep
    const unfit = this.#unfit === undefined ? undefined : this.#columns[this.#unfit]
    this.#nulls = 0
    this.#unfit = undefined
    if (unfit !== undefined) {
      return `its primary key does not fit: column ${unfit.name} (${unfit.target?.held ?? ''}) cannot hold the value`
    }
    if (hasKey) return undefined
    return `it has no primary key: ${this.#key.join(' and ')} ${this.#key.length === 1 ? 'is' : 'are'} NULL or missing`
  }

  #isSweep(isLive: boolean): boolean {
    return this.#deletedAt >= 0 && !isLive && this.#nulls === this.#key.length
  }

  /** `row`: its number in the transaction. */
  add(
    row: number,
    {
      key,
      ...rejected
    }: Omit<RejectedRecord, 'slice' | 'key'> & { readonly key: string | undefined },
  ): void {
    this.#openRows.push(row)
    this.#open.push({ ...rejected, slice: this.#slice, ...(key !== undefined && { key }) })
  }

  /** Rows that the open COPY skipped. */
  get openRows(): readonly number[] {
    return this.#openRows
  }

  /** The COPY has ended. */
  settle(): void {
    for (const rejection of this.#open) this.#settled.push(rejection)
    this.drop()
  }

  /** The COPY was abandoned. */
  drop(): void {
    this.#open = []
    this.#openRows = []
  }

  /** Returns the records that were rejected since the last call. */
  take(): readonly RejectedRecord[] {
    const taken = this.#settled
    this.#settled = []
    return taken
  }

  /** The transaction has ended. */
  clear(): void {
    this.drop()
    this.#settled = []
    this.#hasSweeps = false
  }
}
