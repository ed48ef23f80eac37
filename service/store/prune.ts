import { answerLifetime } from './idempotency.ts'
import type { Database } from './database.ts'
import type { Retention } from './store.ts'

/** Of a call: what is left is for the next one. */
const maxBatches = 100
const batchRows = 500
/** Each with up to `logLinesPerRun` lines. */
const batchRuns = 20

/** What a sandbox found can be looked at for so long; what was promoted is in the runs. */
const sandboxDays = 30

/** A job of an external Jobs service that comes again within this time starts nothing. Each time that it comes counts. */
const jobDays = 7

/** Deletes what has outlived its time, in batches, so that no lock is held for long. Several processes may do it at once. */
export async function prune(database: Database, retention: Retention): Promise<void> {
  await inBatches(batchRuns, (limit) => pruneLogs(database, retention.logDays, limit))
  await inBatches(batchRows, (limit) =>
    deleteOld(database, {
      table: 'audit_log',
      key: 'id',
      time: 'at',
      before: `now() - ${String(retention.auditDays)} * interval '1 day'`,
      limit,
    }),
  )
  await inBatches(batchRows, (limit) =>
    deleteOld(database, {
      table: 'discoveries',
      key: 'instance_id',
      time: 'discovered_at',
      before: `now() - ${String(retention.discoveryHours)} * interval '1 hour'`,
      limit,
    }),
  )
  await inBatches(batchRows, (limit) =>
    deleteOld(database, {
      table: 'oauth_states',
      key: 'state_hash',
      time: 'expires_at',
      before: 'now()',
      limit,
    }),
  )
  await inBatches(batchRows, (limit) =>
    deleteOld(database, {
      table: 'login_attempts',
      key: 'subject',
      time: 'window_ends_at',
      before: 'now()',
      limit,
    }),
  )
  await inBatches(batchRows, (limit) =>
    deleteOld(database, {
      table: 'sandboxes',
      key: 'id',
      time: 'expires_at',
      before: `now() - interval '${String(sandboxDays)} days'`,
      limit,
    }),
  )
  await inBatches(batchRows, (limit) =>
    deleteOld(database, {
      table: 'schedule_jobs',
      key: 'run_id',
      time: 'seen_at',
      before: `now() - interval '${String(jobDays)} days'`,
      limit,
    }),
  )
  await inBatches(batchRows, (limit) =>
    deleteOld(database, {
      table: 'idempotency_keys',
      key: 'ticket',
      time: 'created_at',
      before: `now() - ${answerLifetime}`,
      limit,
    }),
  )
}

async function inBatches(
  size: number,
  batch: (limit: number) => Promise<readonly unknown[]>,
): Promise<void> {
  for (let count = 0; count < maxBatches; count++) {
    const rows = await batch(size)
    if (rows.length < size) return
  }
}

async function pruneLogs(
  database: Database,
  days: number,
  limit: number,
): Promise<readonly unknown[]> {
  return database.query(
    `WITH old AS (
       SELECT id FROM reactor_connect_service.runs
       WHERE ended_at <= now() - $1 * interval '1 day' AND NOT log_pruned
       ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED
     ), lines AS (
       DELETE FROM reactor_connect_service.run_log USING old WHERE run_id = old.id
     )
     UPDATE reactor_connect_service.runs AS run SET log_pruned = true FROM old
     WHERE run.id = old.id RETURNING run.id`,
    [days, limit],
  )
}

interface OldRows {
  readonly table: string
  readonly key: string
  /** An indexed column. */
  readonly time: string
  readonly before: string
  readonly limit: number
}

async function deleteOld(database: Database, rows: OldRows): Promise<readonly unknown[]> {
  const { table, key, time, before, limit } = rows
  return database.query(
    `DELETE FROM reactor_connect_service.${table} WHERE ${key} IN (
       SELECT ${key} FROM reactor_connect_service.${table} WHERE ${time} <= ${before}
       ORDER BY ${time} LIMIT $1 FOR UPDATE SKIP LOCKED
     ) RETURNING ${key}`,
    [limit],
  )
}
