import { typecastError } from '../load/avro-to-copy.ts'
import { quoteTable, type TableName } from '../tables/identifiers.ts'
import type { PostgresPlace } from '../postgres-place.ts'
import { DestinationSession } from '../session.ts'
import { metadataColumns, readTable } from '../tables/table-columns.ts'
import { quoteIdentifier, quoteLiteral } from '../../../postgres/quote.ts'
import { cell } from './compare-rows.ts'
import { hiddenText, type MetValues } from './hidden-values.ts'

/** For looking at a sandbox whose run has ended. No question takes longer than a minute. */
export async function openSandboxSession(place: PostgresPlace): Promise<DestinationSession> {
  const session = await DestinationSession.open(place)
  await session.run(`SET statement_timeout = '60s'; SET lock_timeout = '10s'`)
  return session
}

/**
 * Some rows, by column, as Postgres writes the values; without the metadata columns and those that are left
 * out. `met`: the values of production that are to be hidden.
 */
export async function sampleRows(
  session: DestinationSession,
  table: TableName,
  {
    limit,
    without,
    met,
  }: {
    readonly limit: number
    readonly without: ReadonlySet<string>
    readonly met: MetValues | undefined
  },
): Promise<Readonly<Record<string, string | null>>[]> {
  const metadata = new Set(metadataColumns('full').map(([name]) => name))
  const columns = [...((await readTable(session, table))?.keys() ?? [])]
  const names = columns.filter((name) => !metadata.has(name) && !without.has(name))
  if (names.length === 0) return []
  const cells = names.map((name, index) => `${shownCell(name, met)} AS c${index}`)
  const rows = await session.rows<Record<string, string | null>>(
    `SELECT ${cells.join(', ')} FROM (SELECT * FROM ${quoteTable(table)} LIMIT $1) s ${met?.join ?? ''}`,
    [limit],
  )
  return rows.map((row) =>
    Object.fromEntries(names.map((name, index) => [name, row[`c${index}`] ?? null])),
  )
}

function shownCell(name: string, met: MetValues | undefined): string {
  const value = cell('s', { name })
  const isMet = met?.isMet(name)
  if (isMet === undefined) return value
  const hidden = `s.${quoteIdentifier(name)} IS NOT NULL AND ${isMet}`
  return `CASE WHEN ${hidden} THEN ${quoteLiteral(hiddenText)} ELSE ${value} END`
}

/** Fields whose values the column could not hold, with how many rows. */
export async function countRefusedValues(
  session: DestinationSession,
  table: TableName,
): Promise<readonly { readonly field: string; readonly rows: number }[]> {
  const columns = await readTable(session, table)
  if (columns?.has('_airbyte_meta') !== true) return []
  const rows = await session.rows<{ field: string; rows: string }>(
    `SELECT change ->> 'field' AS field, count(*) AS rows
       FROM ${quoteTable(table)}, jsonb_array_elements(_airbyte_meta -> 'changes') AS change
      WHERE jsonb_typeof(_airbyte_meta -> 'changes') = 'array' AND change ->> 'reason' = $1
      GROUP BY 1 ORDER BY 1`,
    [typecastError.reason],
  )
  return rows.map(({ field, rows: count }) => ({ field, rows: Number(count) }))
}
