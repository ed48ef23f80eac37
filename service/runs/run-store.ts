import { ConnectError } from '../../protocol/index.ts'
import type { Page, PageRequest } from '../platform/lists.ts'
import type { Run, RunLogLine, RunStatus, RunSummary } from './schema.ts'
import { asOnlyActiveRun } from './active-run.ts'
import { violatedConstraint, type Database, type Row } from '../platform/database/database.ts'
import type { ChangeListener } from '../platform/database/change-listener.ts'
import { newId } from '../platform/database/ids.ts'
import { pageOf, pagePlace } from '../platform/database/page.ts'
import {
  claimedRunOf,
  logColumns,
  logLineOf,
  runOf,
  runSummaryOf,
  selectRuns,
  summaryColumns,
  type RunRow,
} from './run-rows.ts'
import { appendLines, type LogBatch } from './run-log-store.ts'
import { changeRun, notify, runChannel } from './run-changes.ts'
import { Conditions, plainJson } from '../platform/database/statement.ts'
import type {
  ClaimedRun,
  JobStart,
  NewLogLine,
  NewRun,
  NextAttempt,
  RunOutcome,
  RunStore,
} from './contract.ts'
import type { ScheduleJob } from '../platform/jobs/jobs.ts'

const table = 'reactor_connect_service.runs'

interface RunKey extends Row {
  readonly id: string
}

interface NoRow extends Row {
  readonly id: null
}

interface RunsOptions {
  readonly database: Database
  readonly listener: ChangeListener
  readonly logLinesPerRun: number
}

export class PostgresRunStore implements RunStore {
  readonly #database: Database
  readonly #listener: ChangeListener
  readonly #logLinesPerRun: number

  constructor({ database, listener, logLinesPerRun }: RunsOptions) {
    this.#database = database
    this.#listener = listener
    this.#logLinesPerRun = logLinesPerRun
  }

  async create({ connection, trigger, retryOf }: NewRun): Promise<Run> {
    const insert = async (): Promise<readonly RunRow[]> =>
      this.#database.query<RunRow>(
        `WITH retried AS (
           SELECT FROM ${table} WHERE id = $4 FOR KEY SHARE
         ), made AS (
           INSERT INTO ${table} (id, connection_id, trigger, retry_of)
           SELECT $1, id, $3, $4 FROM reactor_connect_service.connections
           WHERE name = $2 AND status <> 'inactive'
             AND ($4::text IS NULL OR EXISTS (SELECT FROM retried))
           RETURNING *
         ) ${selectRuns('made')}`,
        [newId('run'), connection, trigger, retryOf],
      )
    const [row] = await asOnlyActiveRun(this.#database, connection, insert).catch(
      (error: unknown) => {
        throw violatedConstraint(error) === 'runs_connection' ? noConnection(connection) : error
      },
    )
    if (row === undefined) {
      await this.#checkConnection(connection)
      if (retryOf !== undefined) await this.get(connection, retryOf)
      throw new ConnectError('connection_inactive', { details: { connection } })
    }
    return runOf(row)
  }

  async createForJob({ connectionId, job }: ScheduleJob): Promise<JobStart> {
    // The id of the run identifies the job: if two processes have the same job, the second waits here for the
    // first.
    const [row] = await this.#database
      .query<(RunRow | NoRow) & { readonly is_known: boolean; readonly is_due: boolean }>(
        `WITH asked AS (
           SELECT id, status = 'active' AND schedule IS NOT NULL AS is_due
           FROM reactor_connect_service.connections WHERE id = $2
         ), seen AS (
           INSERT INTO reactor_connect_service.schedule_jobs (connection_id, job, run_id)
           SELECT id, $3, $1 FROM asked
           ON CONFLICT (connection_id, job) DO UPDATE SET seen_at = now()
           RETURNING run_id <> $1 AS is_known
         ), made AS (
           INSERT INTO ${table} (id, connection_id, trigger)
           SELECT $1, id, 'jobs' FROM asked, seen WHERE is_due AND NOT is_known
           ON CONFLICT (connection_id) WHERE status IN ('queued', 'running') DO NOTHING
           RETURNING *
         )
         SELECT seen.is_known, asked.is_due, run.*
         FROM asked CROSS JOIN seen LEFT JOIN (${selectRuns('made')}) AS run ON true`,
        [newId('run'), connectionId, job],
      )
      .catch((error: unknown) => {
        const constraint = violatedConstraint(error)
        // It was deleted at this moment.
        if (constraint === 'schedule_jobs_connection' || constraint === 'runs_connection') return []
        throw error
      })
    if (row === undefined) return { state: 'idle' }
    if (row.is_known) return { state: 'known' }
    if (row.id !== null) return { state: 'queued', run: runOf(row) }
    return { state: row.is_due ? 'active' : 'idle' }
  }

  async get(connection: string, id: string): Promise<Run> {
    const [row] = await this.#database.query<RunRow>(
      `${selectRuns()} WHERE run.id = $1 AND connection.name = $2`,
      [id, connection],
    )
    if (row === undefined)
      throw new ConnectError('run_not_found', { details: { connection, run: id } })
    return runOf(row)
  }

  async find(id: string): Promise<Run> {
    const run = await this.#findIfThere(id)
    if (run === null) throw new ConnectError('run_not_found', { details: { run: id } })
    return run
  }

  async list(
    connection: string,
    request: PageRequest & { readonly status?: RunStatus },
  ): Promise<Page<RunSummary>> {
    const place = pagePlace('runs', request)
    const { and, values } = new Conditions()
      .add(
        'run.connection_id = (SELECT id FROM reactor_connect_service.connections WHERE name =',
        connection,
        ')',
      )
      .add('run.status =', request.status)
      .add('run.id <', place.after)
    const rows = await this.#database.query<RunKey>(
      `SELECT ${summaryColumns} FROM ${table} AS run WHERE true${and}
       ORDER BY run.id DESC LIMIT ${String(place.limit + 1)}`,
      values,
    )
    if (rows.length === 0) await this.#checkConnection(connection)
    return pageOf(rows, place, {
      list: 'runs',
      key: (row) => row.id,
      item: (row) => runSummaryOf(row, connection),
    })
  }

  async claim(id: string, owner: string, staleMs: number): Promise<ClaimedRun | null> {
    // If the process of an attempt died, nobody reported whether it moved a checkpoint: its loaded rows show
    // it.
    const [row] = await this.#database.query<RunRow>(
      `WITH claimed AS (
         UPDATE ${table} SET
           status = 'running', owner = $2, beat_at = now(),
           started_at = coalesce(started_at, now()),
           attempts = attempts + 1, loaded_at_claim = loaded,
           fruitless_attempts = CASE
             WHEN status = 'queued' THEN fruitless_attempts
             WHEN loaded > loaded_at_claim THEN 0
             ELSE fruitless_attempts + 1
           END
         WHERE id = $1 AND (
           status = 'queued' OR status = 'running' AND beat_at <= now() - $3 * interval '1 ms'
         ) RETURNING *, ${notify('id')}
       ) ${selectRuns('claimed')}`,
      [id, owner, staleMs],
    )
    return row === undefined ? null : claimedRunOf(row)
  }

  async progress(
    id: string,
    owner: string,
    streams: Run['streams'],
  ): Promise<'continue' | 'cancel' | 'lost'> {
    const changed = await changeRun(this.#database, { id, owner, streams, set: 'beat_at = now()' })
    if (changed === null) return 'lost'
    return changed.cancelRequested ? 'cancel' : 'continue'
  }

  async end(id: string, owner: string, outcome: RunOutcome): Promise<Run | null> {
    const { status, streams, warnings, error } = outcome
    const set = 'status = $5, error = $6, warnings = $7, ended_at = now()'
    const values = [status, error && JSON.stringify(error), plainJson(warnings)]
    const changed = await changeRun(this.#database, { id, owner, streams, set, values })
    return changed && this.#findIfThere(id)
  }

  async requeue(id: string, owner: string, again: NextAttempt): Promise<Run | null> {
    const { streams, warnings, error, progressed, delayMs } = again
    const set = `
      status = CASE WHEN run.cancel_requested THEN 'cancelled' ELSE 'queued' END,
      ended_at = CASE WHEN run.cancel_requested THEN now() END,
      error = $5, due_at = now() + $6 * interval '1 ms',
      fruitless_attempts = CASE WHEN $7 THEN 0 ELSE fruitless_attempts + 1 END,
      warnings = $8`
    const values = [error && JSON.stringify(error), delayMs, progressed, plainJson(warnings)]
    const changed = await changeRun(this.#database, { id, owner, streams, set, values })
    return changed && this.#findIfThere(id)
  }

  async cancel(connection: string, id: string): Promise<Run> {
    const changed = await this.#database.query(
      `UPDATE ${table} AS run SET
         cancel_requested = true,
         status = CASE WHEN run.status = 'queued' THEN 'cancelled' ELSE run.status END,
         ended_at = CASE WHEN run.status = 'queued' THEN now() END
       FROM reactor_connect_service.connections AS connection
       WHERE run.id = $1 AND connection.id = run.connection_id AND connection.name = $2
         AND run.status IN ('queued', 'running') RETURNING ${notify('run.id')}`,
      [id, connection],
    )
    const run = await this.get(connection, id)
    if (changed.length === 0)
      throw new ConnectError('run_ended', { details: { connection, run: id } })
    return run
  }

  async findStale(
    staleMs: number,
    limit: number,
  ): Promise<readonly { readonly id: string; readonly connection: string }[]> {
    return this.#database.query<{ id: string; connection: string }>(
      `SELECT run.id, connection.name AS connection FROM ${table} AS run
       JOIN reactor_connect_service.connections AS connection ON connection.id = run.connection_id
       WHERE run.status IN ('queued', 'running')
         AND CASE run.status WHEN 'queued' THEN due_at ELSE beat_at END
           <= now() - $1 * interval '1 ms'
       ORDER BY run.status = 'queued', run.id LIMIT $2`,
      [staleMs, limit],
    )
  }

  async appendLog(id: string, lines: readonly NewLogLine[]): Promise<void> {
    const batch: LogBatch = { id, lines, keep: this.#logLinesPerRun }
    if (lines.length > 0) await appendLines(this.#database, batch)
  }

  async log(id: string, after: number, limit: number): Promise<readonly RunLogLine[]> {
    const rows = await this.#database.query(
      `SELECT ${logColumns} FROM reactor_connect_service.run_log
       WHERE run_id = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
      [id, after, limit],
    )
    return rows.map(logLineOf)
  }

  changes(id: string, signal: AbortSignal): AsyncIterable<void> {
    return this.#listener.changes({ channel: runChannel, payload: id }, signal)
  }

  /** Null if the run was deleted in the meantime. */
  async #findIfThere(id: string): Promise<Run | null> {
    const [row] = await this.#database.query<RunRow>(`${selectRuns()} WHERE run.id = $1`, [id])
    return row === undefined ? null : runOf(row)
  }

  async #checkConnection(name: string): Promise<void> {
    const rows = await this.#database.query(
      `SELECT FROM reactor_connect_service.connections WHERE name = $1`,
      [name],
    )
    if (rows.length === 0) throw noConnection(name)
  }
}

function noConnection(connection: string): ConnectError {
  return new ConnectError('connection_not_found', { details: { connection } })
}
