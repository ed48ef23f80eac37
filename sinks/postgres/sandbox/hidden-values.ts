import { quoteIdentifier as quote } from '../../../postgres/quote.ts'
import { isSame } from '../merge/operators.ts'
import { quoteTable } from '../tables/identifiers.ts'
import type { DestinationSession } from '../session.ts'
import type { SandboxTable } from './prepare-sandbox.ts'
import { readCompared } from './production-columns.ts'

/** A value of production that the stream hides now, as a report shows it. */
export const hiddenText = '***'

/**
 * Whether values that production has in a column may be hidden now. Only a column that the stream loads as it
 * is, under its own name, holds nothing else.
 */
export function hiddenColumns({
  production: { sink, target },
}: Pick<SandboxTable, 'production'>): (column: string) => boolean {
  const { rules } = sink
  if (rules === undefined) return () => false
  const { masked, renamed = [] } = rules
  const plain = target.columns.filter(
    ({ field }) => !masked.includes(field) && !renamed.includes(field),
  )
  const names = new Set(plain.map(({ name }) => name))
  return (column) => !names.has(column)
}

/** Finds the values of production in rows `s` of the sandbox, by the rows `b` that its merges met. */
export interface MetValues {
  /** Joins `b`. */
  readonly join: string
  /** The condition for a hidden column; undefined for one that is not hidden. */
  readonly isMet: (column: string) => string | undefined
}

/** Undefined if no row of production is in the sandbox's table, or nothing is hidden. */
export async function metValues(
  session: DestinationSession,
  stream: SandboxTable,
): Promise<MetValues | undefined> {
  const { before, table, production } = stream
  const { target, sink } = production
  if (before === undefined || sink.rules === undefined) return undefined
  const isHidden = hiddenColumns(stream)
  const own = new Set(target.columns.map(({ name }) => name))
  const compared = await readCompared(session, table)
  const key = compared.filter(({ name }) => target.key?.includes(name))
  const isSameRow = key.map(({ name, operators }) =>
    isSame(`b.${quote(name)}`, `s.${quote(name)}`, operators),
  )
  return {
    join: `LEFT JOIN ${quoteTable(before)} b ON ${isSameRow.join(' AND ')}`,
    isMet: (column) => {
      if (!isHidden(column)) return undefined
      // A row that was not merged has its time, and a change may lack the column or have no value for it.
      const isOldRow = 'b._airbyte_extracted_at IS NOT DISTINCT FROM s._airbyte_extracted_at'
      const name = quote(column)
      const isOldValue = `b.${name}::pg_catalog.text = s.${name}::pg_catalog.text`
      return own.has(column) && !target.isCdc ? isOldRow : `(${isOldRow} OR ${isOldValue})`
    },
  }
}
