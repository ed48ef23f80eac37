import stringWidth from 'string-width'
import { plainText } from './plain-text.ts'

export type TableRow = readonly string[]

const gap = '  '
/** A narrower column is useless. */
const leastWidth = 8
/** Columns are left out until the others have at least this width. */
const usefulWidth = 12
/** The first column of a list is not cut below this. */
const nameWidth = 40

/** Ids, fingerprints, times and counts: a part of one says nothing, or something else. */
const indivisible =
  /^(?:[a-z]+_[0-9A-Z]{26}|[0-9a-f]{16}|\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ|never|[\d,]+)$/

export interface TableOptions {
  readonly header?: TableRow
  /** If it is given, columns are left out and the widest others are cut until a row fits. */
  readonly columns?: number | undefined
  /**
   * Headings of columns of a list that may be left out, the least important one first. Empty columns are left
   * out before them, and the first column, which names the row for other commands, is cut last.
   */
  readonly dispensable?: readonly string[] | undefined
}

/**
 * Lines with columns as wide as their widest cell. Cells may hold anything: control characters are taken out.
 */
export function table(
  rows: readonly TableRow[],
  { header, columns, dispensable }: TableOptions = {},
): string {
  const all = [...(header === undefined ? [] : [header]), ...rows].map((row) => row.map(plainText))
  const measured = measureColumns(all, {
    firstWidth: dispensable === undefined ? leastWidth : nameWidth,
    hasHeader: header !== undefined,
  })
  const shown = shownColumns(measured, orderOf(measured, { header, dispensable }), columns)
  const pick = <Item>(items: readonly Item[]): readonly Item[] =>
    items.filter((_, column) => shown.includes(column))
  const widths = fitWidths(pick(measured), columns)
  return all.map((row) => `${line(pick(row), widths)}\n`).join('')
}

interface Column {
  readonly width: number
  /** It is not cut below this. */
  readonly least: number
  /** Below its heading. */
  readonly isEmpty: boolean
}

function measureColumns(
  rows: readonly TableRow[],
  { firstWidth, hasHeader }: { readonly firstWidth: number; readonly hasHeader: boolean },
): readonly Column[] {
  const count = Math.max(0, ...rows.map(({ length }) => length))
  return Array.from({ length: count }, (_, column) => {
    const cells = rows.map((row) => row[column] ?? '')
    const width = Math.max(...cells.map((cell) => stringWidth(cell)))
    const values = hasHeader ? cells.slice(1) : cells
    const isWhole = values.every((cell) => cell === '' || indivisible.test(cell))
    const floor = column === 0 ? firstWidth : leastWidth
    return {
      width,
      least: isWhole ? width : Math.min(width, floor),
      isEmpty: hasHeader && values.every((cell) => cell === ''),
    }
  })
}

/** The columns that may go, first those that go first. */
function orderOf(
  columns: readonly Column[],
  {
    header,
    dispensable,
  }: {
    readonly header: TableRow | undefined
    readonly dispensable: readonly string[] | undefined
  },
): readonly number[] {
  if (dispensable === undefined) return []
  const empty = columns.flatMap(({ isEmpty }, column) => (isEmpty ? [column] : []))
  return [...empty, ...dispensable.map((heading) => header?.indexOf(heading) ?? -1)]
}

function shownColumns(
  columns: readonly Column[],
  order: readonly number[],
  room = Infinity,
): readonly number[] {
  const shown = new Set(columns.keys())
  const needed = (): number => {
    const widths = [...shown].map((column) => {
      const { width = 0, least = 0 } = columns[column] ?? {}
      return Math.max(least, Math.min(width, usefulWidth))
    })
    return sum(widths) + gap.length * (widths.length - 1)
  }
  for (const column of order) {
    if (needed() <= room) break
    if (shown.size > 1) shown.delete(column)
  }
  return [...shown]
}

/** The widest columns shrink, all to the same width. */
function fitWidths(columns: readonly Column[], total: number | undefined): readonly number[] {
  const widths = columns.map(({ width }) => width)
  if (total === undefined) return widths
  const room = total - gap.length * (widths.length - 1)
  let cap = Math.max(leastWidth, Math.min(room, Math.max(...widths)))
  const capped = (): readonly number[] =>
    columns.map(({ width, least }) => Math.max(least, Math.min(width, cap)))
  while (cap > leastWidth && sum(capped()) > room) cap -= 1
  return capped()
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

function line(row: TableRow, widths: readonly number[]): string {
  return row
    .map((cell, column) => padCell(cell, widths[column] ?? 0))
    .join(gap)
    .trimEnd()
}

function padCell(cell: string, width: number): string {
  const own = stringWidth(cell)
  if (own <= width) return cell + ' '.repeat(width - own)
  const shortened = cutTo(cell, width - 1)
  return `${shortened}…${' '.repeat(Math.max(0, width - 1 - stringWidth(shortened)))}`
}

const graphemes = new Intl.Segmenter()

/** As much of the text as fits, whole characters. */
export function cutTo(text: string, width: number): string {
  let result = ''
  let used = 0
  for (const { segment } of graphemes.segment(text)) {
    used += stringWidth(segment)
    if (used > width) break
    result += segment
  }
  return result
}
