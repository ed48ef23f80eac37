import { createHash } from 'node:crypto'
import { newId } from '../../../../service/platform/database/ids.ts'
import { Database } from '../../../../service/platform/database/database.ts'
import { PostgresDispatchStore } from '../../../../service/webhooks/dispatch/dispatch-store.ts'
import { silent } from '../../../support/logger.ts'
import { metadataDatabase } from '../../../support/metadata-database.ts'
import type { Row, TestDatabase } from '../../../support/postgres.ts'

const schema = 'reactor_connect_service'

export interface QueuedEvent {
  readonly receiver?: string
  readonly targets?: readonly string[]
  readonly key?: string | null
  readonly body?: Buffer
  readonly headers?: Readonly<Record<string, string>>
  readonly eventType?: string
}

/** Receivers and deliveries in the database, as the ingress leaves them. */
export class TestQueue implements AsyncDisposable {
  readonly store: PostgresDispatchStore
  readonly database: TestDatabase
  /** Ended first. */
  readonly dispatchers = new AsyncDisposableStack()
  readonly sessions: Database

  private constructor(database: TestDatabase, sessions: Database) {
    this.database = database
    this.sessions = sessions
    this.store = new PostgresDispatchStore(sessions, {
      onChange: () => ({ [Symbol.dispose]: () => undefined }),
    })
  }

  static async open(): Promise<TestQueue> {
    const database = await metadataDatabase()
    const sessions = new Database({ url: database.url, sessions: 8, logger: silent })
    return new TestQueue(database, sessions)
  }

  async receiver(name: string): Promise<string> {
    const id = newId('rcv')
    await this.database.query(
      `INSERT INTO ${schema}.receivers (id, name, dispatch, token_hash) VALUES ($1, $2, '[]', $3)`,
      [id, name, createHash('sha256').update(id).digest()],
    )
    return id
  }

  /** Resolves with the id of the delivery. */
  async event({
    receiver = 'shop',
    targets = ['job:work'],
    key = null,
    body = Buffer.from('{}'),
    headers = {},
    eventType,
  }: QueuedEvent = {}): Promise<string> {
    const id = newId('dlv')
    await this.database.query(
      `WITH delivery AS (
         INSERT INTO ${schema}.webhook_deliveries
           (id, receiver_id, event_id, event_type, kind, received_at, headers, body, body_hash)
         SELECT $1, id, $1, $6, 'event', now(), $5, $4, sha256($4)
         FROM ${schema}.receivers WHERE name = $2 RETURNING id, receiver_id
       )
       INSERT INTO ${schema}.webhook_dispatches (delivery_id, receiver_id, target, order_key)
       SELECT delivery.id, receiver_id, target, $7 FROM delivery, unnest($3::text[]) AS target`,
      [id, receiver, targets, body, JSON.stringify(headers), eventType ?? null, key],
    )
    return id
  }

  /** Status by delivery. */
  async rows(): Promise<readonly Row[]> {
    return this.database.query(
      `SELECT delivery_id, target, status, attempts, error, extract(epoch FROM due_at - now())::float8 AS due_in
       FROM ${schema}.webhook_dispatches ORDER BY seq`,
    )
  }

  async statuses(): Promise<readonly unknown[]> {
    return (await this.rows()).map(({ status }) => status)
  }

  /** As if the time had passed. */
  async pass(seconds: number): Promise<void> {
    await this.database.query(
      `UPDATE ${schema}.webhook_dispatches SET due_at = due_at - $1 * interval '1 s'
       WHERE due_at < 'infinity'`,
      [seconds],
    )
    await this.database.query(
      `UPDATE ${schema}.webhook_targets SET open_until = open_until - $1 * interval '1 s'`,
      [seconds],
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispatchers.disposeAsync()
    await this.sessions[Symbol.asyncDispose]()
    await this.database[Symbol.asyncDispose]()
  }
}
