import type { SourceSession } from './session.ts'
import type { StreamSource } from './stream-source.ts'

interface ExplainedPlan {
  readonly 'Plan Rows': number
  readonly 'Plan Width': number
  /** In units of the planner: reading a page of a table in its order is 1. */
  readonly 'Total Cost': number
}

/** What the planner expects of a query over the stream's table. */
export async function explain(
  session: SourceSession,
  source: Pick<StreamSource, 'name'>,
  select: string,
): Promise<ExplainedPlan | undefined> {
  const [explained] = await session.userRows<{
    'QUERY PLAN': readonly { readonly Plan: ExplainedPlan }[]
  }>(`EXPLAIN (FORMAT JSON) ${select}`, [], { stream: source.name })
  return explained?.['QUERY PLAN'][0]?.Plan
}
