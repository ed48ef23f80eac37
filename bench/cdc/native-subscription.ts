import { setTimeout as delay } from 'node:timers/promises'
import type { BenchServer } from '../bench-server.ts'
import { changedTable } from './cdc-load.ts'

export type Streaming = 'off' | 'on' | 'parallel'

/**
 * PostgreSQL's own subscription into the database `warehouse` of the same server, over a table that has the
 * rows.
 */
export class NativeSubscription {
  readonly #bench: BenchServer
  readonly name = 'bench_native'

  constructor(bench: BenchServer) {
    this.#bench = bench
  }

  /** A server cannot make the slot of a subscription to itself. */
  async create(streaming: Streaming): Promise<void> {
    const { name } = this
    await this.#bench.source(
      `CREATE PUBLICATION ${name} FOR TABLE ${changedTable}`,
      `SELECT pg_create_logical_replication_slot('${name}', 'pgoutput')`,
    )
    await this.#bench.warehouse(
      `CREATE SUBSCRIPTION ${name} CONNECTION '${connectionText(this.#bench.sourceUrl)}' PUBLICATION ${name}
         WITH (slot_name = '${name}', create_slot = false, copy_data = false, enabled = false, streaming = ${streaming})`,
    )
  }

  /** Seconds until everything before the position is applied. */
  async applyUntil(position: string): Promise<number> {
    const started = performance.now()
    await this.#bench.warehouse(`ALTER SUBSCRIPTION ${this.name} ENABLE`)
    const isDone = `SELECT confirmed_flush_lsn >= '${position}'::pg_lsn FROM pg_replication_slots WHERE slot_name = '${this.name}'`
    while ((await this.#bench.sourceValue(isDone)) !== 'true') await delay(20)
    return (performance.now() - started) / 1000
  }

  async drop(): Promise<void> {
    const { name } = this
    await this.#bench.warehouse(
      `ALTER SUBSCRIPTION ${name} DISABLE`,
      `ALTER SUBSCRIPTION ${name} SET (slot_name = NONE)`,
      `DROP SUBSCRIPTION ${name}`,
    )
    const isFree = `SELECT NOT active FROM pg_replication_slots WHERE slot_name = '${name}'`
    while ((await this.#bench.sourceValue(isFree)) !== 'true') await delay(50)
    await this.#bench.source(
      `SELECT pg_drop_replication_slot('${name}')`,
      `DROP PUBLICATION ${name}`,
    )
  }
}

function connectionText(url: string): string {
  const { hostname, port, username, password, pathname } = new URL(url)
  return `host=${hostname} port=${port} user=${username} password=${decodeURIComponent(password)} dbname=${pathname.slice(1)}`
}
