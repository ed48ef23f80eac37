import type { Logger } from 'pino'
import { ConnectError, streamIdOf } from '../../protocol/index.ts'
import type { ConfiguredAirbyteStream, JsonValue } from '../../protocol/index.ts'
import type { RecordRules } from '../../protocol/rules/record-rules.ts'
import type { PlannedSlice } from '../connector.ts'
import type { PostgresConfig } from './config.ts'
import { type Explained, explainSql, planOf } from './explain.ts'
import type { PlannedTables } from './planned-tables.ts'
import { quoteIdentifier } from '../../postgres/quote.ts'
import { pinPathLocally, useRolePath } from '../../postgres/search-path.ts'
import { rangeBounds } from './range-bounds.ts'
import { rangesBetween } from './range-query.ts'
import type { SourceSession } from './session.ts'
import { typesOf } from './read-full-refresh.ts'
import { findSource, isAbsent, whereClause, type StreamSource } from './stream-source.ts'

interface Estimate {
  readonly rows: number
  readonly bytes: number
}

/**
 * The slices of a stream: ranges of the key for a large table's full refresh, else one. A resumed plan is
 * made from the saved states alone, so that it has the same slices. To be run in a savepoint: its queries may
 * fail.
 */
export async function planStream(
  session: SourceSession,
  config: PostgresConfig,
  request: {
    readonly stream: ConfiguredAirbyteStream
    readonly states: ReadonlyMap<string, JsonValue | null>
    readonly tables: PlannedTables
    readonly rules: RecordRules | undefined
    readonly logger: Logger
  },
): Promise<PlannedSlice[]> {
  const { stream, states, tables, rules, logger } = request
  const table = await tables.find(streamIdOf(stream.stream))
  const source = await findSource(session, stream, { table, rules })
  if (states.size > 0) return [...states].map(([slice, state]) => ({ slice, state }))
  const isRanged = stream.sync_mode !== 'incremental' && source.key.length > 0
  const { estimate, bounds } = await measure(session, source, isRanged ? config : undefined).catch(
    (thrown: unknown): Measured => {
      const error = ConnectError.from(thrown)
      if (error.code === 'source_connection_lost') throw error
      // The read fails too, with the reason; or it waits, for a lock or a slow foreign server.
      logger.info({ stream: source.name, reason: error.message }, 'size of a stream is not known')
      return { estimate: undefined, bounds: [] }
    },
  )
  if (!isRanged) return [{ slice: '', state: null, ...(estimate && { estimate }) }]
  const states0 = rangesBetween(
    source.key.map(({ name }) => name),
    bounds,
  )
  const share = estimate && {
    rows: Math.round(estimate.rows / states0.length),
    bytes: Math.round(estimate.bytes / states0.length),
  }
  return states0.map((state, index) => ({
    slice: states0.length === 1 ? '' : `range-${index}`,
    state: { ...state, types: typesOf(source.key) },
    ...(share && { estimate: share }),
  }))
}

interface Measured {
  readonly estimate: Estimate | undefined
  /** Between which ranges of the key the stream is split. */
  readonly bounds: readonly string[][]
}

/**
 * Other streams wait for their plan meanwhile, so it does not wait for a locked table, or a foreign server
 * that does not respond.
 */
const shortTimeouts = `SELECT set_config('statement_timeout', '10s', true), set_config('lock_timeout', '1s', true)`

/** @param ranges how the stream may be split */
async function measure(
  session: SourceSession,
  source: StreamSource,
  ranges: Pick<PostgresConfig, 'range_rows' | 'parallel'> | undefined,
): Promise<Measured> {
  const estimate = await estimateOf(session, source)
  if (ranges === undefined || estimate.rows < ranges.range_rows) return { estimate, bounds: [] }
  const split = { ranges: ranges.parallel, rows: estimate.rows }
  return { estimate, bounds: await rangeBounds(session, source, split) }
}

/**
 * The planner's estimate: it also covers tables that were never analyzed, views and partitions. Its timeouts
 * hold on. One round trip.
 */
export async function estimateOf(session: SourceSession, source: StreamSource): Promise<Estimate> {
  const { oid, kind } = source.table
  const bytes = kind === 'r' || kind === 'm' ? `pg_relation_size(${oid}::oid)` : 'NULL'
  const present = source.columns.filter((column) => !isAbsent(column))
  const columns = present.map(({ name }) => quoteIdentifier(name)).join(', ')
  const [, size, , explained] = await session.results<Explained & { readonly bytes?: number }>(
    `${shortTimeouts}; SELECT ${bytes}::float8 AS bytes; ${useRolePath};
     ${explainSql(`SELECT ${columns} FROM ${source.from}${whereClause(source)}`)}; ${pinPathLocally}`,
    { stream: source.name },
  )
  // The planner assumes ten pages for an empty table.
  if (size?.rows[0]?.bytes === 0) return { rows: 0, bytes: 0 }
  const plan = planOf(explained?.rows ?? [])
  const rows = plan?.['Plan Rows'] ?? 0
  return { rows, bytes: rows * (plan?.['Plan Width'] ?? 0) }
}
