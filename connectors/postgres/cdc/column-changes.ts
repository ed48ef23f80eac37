import type { TableColumn } from './table-identity.ts'

/** A column as a state has it: its number, type, modifier, and a checksum of its name. */
type SavedColumn = readonly [number: number, type: number, modifier: number, name: number]

/** FNV-1a. */
export function checksum(text: string): number {
  let sum = 0x811c9dc5
  for (const byte of Buffer.from(text)) sum = Math.imul(sum ^ byte, 0x01000193) >>> 0
  return sum
}

/** Types among which a change writes no other text: smallint, integer and bigint; text and varchar. */
const sameTexts: readonly ReadonlySet<number>[] = [new Set([20, 21, 23]), new Set([25, 1043])]

/**
 * Columns whose values in older rows are not in the log: those that were added with a default, or have got
 * another type or name. None for a state that does not say what its columns were.
 */
export function unloggedColumns(
  saved: readonly SavedColumn[] | undefined,
  columns: readonly TableColumn[],
): string[] {
  if (saved === undefined) return []
  const before = new Map(
    saved.map(([number, type, modifier, sum]) => [number, { type, modifier, sum }]),
  )
  return columns
    .filter(({ name, number, type, modifier, fills }) => {
      const known = before.get(number)
      if (known === undefined) return fills
      return known.sum !== checksum(name) || !hasSameTexts(known, { type, modifier })
    })
    .map(({ name }) => name)
}

interface ColumnType {
  readonly type: number
  readonly modifier: number
}

function hasSameTexts(before: ColumnType, now: ColumnType): boolean {
  if (before.type === now.type && before.modifier === now.modifier) return true
  return sameTexts.some((types) => types.has(before.type) && types.has(now.type))
}
