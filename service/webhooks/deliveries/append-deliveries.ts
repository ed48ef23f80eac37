import { createHash } from 'node:crypto'
import { ConnectError } from '../../../protocol/index.ts'
import { violatedConstraint, type Database, type Row } from '../../platform/database/database.ts'
import type { Appended, NewDelivery } from './contract.ts'

/** Notified when dispatches are due; without a payload. */
export const dispatchChannel = 'reactor_connect_dispatch'

interface AppendedRow extends Row {
  readonly place: number
  /** `unseen`: another transaction has just stored an event with this id, after this statement began. */
  readonly result: Appended | 'unseen'
}

const table = 'reactor_connect_service.webhook_deliveries'

/**
 * One statement for a batch, with the first delivery of each event as the one that is stored. The bodies come
 * as one value: the driver sends bytes as they are, but an array of bytes as text of twice the size.
 */
const appendSql = `
WITH given AS MATERIALIZED (
  SELECT item.place::integer, item.id, item.receiver_id, item.event_id, item.event_type, item.kind,
    to_timestamp(item.received_at_ms / 1000) AS received_at, item.headers::json AS headers,
    substring($8::bytea FROM item.body_from FOR item.body_bytes) AS body,
    substring($9::bytea FROM (item.place::integer - 1) * 32 + 1 FOR 32) AS body_hash,
    receiver.id IS NOT NULL AS is_known
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::float8[], $7::text[],
      $10::integer[], $11::integer[]) WITH ORDINALITY
    AS item (id, receiver_id, event_id, event_type, kind, received_at_ms, headers, body_from,
      body_bytes, place)
  LEFT JOIN reactor_connect_service.receivers AS receiver ON receiver.id = item.receiver_id
), first_given AS (
  SELECT DISTINCT ON (receiver_id, event_id) * FROM given WHERE is_known
  ORDER BY receiver_id, event_id, place
), stored AS (
  INSERT INTO ${table}
    (id, receiver_id, event_id, event_type, kind, received_at, headers, body, body_hash)
  SELECT id, receiver_id, event_id, event_type, kind, received_at, headers, body, body_hash
  FROM first_given ORDER BY place
  ON CONFLICT DO NOTHING
  RETURNING id, receiver_id, event_id, body_hash
), judged AS MATERIALIZED (
  SELECT given.place, given.id,
    CASE
      WHEN NOT given.is_known THEN 'unknown_receiver'
      WHEN stored.id = given.id THEN 'stored'
      WHEN coalesce(stored.body_hash, existing.body_hash) IS NULL THEN 'unseen'
      WHEN coalesce(stored.body_hash, existing.body_hash) = given.body_hash THEN 'repeated'
      ELSE 'conflict'
    END AS result
  FROM given
  LEFT JOIN stored USING (receiver_id, event_id)
  LEFT JOIN ${table} AS existing
    ON stored.id IS NULL AND existing.kind <> 'suspicious'
      AND existing.receiver_id = given.receiver_id AND existing.event_id = given.event_id
), suspicious AS (
  INSERT INTO ${table}
    (id, receiver_id, event_id, event_type, kind, received_at, headers, body, body_hash)
  SELECT id, receiver_id, event_id, event_type, 'suspicious', received_at, headers, body, body_hash
  FROM given JOIN judged USING (place, id) WHERE judged.result = 'conflict' ORDER BY place
  ON CONFLICT DO NOTHING
), dispatched AS (
  INSERT INTO reactor_connect_service.webhook_dispatches
    (delivery_id, receiver_id, target, order_key)
  SELECT stored.id, stored.receiver_id, wanted.target, wanted.order_key
  FROM unnest($12::text[], $13::text[], $14::text[]) WITH ORDINALITY
    AS wanted (delivery_id, target, order_key, place)
  JOIN stored ON stored.id = wanted.delivery_id
  ORDER BY wanted.place
  RETURNING 1
), notified AS (
  SELECT pg_notify('${dispatchChannel}', '')::text AS sent FROM dispatched LIMIT 1
)
SELECT place, result, (SELECT sent FROM notified) FROM judged ORDER BY place`

/** Another look after `unseen` sees what the other transaction has stored. */
const maxLooks = 5

/**
 * Stores a batch with its dispatches; durable when it resolves, with a result for each in their order. May be
 * repeated. Throws `store_unavailable`; then nothing is stored.
 */
export async function appendDeliveries(
  database: Database,
  deliveries: readonly NewDelivery[],
): Promise<readonly Appended[]> {
  const results = new Map<string, Appended>()
  let open = deliveries
  for (let look = 1; open.length > 0; look++) {
    const rows = await append(database, open)
    const unseen: NewDelivery[] = []
    for (const [place, delivery] of open.entries()) {
      const result = rows[place]?.result ?? 'unseen'
      if (result === 'unseen') unseen.push(delivery)
      else results.set(delivery.id, result)
    }
    if (look === maxLooks && unseen.length > 0) {
      const reason = 'the same events are stored and deleted at this moment'
      throw new ConnectError('store_unavailable', { details: { reason } })
    }
    open = unseen
  }
  return deliveries.map(({ id }) => results.get(id) ?? 'unknown_receiver')
}

async function append(
  database: Database,
  deliveries: readonly NewDelivery[],
): Promise<readonly AppendedRow[]> {
  try {
    return await database.query<AppendedRow>(appendSql, valuesOf(deliveries))
  } catch (error) {
    if (violatedConstraint(error) !== 'webhook_deliveries_receiver') throw error
    // It was deleted at this moment. The next look knows, of the others nothing was stored.
    return []
  }
}

function valuesOf(deliveries: readonly NewDelivery[]): readonly unknown[] {
  const froms: number[] = []
  let from = 1
  for (const { body } of deliveries) {
    froms.push(from)
    from += body.length
  }
  const dispatches = deliveries.flatMap(({ id, dispatches: wanted }) =>
    wanted.map(({ target, orderKey }) => ({ id, target, orderKey })),
  )
  return [
    deliveries.map(({ id }) => id),
    deliveries.map(({ receiverId }) => receiverId),
    deliveries.map(({ eventId }) => storable(eventId)),
    deliveries.map(({ eventType }) => (eventType === null ? null : storable(eventType))),
    deliveries.map(({ kind }) => kind),
    deliveries.map(({ receivedAtMs }) => receivedAtMs),
    deliveries.map(({ headers }) => JSON.stringify(headers)),
    Buffer.concat(deliveries.map(({ body }) => body)),
    Buffer.concat(deliveries.map(({ bodyHash }) => bodyHash)),
    froms,
    deliveries.map(({ body }) => body.length),
    dispatches.map(({ id }) => id),
    dispatches.map(({ target }) => target),
    dispatches.map(({ orderKey }) => (orderKey === null ? null : storable(orderKey))),
  ]
}

/** The hash of the body of each event that is stored, as hex; undefined for one that is not. */
export async function storedHashes(
  database: Database,
  deliveries: readonly Pick<NewDelivery, 'receiverId' | 'eventId'>[],
): Promise<readonly (string | undefined)[]> {
  const rows = await database.query<{ readonly place: number; readonly hash: string }>(
    `SELECT wanted.place::integer, encode(stored.body_hash, 'hex') AS hash
     FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS wanted (receiver_id, event_id, place)
     JOIN ${table} AS stored ON stored.kind <> 'suspicious'
       AND stored.receiver_id = wanted.receiver_id AND stored.event_id = wanted.event_id`,
    [
      deliveries.map(({ receiverId }) => receiverId),
      deliveries.map(({ eventId }) => storable(eventId)),
    ],
  )
  const found = new Map(rows.map(({ place, hash }) => [place, hash]))
  return deliveries.map((_, index) => found.get(index + 1))
}

/**
 * The database has no NUL and no half of a surrogate pair: texts that differ only there would be one event.
 */
function storable(text: string): string {
  if (text.isWellFormed() && !text.includes('\0')) return text
  return `sha256:${createHash('sha256').update(JSON.stringify(text)).digest('hex')}`
}
