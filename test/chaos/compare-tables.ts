import type { ChaosTable } from './chaos-table.ts'
import { comparedText } from './chaos-table.ts'
import type { Row } from '../support/postgres.ts'

export interface Side {
  readonly query: (sql: string) => Promise<Row[]>
}

export interface Comparison {
  readonly source: Side
  readonly destination: Side
  readonly schema: string
}

/** Rows as texts, with how often each is there. */
export type Rows = ReadonlyMap<string, number>

export async function sourceRows(comparison: Comparison, table: ChaosTable): Promise<Rows> {
  return counted(
    await comparison.source.query(`SELECT ${comparedText(table)} AS row FROM ${table.name}`),
  )
}

/** An empty map for a table that is not there. */
export async function destinationRows(comparison: Comparison, table: ChaosTable): Promise<Rows> {
  const name = `${comparison.schema}.${table.name}`
  const [found] = await comparison.destination.query(
    `SELECT to_regclass('${name}') IS NOT NULL AS there`,
  )
  if (found?.there !== true) return new Map()
  return counted(
    await comparison.destination.query(`SELECT ${comparedText(table)} AS row FROM ${name}`),
  )
}

/**
 * Returns the difference between the table and what it should hold after a run that reports that it is
 * complete; undefined if there is none.
 */
export async function differenceOf(
  comparison: Comparison,
  table: ChaosTable,
  known: {
    /** Rows that the destination held before the runs since the last comparison. */
    readonly before: Rows
    /** Runs of the engine since then. */
    readonly runs: number
  },
): Promise<string | undefined> {
  const source = await sourceRows(comparison, table)
  const destination = await destinationRows(comparison, table)
  const { sync_mode, destination_sync_mode } = table.mode
  if (destination_sync_mode === 'overwrite' || destination_sync_mode === 'overwrite_dedup') {
    return differentRows(source, destination)
  }
  if (destination_sync_mode === 'append_dedup') {
    return differentRows(source, await liveRows(comparison, { table, destination }))
  }
  if (sync_mode === 'incremental') return appendedOnce(source, destination)
  return appendedWhole(source, { destination, ...known })
}

/** Deletes at the source are not seen: rows of the destination whose id is gone are left out. */
async function liveRows(
  comparison: Comparison,
  { table, destination }: { readonly table: ChaosTable; readonly destination: Rows },
): Promise<Rows> {
  const ids = new Set(
    (await comparison.source.query(`SELECT id::text FROM ${table.name}`)).map(({ id }) => id),
  )
  return new Map([...destination].filter(([row]) => ids.has(row.slice(0, row.indexOf('/')))))
}

/** Every version that the source has now is there, and no version is there twice. */
function appendedOnce(source: Rows, destination: Rows): string | undefined {
  const lost = [...source.keys()].filter((row) => !destination.has(row))
  const doubled = [...destination].filter(([row, times]) => times > (source.get(row) ?? 1))
  return report({ lost, doubled: doubled.map(([row]) => row) })
}

/** The rows were appended as a whole, once for each run that was complete, at least once. */
function appendedWhole(
  source: Rows,
  known: { readonly destination: Rows; readonly before: Rows; readonly runs: number },
): string | undefined {
  const added = new Map(
    [...known.destination]
      .map(([row, times]) => [row, times - (known.before.get(row) ?? 0)] as const)
      .filter(([, times]) => times !== 0),
  )
  for (let times = 1; times <= known.runs; times++) {
    const expected = new Map([...source].map(([row, count]) => [row, count * times]))
    if (differentRows(expected, added) === undefined) return undefined
  }
  return differentRows(source, added) ?? 'nothing was appended'
}

function differentRows(expected: Rows, actual: Rows): string | undefined {
  return report({
    lost: [...expected]
      .filter(([row, times]) => (actual.get(row) ?? 0) < times)
      .map(([row]) => row),
    doubled: [...actual]
      .filter(([row, times]) => (expected.get(row) ?? 0) < times)
      .map(([row]) => row),
  })
}

/** `doubled`: there too often, or there and not expected, such as an older version. */
function report(found: {
  readonly lost: readonly string[]
  readonly doubled: readonly string[]
}): string | undefined {
  if (found.lost.length === 0 && found.doubled.length === 0) return undefined
  const some = (rows: readonly string[]): string =>
    `${String(rows.length)} rows${rows.length > 0 ? `, such as ${rows.slice(0, 3).join(' and ')}` : ''}`
  return `missing: ${some(found.lost)}; too many, or old: ${some(found.doubled)}`
}

function counted(rows: readonly Row[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { row } of rows) counts.set(String(row), (counts.get(String(row)) ?? 0) + 1)
  return counts
}
