import type { ListedRows } from '../../protocol/comparison.ts'

/** How the rows of one key differ. */
export interface RowDifference {
  readonly id: string
  readonly key: readonly (string | null)[]
  readonly missing: number
  readonly extra: number
  readonly different: number
}

/**
 * The keys whose rows are not the same on both sides. Equal rows of a key are paired off, then the others as
 * different; the rest of one side is missing or extra. Without a key, a row is equal or it is missing.
 */
export function mergeRows(
  source: readonly ListedRows[],
  destination: readonly ListedRows[],
): readonly RowDifference[] {
  const keys = new Map<string, KeyRows>()
  for (const rows of source) addRows(keys, rows, 1)
  for (const rows of destination) addRows(keys, rows, -1)
  return [...keys.values()].flatMap(({ id, key, rows }) => {
    const surplus = [...rows.values()]
    const here = sum(surplus.filter((count) => count > 0))
    const there = sum(surplus.flatMap((count) => (count < 0 ? [-count] : [])))
    if (here === 0 && there === 0) return []
    const different = Math.min(here, there)
    return { id, key, missing: here - different, extra: there - different, different }
  })
}

interface KeyRows {
  readonly id: string
  readonly key: readonly (string | null)[]
  /** By the hash of the row: how many more the source has. */
  readonly rows: Map<string, number>
}

function addRows(
  keys: Map<string, KeyRows>,
  { id, key, row, count }: ListedRows,
  sign: 1 | -1,
): void {
  const name = key.length === 0 ? id : JSON.stringify(key)
  const known = keys.get(name) ?? { id, key, rows: new Map<string, number>() }
  keys.set(name, known)
  known.rows.set(row, (known.rows.get(row) ?? 0) + sign * count)
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}
