import type { Session } from '../session.ts'
import { changedSql, missingSql, type ComparedColumn, type Comparison } from './compare-rows.ts'

/** By column, as Postgres writes the value, cut at 200 characters; null is NULL. */
export type ShownRow = Readonly<Record<string, string | null>>

/** Some of the rows that a run would insert, change and delete. They are the customer's data. */
export interface RowExamples {
  readonly inserted: readonly ShownRow[]
  readonly changed: readonly ChangedRow[]
  /** Their keys; of a stream without a key the rows. */
  readonly deleted: readonly ShownRow[]
}

export interface ChangedRow {
  readonly key: ShownRow
  /** Only the columns that change. */
  readonly cells: readonly {
    readonly column: string
    readonly from: string | null
    readonly to: string | null
  }[]
}

export const noExamples: RowExamples = { inserted: [], changed: [], deleted: [] }

/** Of each kind. */
export const exampleRows = 5
/** A query selects at most 1,664 values. */
const maxColumns = 400

/** `met`: the rows before that have their keys after; `comparison.before`: all that may go. */
export async function rowExamples(
  session: Session,
  comparison: Comparison & { readonly met: string; readonly hasNullKeys: boolean },
  counts: {
    readonly insert: number
    readonly update: number
    /** Null: not known, so that none is shown. */
    readonly gone: number | null
  },
): Promise<RowExamples> {
  const { key } = comparison
  const columns = comparison.columns.slice(0, maxColumns)
  const met = { ...comparison, before: comparison.met }
  const identity = key ?? columns
  return {
    inserted: counts.insert > 0 ? await missing(session, met, { from: 'after', columns }) : [],
    changed:
      key !== undefined && counts.update > 0 ? await changed(session, met, { key, columns }) : [],
    deleted:
      counts.gone !== null && counts.gone > 0
        ? await missing(session, comparison, { from: 'before', columns: identity })
        : [],
  }
}

async function missing(
  session: Session,
  comparison: Comparison & { readonly hasNullKeys: boolean },
  {
    from,
    columns,
  }: { readonly from: 'after' | 'before'; readonly columns: readonly ComparedColumn[] },
): Promise<readonly ShownRow[]> {
  const rows = await session.rows<Record<string, string | null>>(
    missingSql(comparison, { from, columns, limit: exampleRows }),
  )
  return rows.map((row) => shown(columns, (index) => row[`c${index}`] ?? null))
}

async function changed(
  session: Session,
  comparison: Comparison,
  {
    key,
    columns,
  }: { readonly key: readonly ComparedColumn[]; readonly columns: readonly ComparedColumn[] },
): Promise<readonly ChangedRow[]> {
  const all = [...key, ...columns]
  const rows = await session.rows<Record<string, string | boolean | null>>(
    changedSql(comparison, key, { columns: all, limit: exampleRows }),
  )
  const text = (value: string | boolean | null | undefined): string | null =>
    typeof value === 'string' ? value : null
  return rows.map((row) => ({
    key: shown(key, (index) => text(row[`b${index}`])),
    cells: columns.flatMap(({ name }, index) => {
      const at = key.length + index
      if (row[`d${at}`] !== true) return []
      return [{ column: name, from: text(row[`b${at}`]), to: text(row[`a${at}`]) }]
    }),
  }))
}

function shown(
  columns: readonly ComparedColumn[],
  value: (index: number) => string | null,
): ShownRow {
  return Object.fromEntries(columns.map(({ name }, index) => [name, value(index)]))
}
