import { Batches } from '../../../lib/async/batches.ts'
import { ConnectError } from '../../../protocol/index.ts'
import type { Database } from '../../platform/database/database.ts'
import { appendDeliveries, storedHashes } from './append-deliveries.ts'
import type { Appended, NewDelivery, StoredDeliveryLog } from './contract.ts'

/** A statement holds its batch twice; the bodies of vendors have some kilobytes. */
export const deliveryBatch = {
  most: 100,
  /**
   * Requests come in bursts of as many as there are connections. In one batch for all of them, process and
   * database wait for each other in turns: 1,300 deliveries a second at 256 connections; with these bounds
   * 2,300 (2026-11, a machine that was busy with other work).
   */
  fill: 50,
  parallel: 4,
  bytes: { most: 8 * 1024 * 1024, of: ({ body }: NewDelivery) => body.length },
  failsTogether: (error: unknown) => error instanceof ConnectError,
} as const

/** Group commit: deliveries that come while a batch is written form the next one. */
export class PostgresDeliveryLog implements StoredDeliveryLog {
  readonly #database: Database
  readonly #appended: Batches<NewDelivery, Appended>

  constructor(database: Database) {
    this.#database = database
    this.#appended = new Batches((batch) => appendDeliveries(database, batch), {
      ...deliveryBatch,
    })
  }

  append(delivery: NewDelivery): Promise<Appended> {
    return this.#appended.add(delivery)
  }

  late(afterMs: number): ConnectError {
    const reason = `PostgreSQL did not store the delivery within ${String(afterMs / 1000)} s`
    return new ConnectError('store_unavailable', { details: { reason } })
  }

  /** A batch that another log has made durable. May be repeated. */
  appendAll(batch: readonly NewDelivery[]): Promise<readonly Appended[]> {
    return appendDeliveries(this.#database, batch)
  }

  /** The hash of the body of each event that is stored, as hex. */
  storedHashes(batch: readonly NewDelivery[]): Promise<readonly (string | undefined)[]> {
    return storedHashes(this.#database, batch)
  }
}
