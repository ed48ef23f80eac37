import type { PostgresAddress } from '../support/postgres.ts'
import type { Database } from './table-rows.ts'

/** A backup of a database, and its restore in the place of the database. */
export class DestinationBackup implements AsyncDisposable {
  readonly #admin: Database
  readonly #name: string
  readonly #backup: string
  #isMade = false

  /** `admin` is another database of the same server. */
  constructor(admin: Database, { address }: { readonly address: PostgresAddress }) {
    this.#admin = admin
    this.#name = address.database
    this.#backup = `${address.database}_backup`
  }

  async make(): Promise<void> {
    await this.#copy(this.#name, this.#backup)
    this.#isMade = true
  }

  /** False if there is no backup. */
  async restore(): Promise<boolean> {
    if (!this.#isMade) return false
    await this.#copy(this.#backup, this.#name)
    return true
  }

  async #copy(from: string, to: string): Promise<void> {
    await this.#admin.query(`DROP DATABASE IF EXISTS ${to} WITH (FORCE)`)
    await this.#admin.query(`
      SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '${from}' AND pid <> pg_backend_pid()`)
    await this.#admin.query(`CREATE DATABASE ${to} TEMPLATE ${from}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#admin.query(`DROP DATABASE IF EXISTS ${this.#backup} WITH (FORCE)`)
  }
}
