import { table, type TableRow } from './table.ts'

export interface ListedRows {
  readonly header: TableRow
  readonly rows: readonly TableRow[]
  readonly columns: number | undefined
  /** Headings of columns that may be left out, the least important one first. */
  readonly dispensable?: readonly string[]
  readonly empty: EmptyList
}

/** The text for an empty list. */
export interface EmptyList {
  /** The name of the items, in the plural: `runs`. */
  readonly what: string
  /** Why there may be none; default: there are none yet. */
  readonly because?: string
  /** The command that makes the first one. */
  readonly next: string
  /** The requested filters, by option; all undefined: none. */
  readonly filters?: Readonly<Record<string, string | undefined>>
  /** The command without the filters. */
  readonly all?: string
}

/** A table; headings alone would look like something that failed. */
export function listLines({ header, rows, columns, dispensable, empty }: ListedRows): string {
  return rows.length === 0 ? emptyLines(empty) : table(rows, { header, columns, dispensable })
}

function emptyLines({ what, because = 'yet', next, filters = {}, all }: EmptyList): string {
  const isFiltered = Object.values(filters).some((value) => value !== undefined)
  return isFiltered && all !== undefined
    ? `no ${what} match the options\nnext: ${all}\n`
    : `no ${what} ${because}\nnext: ${next}\n`
}

/** For a list that leaves out items that the caller may not read. */
export const yetOrHidden = 'yet, or none that you may see'
