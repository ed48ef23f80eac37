import { quoteIdentifier } from '../../../postgres/quote.ts'
import { quoteTable, type TableName } from '../tables/identifiers.ts'
import type { DestinationSession } from '../session.ts'
import { metadataColumns } from '../tables/table-columns.ts'
import { fateSql, type ComparedColumn, type Comparison } from './compare-rows.ts'
import type { SandboxTable } from './prepare-sandbox.ts'
import type { ProductionColumn } from './production-columns.ts'

/** Values of a column, counted by rows. */
export interface ColumnRows {
  readonly column: string
  readonly rows: number
}

/** Columns of the table that the stream has not. */
export function streamColumns({
  columns,
  target,
}: SandboxTable['production']): readonly ProductionColumn[] {
  const metadata = new Set(metadataColumns('full').map(([name]) => name))
  return columns.filter(
    ({ name }) => !metadata.has(name) && !target.columns.some((column) => column.name === name),
  )
}

export async function countNulled(
  session: DestinationSession,
  { production }: SandboxTable,
  {
    met,
    columns,
    isComplete,
    updates,
  }: {
    readonly met: Comparison
    readonly columns: readonly ComparedColumn[]
    readonly isComplete: boolean
    readonly updates: number
  },
): Promise<readonly ColumnRows[]> {
  if (met.key !== undefined)
    return countFates(session, met, {
      fate: updates > 0 ? 'nulled' : 'none',
      names: columns.map(({ name }) => name),
    })
  if (!isComplete) return []
  const empty = streamColumns(production).filter(({ fill }) => fill === undefined)
  return countIn(
    session,
    production.target.table,
    empty.map(({ name }) => [name, `${quoteIdentifier(name)} IS NOT NULL`]),
  )
}

/**
 * Values of columns that fill themselves: an overwrite leaves none of them. Of a column that is foreseen
 * those that differ.
 */
export async function countReset(
  session: DestinationSession,
  { production }: SandboxTable,
  met: Comparison,
): Promise<readonly ColumnRows[]> {
  const filled = streamColumns(production).flatMap(({ name, type, fill }) =>
    fill === undefined || fill.kind === 'generated' ? [] : [{ name, type, fill }],
  )
  const isConstant = ({ fill }: (typeof filled)[number]): boolean => fill.kind === 'constant'
  if (met.key !== undefined) {
    const names = (constant: boolean): string[] =>
      filled.filter((column) => isConstant(column) === constant).map(({ name }) => name)
    return [
      ...(await countFates(session, met, { fate: 'replaced', names: names(true) })),
      ...(await countFates(session, met, { fate: 'present', names: names(false) })),
    ]
  }
  return countIn(
    session,
    production.target.table,
    filled.map(({ name, type, fill }) => {
      const column = quoteIdentifier(name)
      const differs = `${column}::text IS DISTINCT FROM (${fill.expression})::${type}::text`
      return [name, `${column} IS NOT NULL${fill.kind === 'constant' ? ` AND ${differs}` : ''}`]
    }),
  )
}

/** Values that meet a fate, by column; without the columns that have none. */
export async function countFates(
  session: DestinationSession,
  comparison: Comparison,
  {
    fate,
    names,
  }: {
    readonly fate: 'nulled' | 'replaced' | 'present' | 'none'
    readonly names: readonly string[]
  },
): Promise<readonly ColumnRows[]> {
  const { key } = comparison
  if (fate === 'none' || names.length === 0 || key === undefined) return []
  const [row] = await session.rows<Record<string, string>>(
    fateSql(comparison, key, { fate, columns: names }),
  )
  return counted(names, row)
}

/** Rows of a table that meet a condition, by column; without the columns that have none. */
async function countIn(
  session: DestinationSession,
  table: TableName,
  conditions: readonly (readonly [column: string, condition: string])[],
): Promise<readonly ColumnRows[]> {
  if (conditions.length === 0) return []
  const counts = conditions.map(
    ([, condition], index) => `count(*) FILTER (WHERE ${condition})::text AS c${index}`,
  )
  const [row] = await session.rows<Record<string, string>>(
    `SELECT ${counts.join(', ')} FROM ${quoteTable(table)}`,
  )
  return counted(
    conditions.map(([column]) => column),
    row,
  )
}

function counted(
  names: readonly string[],
  row: Record<string, string> | undefined,
): readonly ColumnRows[] {
  return names
    .map((column, index) => ({ column, rows: Number(row?.[`c${index}`]) }))
    .filter(({ rows }) => rows > 0)
}
