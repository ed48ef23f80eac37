import { ConnectError } from '../../../protocol/index.ts'
import type { Page, PageRequest } from '../../platform/lists.ts'
import type { Database, Row } from '../../platform/database/database.ts'
import { pageOf, pagePlace } from '../../platform/database/page.ts'
import { readTime } from '../../platform/database/read-time.ts'
import { maskedTarget } from '../receivers/masked-target.ts'
import type {
  ChangedDeliveries,
  DeliveryFilter,
  DeliverySelection,
  DeliveryStore,
} from './contract.ts'
import { discardDeliveries, replayDeliveries } from './change-deliveries.ts'
import type { Delivery, DeliveryKind, DeliveryPayload, DispatchStatus } from './schema.ts'
import { conditionsOf } from './selected-deliveries.ts'

interface DispatchRow {
  readonly target: string
  readonly status: DispatchStatus
  readonly attempts: number
  readonly due_at: string
  readonly ended_at: string | null
  readonly error: Delivery['dispatches'][number]['error']
}

interface DeliveryRow extends Row {
  readonly id: string
  readonly receiver: string
  readonly event_id: string
  readonly event_type: string | null
  readonly kind: DeliveryKind
  readonly received_at: string
  readonly bytes: number
  readonly dispatches: readonly DispatchRow[]
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
}

const columns = `delivery.id, receiver.name AS receiver, delivery.event_id, delivery.event_type,
  delivery.kind, delivery.received_at, octet_length(delivery.body) AS bytes,
  coalesce(dispatch.list, '[]') AS dispatches`
const joined = `
  JOIN reactor_connect_service.receivers AS receiver ON receiver.id = delivery.receiver_id
  LEFT JOIN LATERAL (
    SELECT json_agg(json_build_object('target', target, 'status', status, 'attempts', attempts,
      'due_at', due_at, 'ended_at', ended_at, 'error', error) ORDER BY target) AS list
    FROM reactor_connect_service.webhook_dispatches WHERE delivery_id = delivery.id
  ) AS dispatch ON true`
const table = 'reactor_connect_service.webhook_deliveries AS delivery'

export class PostgresDeliveryStore implements DeliveryStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async list(request: PageRequest & DeliveryFilter): Promise<Page<Delivery>> {
    const place = pagePlace('deliveries', request)
    const conditions = await conditionsOf(this.#database, request)
    const { and, values } = conditions.add('delivery.id <', place.after)
    const rows = await this.#database.query<DeliveryRow>(
      `WITH page AS (
         SELECT delivery.* FROM ${table} WHERE true${and}
         ORDER BY delivery.id DESC LIMIT ${String(place.limit + 1)}
       ) SELECT ${columns} FROM page AS delivery ${joined} ORDER BY delivery.id DESC`,
      values,
    )
    return pageOf(rows, place, { list: 'deliveries', key: ({ id }) => id, item: deliveryOf })
  }

  async get(receiver: string, id: string): Promise<DeliveryPayload> {
    const [row] = await this.#database.query<DeliveryRow>(
      `SELECT ${columns}, delivery.headers, delivery.body FROM ${table} ${joined}
       WHERE delivery.id = $1 AND receiver.name = $2`,
      [id, receiver],
    )
    if (row?.headers === undefined || row.body === undefined)
      throw new ConnectError('delivery_not_found', { details: { receiver, id } })
    return { ...deliveryOf(row), headers: row.headers, ...textOf(row.body) }
  }

  replay(selected: DeliverySelection): Promise<ChangedDeliveries> {
    return replayDeliveries(this.#database, selected)
  }

  discard(selected: DeliverySelection): Promise<ChangedDeliveries> {
    return discardDeliveries(this.#database, selected)
  }
}

function deliveryOf(row: DeliveryRow): Delivery {
  return {
    id: row.id,
    receiver: row.receiver,
    eventId: row.event_id,
    eventType: row.event_type,
    kind: row.kind,
    receivedAt: row.received_at,
    bytes: row.bytes,
    dispatches: row.dispatches.map((dispatch) => ({
      target: maskedTarget(dispatch.target),
      status: dispatch.status,
      attempts: dispatch.attempts,
      nextAttemptAt: nextAttemptOf(dispatch),
      endedAt: dispatch.ended_at === null ? null : readTime(dispatch.ended_at),
      error: dispatch.error,
    })),
  }
}

/** null: it has ended, is on its way, or waits for another one of its order key. */
function nextAttemptOf({ status, due_at: dueAt }: DispatchRow): string | null {
  return status !== 'pending' || dueAt === 'infinity' ? null : readTime(dueAt)
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function textOf(body: Buffer): Pick<DeliveryPayload, 'body' | 'bodyEncoding'> {
  try {
    return { body: utf8.decode(body), bodyEncoding: 'utf8' }
  } catch {
    return { body: body.toString('base64'), bodyEncoding: 'base64' }
  }
}
