import { answerLifetime } from '../platform/http/idempotency-store.ts'
import type { Database } from '../platform/database/database.ts'
import { pruneDeliveries } from '../webhooks/deliveries/prune-deliveries.ts'
import { pruneTargets } from '../webhooks/dispatch/webhook-targets.ts'
import type { Retention } from './store.ts'

/** Per call: the rest is for the next one. */
const maxBatches = 100
const batchRows = 500
/** Each with up to `logLinesPerRun` lines. */
const batchRuns = 20

/** How long a sandbox's report can be read; what was promoted is in the runs. */
const sandboxDays = 30

/**
 * A job of an external Jobs service that comes again within this time starts nothing. The time starts again
 * each time.
 */
const jobDays = 7

/**
 * Deletes expired data, in batches, so that no lock is held for long. Several processes may do it at once.
 */
export async function prune(database: Database, retention: Retention): Promise<void> {
  for (const rows of oldRows(retention))
    await inBatches(batchRows, (limit) => deleteOld(database, rows, limit))
  await inBatches(batchRows, (limit) =>
    pruneDeliveries(database, { days: retention.deliveryDays, limit }),
  )
  await pruneTargets(database)
  // Last: the first time there may be years of runs, which should not delay the others.
  await inBatches(batchRuns, (limit) => pruneLogs(database, retention.logDays, limit))
  await inBatches(batchRuns, (limit) => pruneRuns(database, retention.runDays, limit))
}

function oldRows({ auditDays, discoveryHours }: Retention): readonly OldRows[] {
  return [
    { table: 'audit_log', key: 'id', time: 'at', age: `${String(auditDays)} days` },
    {
      table: 'discoveries',
      key: 'instance_id',
      time: 'discovered_at',
      age: `${String(discoveryHours)} hours`,
    },
    { table: 'used_dry_run_tokens', key: 'nonce', time: 'expires_at', age: '1 day' },
    { table: 'oauth_states', key: 'state_hash', time: 'expires_at', age: '0' },
    { table: 'login_attempts', key: 'subject', time: 'window_ends_at', age: '0' },
    { table: 'sandboxes', key: 'id', time: 'expires_at', age: `${String(sandboxDays)} days` },
    { table: 'schedule_jobs', key: 'run_id', time: 'seen_at', age: `${String(jobDays)} days` },
    { table: 'idempotency_keys', key: 'ticket', time: 'created_at', age: answerLifetime },
  ]
}

/** Until nothing is left: a batch may be short as two processes have skipped a row of each other's. */
async function inBatches(
  size: number,
  batch: (limit: number) => Promise<readonly unknown[]>,
): Promise<void> {
  for (let count = 0; count < maxBatches; count++) {
    const rows = await batch(size)
    if (rows.length === 0) return
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

/**
 * Runs with their streams and lines. The last run of a connection and its last complete one stay, because
 * they show its state. So does a run that is being retried.
 */
async function pruneRuns(
  database: Database,
  days: number,
  limit: number,
): Promise<readonly unknown[]> {
  const later = `SELECT FROM reactor_connect_service.runs AS later
    WHERE later.connection_id = old.connection_id AND later.id > old.id`
  return database.query(
    `DELETE FROM reactor_connect_service.runs WHERE id IN (
       SELECT old.id FROM reactor_connect_service.runs AS old
       WHERE old.ended_at <= now() - $1 * interval '1 day'
         AND EXISTS (${later})
         AND (old.status <> 'complete' OR EXISTS (${later} AND later.status = 'complete'))
         AND NOT EXISTS (
           SELECT FROM reactor_connect_service.runs AS retry
           WHERE retry.retry_of = old.id AND retry.status IN ('queued', 'running')
         )
       ORDER BY old.ended_at LIMIT $2 FOR UPDATE SKIP LOCKED
     ) RETURNING id`,
    [days, limit],
  )
}

interface OldRows {
  readonly table: string
  readonly key: string
  /** An indexed column. */
  readonly time: string
  /** A PostgreSQL interval. */
  readonly age: string
}

async function deleteOld(
  database: Database,
  { table, key, time, age }: OldRows,
  limit: number,
): Promise<readonly unknown[]> {
  return database.query(
    `DELETE FROM reactor_connect_service.${table} WHERE ${key} IN (
       SELECT ${key} FROM reactor_connect_service.${table} WHERE ${time} <= now() - $2::interval
       ORDER BY ${time} LIMIT $1 FOR UPDATE SKIP LOCKED
     ) RETURNING ${key}`,
    [limit, age],
  )
}
