import type { SourceSession } from './session.ts'
import type { StreamSource } from './stream-source.ts'

interface ExplainedPlan {
  readonly 'Plan Rows': number
  readonly 'Plan Width': number
  /** In units of the planner: reading a page of a table in its order is 1. */
  readonly 'Total Cost': number
}

/** A row of `explainSql`. */
export interface Explained extends Record<string, unknown> {
  readonly 'QUERY PLAN': readonly { readonly Plan: ExplainedPlan }[]
}

/** Asks what the planner expects of a query. It runs on the role's search path. */
export function explainSql(select: string): string {
  return `EXPLAIN (FORMAT JSON) ${select}`
}

export function planOf(rows: readonly Explained[]): ExplainedPlan | undefined {
  return rows[0]?.['QUERY PLAN'][0]?.Plan
}

/** The planner's estimate for a query over the stream's table. */
export async function explain(
  session: SourceSession,
  source: Pick<StreamSource, 'name'>,
  select: string,
): Promise<ExplainedPlan | undefined> {
  return planOf(await session.userRows<Explained>(explainSql(select), { stream: source.name }))
}
