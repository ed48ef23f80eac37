import { Batches } from '../../../lib/async/batches.ts'
import { ConnectError } from '../../../protocol/index.ts'
import type { Database } from '../../platform/database/database.ts'
import { appendDeliveries, storedHashes } from './append-deliveries.ts'
import type { Appended, NewDelivery, StoredDeliveryLog } from './contract.ts'

/** A statement holds its batch twice; the bodies of vendors have some kilobytes. */
export const deliveryBatch = {
  most: 500,
  bytes: { most: 8 * 1024 * 1024, of: ({ body }: NewDelivery) => body.length },
  failsTogether: (error: unknown) => error instanceof ConnectError,
} as const

/** While the database writes one batch, the next one is made. */
const parallel = 2

/** Group commit: deliveries that come while a batch is written form the next one. */
export class PostgresDeliveryLog implements StoredDeliveryLog {
  readonly #database: Database
  readonly #appended: Batches<NewDelivery, Appended>

  constructor(database: Database) {
    this.#database = database
    this.#appended = new Batches((batch) => appendDeliveries(database, batch), {
      ...deliveryBatch,
      parallel,
    })
  }

  append(delivery: NewDelivery): Promise<Appended> {
    return this.#appended.add(delivery)
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
