import { ConnectError } from '../../../protocol/index.ts'
import type { Database, Session } from '../../platform/database/database.ts'
import { Conditions } from '../../platform/database/statement.ts'
import type { DeliveryFilter } from './contract.ts'

/** Conditions on `webhook_deliveries AS delivery`. Throws `receiver_not_found`. */
export async function conditionsOf(
  database: Pick<Database | Session, 'query'>,
  filter: DeliveryFilter & { readonly ids?: readonly string[] },
): Promise<Conditions> {
  const { receiver, kind, eventType, eventId, since, until, ids, status, target } = filter
  const conditions = new Conditions()
    .add('delivery.receiver_id =', await receiverIdOf(database, receiver))
    .add('delivery.kind =', kind)
    .add('delivery.event_type =', eventType)
    .add('delivery.event_id =', eventId)
    .add('delivery.received_at >= to_timestamp(', secondsOf(since), ')')
    .add('delivery.received_at < to_timestamp(', secondsOf(until), ')')
    .add('delivery.id = ANY(', ids, ')')
  // Both belong to one dispatch: a delivery that is dead at one target is not dead at the others.
  const dispatch = new Conditions(conditions.values)
    .add('dispatch.status =', status)
    .add('dispatch.target =', target)
  if (dispatch.and !== '')
    conditions.require(`EXISTS (SELECT FROM reactor_connect_service.webhook_dispatches AS dispatch
      WHERE dispatch.delivery_id = delivery.id${dispatch.and})`)
  return conditions
}

async function receiverIdOf(
  database: Pick<Database | Session, 'query'>,
  name: string | undefined,
): Promise<string | undefined> {
  if (name === undefined) return undefined
  const [row] = await database.query<{ id: string }>(
    'SELECT id FROM reactor_connect_service.receivers WHERE name = $1',
    [name],
  )
  if (row === undefined) throw new ConnectError('receiver_not_found', { details: { name } })
  return row.id
}

/** Seconds since 1970: PostgreSQL’s text format of a time supports fewer years than ISO 8601. */
function secondsOf(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time) / 1000
}
