import { readWebhookStatus } from '../webhooks/dispatch/webhook-status.ts'
import type { ConnectionStatus, StoreStatus } from './status-contract.ts'
import type { Database, Row } from '../platform/database/database.ts'

interface ConnectionRow extends Row {
  readonly connection: string
  readonly last_success: number
  readonly is_failing: boolean
}

interface QueueRow extends Row {
  readonly queued: number
  readonly oldest: number
  readonly overdue: number
  readonly skipped: number
}

/** Two index lookups for each connection. */
export async function readStatus(database: Database): Promise<StoreStatus> {
  const connections = await database.query<ConnectionRow>(
    `SELECT connection.name AS connection,
       coalesce(extract(epoch FROM success.ended_at), 0)::float8 AS last_success,
       coalesce(last.status IN ('failed', 'partial')
         OR last.status IN ('queued', 'running') AND last.fruitless_attempts > 0, false) AS is_failing
     FROM reactor_connect_service.connections AS connection
     LEFT JOIN LATERAL (
       SELECT ended_at FROM reactor_connect_service.runs AS run
       WHERE run.connection_id = connection.id AND run.status = 'complete'
       ORDER BY run.id DESC LIMIT 1
     ) AS success ON true
     LEFT JOIN LATERAL (
       SELECT status, fruitless_attempts FROM reactor_connect_service.runs AS run
       WHERE run.connection_id = connection.id ORDER BY run.id DESC LIMIT 1
     ) AS last ON true
     WHERE connection.status = 'active' ORDER BY connection.name`,
  )
  const [queue] = await database.query<QueueRow>(
    `SELECT count(*)::int AS queued,
       coalesce(extract(epoch FROM now() - min(due_at)), 0)::float8 AS oldest,
       (SELECT count(*)::int FROM reactor_connect_service.connections
        WHERE status = 'active' AND next_run_at <= now() - interval '1 minute') AS overdue,
       (SELECT coalesce(sum(skipped), 0)::float8 FROM reactor_connect_service.schedule_watch) AS skipped
     FROM reactor_connect_service.runs WHERE status = 'queued' AND due_at <= now()`,
  )
  return {
    connections: connections.map(statusOf),
    queuedRuns: queue?.queued ?? 0,
    oldestQueuedSeconds: queue?.oldest ?? 0,
    overdueSchedules: queue?.overdue ?? 0,
    skippedTimes: queue?.skipped ?? 0,
    webhooks: await readWebhookStatus(database),
  }
}

function statusOf(row: ConnectionRow): ConnectionStatus {
  return {
    connection: row.connection,
    lastSuccessSeconds: row.last_success,
    isFailing: row.is_failing,
  }
}
