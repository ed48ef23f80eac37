import type { ConfiguredAirbyteStream, JsonValue } from '../../protocol/index.ts'
import type { PlannedSlice } from '../connector.ts'
import type { PostgresConfig } from './config.ts'
import { quoteIdentifier } from './identifiers.ts'
import { rangeBounds } from './range-bounds.ts'
import { rangesBetween } from './range-query.ts'
import type { Session } from './session.ts'
import { findSource, isAbsent, type StreamSource } from './stream-source.ts'

interface Estimate {
  readonly rows: number
  readonly bytes: number
}

/**
 * The slices of a stream: ranges of the key for a large table's full refresh, else one. A resumed plan is made from the
 * saved states alone, so that it has the same slices.
 */
export async function planStream(
  session: Session,
  config: PostgresConfig,
  request: {
    readonly stream: ConfiguredAirbyteStream
    readonly states: ReadonlyMap<string, JsonValue | null>
  },
): Promise<PlannedSlice[]> {
  const { stream, states } = request
  const source = await findSource(session, stream)
  if (states.size > 0) return [...states].map(([slice, state]) => ({ slice, state }))
  const estimate = await estimateOf(session, source)
  if (stream.sync_mode === 'incremental' || source.key.length === 0) {
    return [{ slice: '', state: null, estimate }]
  }
  const ranges = estimate.rows >= config.range_rows ? config.parallel : 1
  const bounds = await rangeBounds(session, source, { ranges, rows: estimate.rows })
  const states0 = rangesBetween(
    source.key.map(({ name }) => name),
    bounds,
  )
  const share = {
    rows: Math.round(estimate.rows / states0.length),
    bytes: Math.round(estimate.bytes / states0.length),
  }
  if (states0.length === 1) return states0.map((state) => ({ slice: '', state, estimate: share }))
  return states0.map((state, index) => ({ slice: `range-${index}`, state, estimate: share }))
}

/** What the planner expects: it knows the size of a table that was never analyzed, and views and partitions too. */
async function estimateOf(session: Session, source: StreamSource): Promise<Estimate> {
  const { oid, kind } = source.table
  if (kind === 'r' || kind === 'm') {
    const [size] = await session.rows<{ bytes: number }>(
      'SELECT pg_relation_size($1::int8::oid)::float8 AS bytes',
      [oid],
    )
    // The planner takes an empty table for ten pages.
    if (size?.bytes === 0) return { rows: 0, bytes: 0 }
  }
  const present = source.columns.filter((column) => !isAbsent(column))
  const columns = present.map(({ name }) => quoteIdentifier(name)).join(', ')
  const [explained] = await session.rows<{ 'QUERY PLAN': readonly ExplainedPlan[] }>(
    `EXPLAIN (FORMAT JSON) SELECT ${columns} FROM ${source.from}`,
    [],
    { stream: source.name },
  )
  const plan = explained?.['QUERY PLAN'][0]?.Plan
  const rows = plan?.['Plan Rows'] ?? 0
  return { rows, bytes: rows * (plan?.['Plan Width'] ?? 0) }
}

interface ExplainedPlan {
  readonly Plan: { readonly 'Plan Rows': number; readonly 'Plan Width': number }
}
