import type { ConnectError } from '../../../protocol/index.ts'
import { quoteIdentifier as quote } from '../../../postgres/quote.ts'
import { quoteTable, type TableName } from '../tables/identifiers.ts'
import type { DestinationSession } from '../session.ts'
import type { SandboxTable } from './prepare-sandbox.ts'
import type { ProductionColumn } from './production-columns.ts'

/** A rule that a run would break: a constraint, or a rule with an error of its own. */
export type Broken =
  | { readonly name: string; readonly sqlstate: string; readonly reason: string }
  | { readonly error: ConnectError; readonly reason: string }

/** A table whose rules are tried. */
export interface Trial {
  readonly session: DestinationSession
  readonly stream: SandboxTable
  readonly loaded: TableName
  readonly planned: ReadonlySet<string>
  readonly isComplete: boolean
  readonly found: { readonly broken: Broken[]; readonly warnings: string[] }
}

/** The rows as written, under the name that expressions of the table may use. */
export function written({ stream, loaded }: Trial): string {
  return `${quoteTable(loaded)} AS ${quote(stream.production.target.table.table)}`
}

export async function countMatching(
  { session }: Trial,
  from: string,
  what = 'count(*)',
): Promise<number> {
  const [row] = await session.rowsOfExpressions<{ rows: string | null }>(
    `SELECT ${what}::text AS rows FROM ${from}`,
  )
  return Number(row?.rows ?? 0)
}

/** A sandbox has no value for it, and a run will. */
export function isFilledUnseen({ fill }: ProductionColumn): boolean {
  return fill?.kind === 'generated' || fill?.kind === 'opaque' || fill?.kind === 'counter'
}

/** `1 row`, `2 rows` */
export function countedRows(count: number): string {
  return count === 1 ? '1 row' : `${count} rows`
}
