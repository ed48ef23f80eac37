/** Which records the rows of a transaction came from. */
export class RowOrigins {
  #blocks: { readonly firstRow: number; readonly slice: string; readonly seq: number }[] = []

  /** The rows from this one on came from the records of the slice from `seq` on. */
  add(firstRow: number, { slice, seq }: { readonly slice: string; readonly seq: number }): void {
    this.#blocks.push({ firstRow, slice, seq })
  }

  recordOf(row: number): { readonly slice: string; readonly seq: number } {
    const block = this.#blocks.findLast(({ firstRow }) => firstRow <= row)
    return { slice: block?.slice ?? '', seq: (block?.seq ?? 0) + row - (block?.firstRow ?? 0) }
  }

  clear(): void {
    this.#blocks = []
  }
}
