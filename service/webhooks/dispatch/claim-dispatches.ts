import type { ClaimedDispatch, ClaimOptions } from '../deliveries/contract.ts'
import type { DeliveryKind } from '../deliveries/schema.ts'
import type { Database, Row, Session } from '../../platform/database/database.ts'
import { dispatches, plansByIndex, statusIn, unsettled, waitingPairs } from './waiting-pairs.ts'

/** How many due rows are looked at, in all: those that wait for another one of their order key are parked. */
const mostVisited = 1_000
/** Statements of one claim that do nothing but park. */
const mostRounds = 10

/** Targets that take many events at once. */
const batched = /^(?:stream|topic):/

interface ClaimedRow extends Row {
  readonly seq: string | null
  readonly target: string
  readonly order_key: string | null
  readonly attempts: number
  readonly receiver_id: string
  readonly receiver: string
  readonly webhook: string | null
  readonly instance: string | null
  readonly secret_version: number
  readonly delivery_id: string
  readonly event_id: string
  readonly event_type: string | null
  readonly kind: DeliveryKind
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  readonly received_at: string
  readonly parked: number
}

export async function claimDispatches(
  database: Database,
  owner: string,
  options: ClaimOptions,
): Promise<readonly ClaimedDispatch[]> {
  for (let round = 0; round < mostRounds; round++) {
    const rows = await database.transaction((session) => claimOnce(session, owner, options))
    const claimed = rows.filter(({ seq }) => seq !== null)
    if (claimed.length > 0 || (rows[0]?.parked ?? 0) === 0) return claimed.map(claimedOf)
  }
  return []
}

/**
 * Claims come one after the other, so that two of them never take rows of the same order key, or try the same
 * interrupted target. A process that is stopped in between loses its session, and with it the lock.
 */
async function claimOnce(
  session: Session,
  owner: string,
  {
    limit,
    leaseMs,
    perTarget = limit,
    perBatchedTarget = perTarget,
    busy,
    reserved = 0,
    proven,
    perUnprovenTarget = perTarget,
    unproven = Infinity,
  }: ClaimOptions,
): Promise<readonly ClaimedRow[]> {
  const [waiting] = await session.query<{ pairs: number }>(
    `WITH RECURSIVE ${waitingPairs}
     SELECT set_config('idle_in_transaction_session_timeout', '5s', true), ${plansByIndex},
       pg_advisory_xact_lock(hashtextextended('reactor-connect claims of dispatches', 0)),
       (SELECT count(*)::integer FROM pairs) AS pairs`,
  )
  // The planner must know the number: it would sort all rows of a pair.
  const visited = Math.max(4, Math.floor(mostVisited / Math.max(1, waiting?.pairs ?? 1)))
  const busyTargets = JSON.stringify(Object.fromEntries(busy ?? []))
  const busyUnproven = [...(busy ?? [])].filter(
    ([target]) => proven?.has(target) === false && !batched.test(target),
  )
  const heldByUnproven = busyUnproven.reduce((sum, [, count]) => sum + count, 0)
  return session.query<ClaimedRow>(claimSql, [
    ...[owner, limit, leaseMs, perTarget],
    ...[busyTargets, Math.max(0, limit - reserved), visited, perBatchedTarget],
    ...[proven === undefined ? null : [...proven], perUnprovenTarget],
    Math.max(0, Math.min(limit, unproven - heldByUnproven)),
  ])
}

/**
 * A pending row waits for one that is running, also if its lease has ended, and for earlier ones. A row whose
 * lease has ended goes on. The range of whole keys makes the planner take their index: it would count through
 * the primary key.
 */
const blockerOf = `CASE WHEN order_key IS NOT NULL AND status = 'pending' THEN coalesce(
    (SELECT other.seq FROM ${dispatches} AS other
     WHERE (other.receiver_id, other.target, other.order_key)
         = (due.receiver_id, due.target, due.order_key)
       AND other.status = 'running' LIMIT 1),
    (SELECT other.seq FROM ${dispatches} AS other
     WHERE (other.receiver_id, other.target, other.order_key, other.seq)
         >= (due.receiver_id, due.target, due.order_key, 0)
       AND (other.receiver_id, other.target, other.order_key, other.seq)
         < (due.receiver_id, due.target, due.order_key, due.seq)
       AND other.${unsettled} AND other.order_key IS NOT NULL
     ORDER BY other.receiver_id, other.target, other.order_key, other.seq LIMIT 1)
  ) END`

/**
 * $1 owner, $2 limit, $3 lease in ms, $4 most of a target, $5 how many the owner has by target, $6 limit
 *    without the reserve, which is
 * for the first of targets that have none and did not fail last, $7 due rows of a receiver and target that
 * are looked at, $8 most of a target that takes many at once,
 * $9 targets that are proven (null: all), $10 most of one that is not, $11 how many more all of these may
 *    have.
 *
 * Nothing here waits for a lock: rows that are being settled are left for the next claim. A row is only
 * parked while what it waits for is locked and not settled, so the worker that settles that row finds it
 * (settle-dispatches.ts).
 *
 * A claim with 100,000 waiting rows, its four round trips included, on 2 busy cores (2026-11-28): 25 ms for
 * 50 receivers without order, 40 ms for 250 receivers and targets with 500 order keys each.
 */
const claimSql = `
WITH RECURSIVE ${waitingPairs}, probed AS (
  SELECT target FROM reactor_connect_service.webhook_targets WHERE open_until <= now()
  ORDER BY target FOR UPDATE SKIP LOCKED
), places AS (
  SELECT pairs.receiver_id, pairs.target, failing.open_until IS NOT NULL AS is_probe,
    failing.target IS NOT NULL AS is_failing,
    coalesce(($5::jsonb ->> pairs.target)::integer, 0) AS busy, kind.is_proven,
    CASE WHEN kind.is_batched THEN $8::bigint
      WHEN kind.is_proven THEN $4::bigint ELSE $10::bigint END AS most
  FROM pairs
  JOIN reactor_connect_service.receivers AS receiver
    ON receiver.id = pairs.receiver_id AND receiver.status = 'active'
  LEFT JOIN reactor_connect_service.webhook_targets AS failing ON failing.target = pairs.target
  CROSS JOIN LATERAL (
    SELECT pairs.target ~ '${batched.source}' AS is_batched,
      pairs.target ~ '${batched.source}' OR coalesce(pairs.target = ANY($9::text[]), true) AS is_proven
  ) AS kind
  WHERE failing.open_until IS NULL OR failing.target IN (SELECT target FROM probed)
), due AS (
  SELECT places.*, row.seq, row.order_key, row.status, row.due_at
  FROM places CROSS JOIN LATERAL (
    SELECT seq, order_key, status, due_at FROM ${dispatches} AS row
    WHERE row.receiver_id = places.receiver_id AND row.target = places.target
      AND row.${unsettled} AND row.due_at <= now()
    ORDER BY row.due_at, row.seq LIMIT $7::bigint
  ) AS row
  WHERE places.busy < places.most
), judged AS MATERIALIZED (
  SELECT due.*, ${blockerOf} AS blocker FROM due
), waiting AS (
  SELECT row.seq FROM judged
  JOIN ${dispatches} AS row ON row.seq = judged.seq AND ${statusIn('row')} = 'pending'
  JOIN ${dispatches} AS blocker ON blocker.seq = judged.blocker
    AND (${statusIn('blocker')} = 'running'
      OR ${statusIn('blocker')} = 'pending' AND blocker.seq < row.seq)
  FOR UPDATE OF row, blocker SKIP LOCKED
), parked AS (
  UPDATE ${dispatches} AS row SET due_at = 'infinity' FROM waiting WHERE row.seq = waiting.seq
  RETURNING row.seq
), turns AS (
  SELECT seq, target, receiver_id, is_probe, is_failing, is_proven, busy, most, due_at, row_number()
    OVER (PARTITION BY receiver_id, target ORDER BY due_at, seq) AS turn
  FROM judged WHERE blocker IS NULL
), ranked AS (
  SELECT seq, due_at, is_probe, is_failing, is_proven, most, busy + row_number()
    OVER (PARTITION BY target ORDER BY turn, due_at, seq) AS place
  FROM turns
), allowed AS (
  SELECT *, row_number() OVER (PARTITION BY is_proven ORDER BY place, due_at, seq) AS turn
  FROM ranked WHERE place <= CASE WHEN is_probe THEN 1 ELSE most END
), numbered AS (
  SELECT seq, place = 1 AND NOT is_failing AS may_use_reserve,
    row_number() OVER (ORDER BY place, due_at, seq) AS number
  FROM allowed WHERE is_proven OR turn <= $11::bigint
), shared AS (
  SELECT seq, may_use_reserve, number <= $6::bigint AS is_within, row_number()
    OVER (PARTITION BY number <= $6::bigint, may_use_reserve ORDER BY number) AS number
  FROM numbered
), picked AS (
  SELECT row.seq FROM shared JOIN ${dispatches} AS row USING (seq)
  WHERE (shared.is_within
      OR shared.may_use_reserve AND shared.number <= $2::bigint - $6::bigint)
    AND ${statusIn('row')} IN ('pending', 'running') AND row.due_at <= now()
  FOR UPDATE OF row SKIP LOCKED
), taken AS (
  UPDATE ${dispatches} AS row
  SET status = 'running', owner = $1, attempts = attempts + 1,
    due_at = now() + $3::float8 * interval '1 ms'
  FROM picked WHERE row.seq = picked.seq
  RETURNING row.seq, row.target, row.order_key, row.attempts, row.receiver_id, row.delivery_id
), probing AS (
  UPDATE reactor_connect_service.webhook_targets AS interrupted
  SET open_until = now() + $3::float8 * interval '1 ms', probe = taken.seq
  FROM taken JOIN probed USING (target) WHERE interrupted.target = taken.target
)
SELECT taken.*, receiver.name AS receiver, receiver.webhook, receiver.secret_version,
  instance.name AS instance,
  delivery.event_id, delivery.event_type, delivery.kind, delivery.headers, delivery.body,
  delivery.received_at, count.parked
FROM (SELECT count(*)::integer AS parked FROM parked) AS count
LEFT JOIN (
  taken
  JOIN reactor_connect_service.webhook_deliveries AS delivery ON delivery.id = taken.delivery_id
  JOIN reactor_connect_service.receivers AS receiver ON receiver.id = taken.receiver_id
  LEFT JOIN reactor_connect_service.instances AS instance ON instance.id = receiver.instance_id
) ON true
ORDER BY taken.seq`

function claimedOf(row: ClaimedRow): ClaimedDispatch {
  return {
    seq: row.seq ?? '',
    target: row.target,
    orderKey: row.order_key,
    attempt: row.attempts,
    receiver: {
      id: row.receiver_id,
      name: row.receiver,
      webhook: row.webhook,
      instance: row.instance,
      secretVersion: row.secret_version,
    },
    delivery: {
      id: row.delivery_id,
      eventId: row.event_id,
      eventType: row.event_type,
      kind: row.kind === 'suspicious' ? 'event' : row.kind,
      headers: row.headers,
      body: row.body,
      receivedAt: row.received_at,
    },
  }
}
