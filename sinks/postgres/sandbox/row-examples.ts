import { z } from 'zod'
import type { ReadOnly } from '../../../lib/types/read-only.ts'
import type { DestinationSession } from '../session.ts'
import { changedSql, missingSql, type ComparedColumn, type Comparison } from './compare-rows.ts'
import { hiddenText } from './hidden-values.ts'

/** By column, as Postgres writes the value, cut at 200 characters; null is NULL. */
export const shownRow = z.record(z.string(), z.string().nullable())
export type ShownRow = Readonly<z.infer<typeof shownRow>>

/**
 * Some of the rows that a run would insert, change and delete. They are the customer's data. `deleted`: their
 * keys; of a stream without a key the rows. `cells`: only the columns that change.
 */
export const rowExamplesDocument = z.object({
  inserted: z.array(shownRow),
  changed: z.array(
    z.object({
      key: shownRow,
      cells: z.array(
        z.object({
          column: z.string(),
          from: z.string().nullable(),
          to: z.string().nullable(),
        }),
      ),
    }),
  ),
  deleted: z.array(shownRow),
})
export type RowExamples = ReadOnly<z.infer<typeof rowExamplesDocument>>
export type ChangedRow = RowExamples['changed'][number]

export const noExamples: RowExamples = { inserted: [], changed: [], deleted: [] }

/** The number of examples of each kind. */
export const exampleRows = 5
/** A query selects at most 1,664 values. */
const maxColumns = 400

/** `met`: the rows before that have their keys after; `comparison.before`: all that may go. */
export async function rowExamples(
  session: DestinationSession,
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

/**
 * Rows of production may have values that the stream now hides. The key of a changed row is the same in both
 * rows.
 */
export function hideExamples(
  { inserted, changed, deleted }: RowExamples,
  isHidden: (column: string) => boolean,
): RowExamples {
  const hide = (row: ShownRow): ShownRow =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [name, isHidden(name) ? hidden(value) : value]),
    )
  return {
    inserted,
    changed: changed.map(({ key, cells }) => ({
      key,
      cells: cells.map((cell) =>
        isHidden(cell.column) ? { ...cell, from: hidden(cell.from) } : cell,
      ),
    })),
    deleted: deleted.map(hide),
  }
}

function hidden(value: string | null): string | null {
  return value === null ? null : hiddenText
}

async function missing(
  session: DestinationSession,
  comparison: Comparison & { readonly hasNullKeys: boolean },
  {
    from,
    columns,
  }: { readonly from: 'after' | 'before'; readonly columns: readonly ComparedColumn[] },
): Promise<ShownRow[]> {
  const rows = await session.rows<Record<string, string | null>>(
    missingSql(comparison, { from, columns, limit: exampleRows }),
  )
  return rows.map((row) => shown(columns, (index) => row[`c${index}`] ?? null))
}

async function changed(
  session: DestinationSession,
  comparison: Comparison,
  {
    key,
    columns,
  }: { readonly key: readonly ComparedColumn[]; readonly columns: readonly ComparedColumn[] },
): Promise<ChangedRow[]> {
  const all = [...key, ...columns]
  const rows = await session.rows<Record<string, string | boolean | null>>(
    changedSql(comparison, key, { columns: all, limit: exampleRows }),
  )
  const text = (value: string | boolean | null | undefined): string | null =>
    typeof value === 'string' ? value : null
  return rows.map((row) => ({
    key: shown(key, (index) => text(row[`b${index}`])),
    cells: columns.flatMap(({ name }, index) => {
      const column = key.length + index
      if (row[`d${column}`] !== true) return []
      return [{ column: name, from: text(row[`b${column}`]), to: text(row[`a${column}`]) }]
    }),
  }))
}

function shown(
  columns: readonly ComparedColumn[],
  value: (index: number) => string | null,
): ShownRow {
  return Object.fromEntries(columns.map(({ name }, index) => [name, value(index)]))
}
