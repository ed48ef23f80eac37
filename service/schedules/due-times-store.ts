import type { Database, Row, Session } from '../platform/database/database.ts'
import { newId } from '../platform/database/ids.ts'
import type { Schedule } from '../platform/jobs/schedule.ts'
import type { DueTime, DueTimesStore, FireRequest, FiredTime, TimeDecision } from './contract.ts'

const connections = 'reactor_connect_service.connections'
const runs = 'reactor_connect_service.runs'
const watch = 'reactor_connect_service.schedule_watch'

interface DueRow extends Row {
  readonly id: string
  readonly name: string
  readonly schedule: Schedule | null
  readonly next_run_at: string
  readonly now_ms: number
}

interface FiredRow extends Row {
  readonly connection_id: string
  readonly run_id: string | null
}

interface Decided {
  readonly due: DueTime
  readonly decision: TimeDecision
  readonly runId: string
}

export class PostgresDueTimesStore implements DueTimesStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async look(lateMs: number): Promise<number> {
    // All due times before the end of a gap, less the tolerance, are missed: nobody looked for at least that
    // long after each of them.
    const [row] = await this.#database.query<{ missed_before_ms: number }>(
      `INSERT INTO ${watch} AS watch (missed_before) VALUES (now() - $1 * interval '1 ms')
       ON CONFLICT (is_only) DO UPDATE SET
         looked_at = greatest(watch.looked_at, now()),
         missed_before = CASE
           WHEN now() - watch.looked_at > $1 * interval '1 ms'
           THEN now() - $1 * interval '1 ms' ELSE watch.missed_before
         END
       RETURNING (extract(epoch FROM missed_before) * 1000)::float8 AS missed_before_ms`,
      [lateMs],
    )
    return row?.missed_before_ms ?? 0
  }

  async fire({ limit, only, decide }: FireRequest): Promise<readonly FiredTime[]> {
    return this.#database.transaction(async (session) => {
      const decided: Decided[] = []
      const others: FiredTime[] = []
      for (const due of await claim(session, limit, only)) {
        const decision = decide(due)
        if (decision === null) others.push({ due, outcome: 'left' })
        else decided.push({ due, decision, runId: newId('run') })
      }
      return [...others, ...(decided.length === 0 ? [] : await apply(session, decided))]
    })
  }
}

/**
 * The rows stay locked until the transaction ends: other schedulers pass over them, and take the next ones.
 * Runs of the connection can be created meanwhile (their foreign key needs a weaker lock).
 */
async function claim(
  session: Session,
  limit: number,
  only: readonly string[] | undefined,
): Promise<readonly DueTime[]> {
  const rows = await session.query<DueRow>(
    `SELECT id, name, schedule, next_run_at, (extract(epoch FROM now()) * 1000)::float8 AS now_ms
     FROM ${connections}
     WHERE status = 'active' AND next_run_at <= now()${only === undefined ? '' : ' AND id = ANY($2)'}
     ORDER BY next_run_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED`,
    only === undefined ? [limit] : [limit, only],
  )
  const targets = rows.length === 0 ? new Set<string>() : await sweptTargets(session)
  return rows.map(({ id, name, schedule, next_run_at: time, now_ms: nowMs }) => {
    return { id, name, schedule, time, nowMs, hasSweeps: targets.has(`stream:${name}/*`) }
  })
}

/** Targets whose receivers want events to take the place of scheduled runs. */
async function sweptTargets(session: Session): Promise<ReadonlySet<string>> {
  const rows = await session.query<{ target: string }>(
    `SELECT DISTINCT wanted->>'target' AS target
     FROM reactor_connect_service.receivers AS receiver,
       json_array_elements(receiver.dispatch) AS item (wanted)
     WHERE wanted->>'sweepEvery' IS NOT NULL`,
  )
  return new Set(rows.map(({ target }) => target))
}

/** One statement for the whole batch. */
async function apply(session: Session, decided: readonly Decided[]): Promise<readonly FiredTime[]> {
  const rows = await session.query<FiredRow>(
    `WITH decided AS (
       SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::boolean[])
         AS decided (connection_id, run_id, next, is_skipped)
     ), moved AS (
       UPDATE ${connections} AS connection SET
         next_run_at = decided.next,
         last_skipped_at = CASE
           WHEN decided.is_skipped THEN connection.next_run_at ELSE connection.last_skipped_at
         END
       FROM decided WHERE connection.id = decided.connection_id
     ), counted AS (
       UPDATE ${watch} SET skipped = skipped + $5 WHERE $5 > 0
     ), made AS (
       INSERT INTO ${runs} (id, connection_id, trigger)
       SELECT run_id, connection_id, 'schedule' FROM decided WHERE NOT is_skipped
       ON CONFLICT (connection_id) WHERE status IN ('queued', 'running') DO NOTHING
       RETURNING id, connection_id
     )
     SELECT decided.connection_id, made.id AS run_id
     FROM decided LEFT JOIN made ON made.id = decided.run_id`,
    [
      decided.map(({ due }) => due.id),
      decided.map(({ runId }) => runId),
      decided.map(({ decision }) => decision.next),
      decided.map(({ decision }) => decision.action === 'skip'),
      decided.filter(({ decision }) => decision.action === 'skip').length,
    ],
  )
  const runOf = new Map(rows.map((row) => [row.connection_id, row.run_id]))
  return decided.map(({ due, decision }): FiredTime => {
    if (decision.action === 'skip') return { due, outcome: 'skipped' }
    const run = runOf.get(due.id) ?? null
    return run === null ? { due, outcome: 'active' } : { due, outcome: 'queued', run }
  })
}
