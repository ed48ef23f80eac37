import type { Database, Row } from '../../platform/database/database.ts'
import { isTargetUsed } from './webhook-targets.ts'
import type { WebhookStatus } from '../deliveries/contract.ts'

interface StatusRow extends Row {
  readonly waiting: number
  readonly oldest: number
  readonly dead: number
  readonly interrupted: number
}

/** Two scans of indexes that have only what is not settled, and what was given up. */
export async function readWebhookStatus(database: Database): Promise<WebhookStatus> {
  const [row] = await database.query<StatusRow>(
    `WITH waiting AS (
       SELECT count(*)::integer AS count, min(seq) AS first
       FROM reactor_connect_service.webhook_dispatches WHERE status IN ('pending', 'running')
     )
     SELECT waiting.count AS waiting,
       coalesce(extract(epoch FROM now() - (
         SELECT received_at FROM reactor_connect_service.webhook_deliveries AS delivery
         JOIN reactor_connect_service.webhook_dispatches AS dispatch
           ON dispatch.delivery_id = delivery.id
         WHERE dispatch.seq = waiting.first)), 0)::float8 AS oldest,
       (SELECT count(*)::integer FROM reactor_connect_service.webhook_dispatches
        WHERE status = 'dead') AS dead,
       (SELECT count(*)::integer FROM reactor_connect_service.webhook_targets AS kept
        WHERE open_until IS NOT NULL AND ${isTargetUsed}) AS interrupted
     FROM waiting`,
  )
  return {
    waiting: row?.waiting ?? 0,
    oldestWaitingSeconds: row?.oldest ?? 0,
    dead: row?.dead ?? 0,
    interruptedTargets: row?.interrupted ?? 0,
  }
}
