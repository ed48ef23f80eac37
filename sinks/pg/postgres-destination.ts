import type pg from 'pg'
import type { Destination, SinkStream, SliceStart, StreamSync } from '../sink.ts'
import { beginSync } from './begin-sync.ts'
import { migrateBookkeeping, streamKey } from './bookkeeping.ts'
import { finishSync } from './finish-sync.ts'
import { endRun, startRun } from './run-row.ts'
import { connectPostgres, type PostgresTarget } from './postgres-address.ts'
import { destinationError } from './postgres-errors.ts'

export async function openPostgresDestination(target: PostgresTarget): Promise<Destination> {
  return new PostgresDestination(target, await connectPostgres(target.address))
}

/** One session, used by one call at a time: the calls of streams that begin together wait for each other. */
class PostgresDestination implements Destination {
  readonly #target: PostgresTarget
  #client: pg.Client
  #broken = false
  #last: Promise<unknown> = Promise.resolve()

  constructor(target: PostgresTarget, client: pg.Client) {
    this.#target = target
    this.#client = client
    this.#watch()
  }

  check(): Promise<void> {
    return this.#alone((client) => migrateBookkeeping(client))
  }

  startRun(connection: string): Promise<number> {
    return this.#alone((client) => startRun(client, connection))
  }

  endRun(connection: string, run: number): Promise<void> {
    return this.#alone((client) => endRun(client, connection, run))
  }

  begin(stream: SinkStream, run: number): Promise<StreamSync> {
    return this.#alone((client) => beginSync(client, stream, { schema: this.#target.schema, run }))
  }

  savePlan(sync: StreamSync, slices: readonly SliceStart[]): Promise<void> {
    return this.#alone(async (client) => {
      await client.query(
        `INSERT INTO reactor_connect.slices (connection, stream, slice, partition, state, seq)
         SELECT $1, $2, r.slice, r.partition, r.state, 0
           FROM json_to_recordset($3) AS r (slice text, partition integer, state json)`,
        [sync.sink.connection, streamKey(sync.streamId), JSON.stringify(slices)],
      )
    })
  }

  finish(sync: StreamSync): Promise<void> {
    return this.#alone((client) => finishSync(client, sync, this.#target.schema))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.end().catch(() => undefined)
  }

  #alone<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const result = this.#last.then(async () => {
      try {
        if (this.#broken) await this.#reconnect()
        return await work(this.#client)
      } catch (error) {
        throw destinationError(error, this.#target.address)
      }
    })
    this.#last = result.catch(() => undefined)
    return result
  }

  async #reconnect(): Promise<void> {
    this.#client = await connectPostgres(this.#target.address)
    this.#broken = false
    this.#watch()
  }

  #watch(): void {
    const client = this.#client
    client.on('end', () => {
      if (client === this.#client) this.#broken = true
    })
  }
}
