import { explain } from './explain.ts'
import { quoteIdentifier } from '../../postgres/quote.ts'
import type { SliceRead } from './slice-read.ts'
import type { SourceColumn } from './stream-source.ts'

/**
 * What the query may cost, as the planner sees it: about that of 10,000 pages (80 MB) of a table. With an index of the cursor it is a few
 * units, and without one too, unless most rows have no value, or the table is a view that is computed as a whole.
 */
const highestCost = 10_000

/** Whether any row has a cursor value, as the read sees them. False if that would take too long to find out. */
export async function holdsCursorValues(
  { session, source }: Pick<SliceRead, 'session' | 'source'>,
  { name }: Pick<SourceColumn, 'name'>,
): Promise<boolean> {
  const column = quoteIdentifier(name)
  const select = `SELECT FROM ${source.from} WHERE ${column} IS NOT NULL LIMIT 1`
  const plan = await explain(session, source, select)
  if (plan === undefined || plan['Total Cost'] > highestCost) return false
  const rows = await session.userRows(select, [], { stream: source.name })
  return rows.length > 0
}
