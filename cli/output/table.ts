import stringWidth from 'string-width'
import { plainText } from './plain-text.ts'

export type TableRow = readonly string[]

const gap = '  '
/** A narrower column is useless. */
const leastWidth = 8

export interface TableOptions {
  readonly header?: TableRow
  /** If it is given, the widest columns are cut until a row fits. */
  readonly columns?: number | undefined
}

/** Lines with columns as wide as their widest cell. Cells may hold anything: control characters are taken out. */
export function table(rows: readonly TableRow[], { header, columns }: TableOptions = {}): string {
  const all = [...(header === undefined ? [] : [header]), ...rows].map((row) => row.map(plainText))
  const widths = fitWidths(columnWidths(all), columns)
  return all.map((row) => `${line(row, widths)}\n`).join('')
}

function columnWidths(rows: readonly TableRow[]): number[] {
  const widths: number[] = []
  for (const row of rows) {
    for (const [column, cell] of row.entries())
      widths[column] = Math.max(widths[column] ?? 0, stringWidth(cell))
  }
  return widths
}

/** The widest columns shrink, all to the same width. */
function fitWidths(widths: readonly number[], columns: number | undefined): readonly number[] {
  if (columns === undefined) return widths
  const room = columns - gap.length * (widths.length - 1)
  let cap = Math.max(leastWidth, Math.min(room, Math.max(...widths)))
  const capped = (): readonly number[] => widths.map((width) => Math.min(width, cap))
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
