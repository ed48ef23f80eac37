import { once } from 'node:events'
import type { Logger } from 'pino'
import { ConnectError } from '../../../protocol/index.ts'
import type { ChangeListener } from './change-listener.ts'
import type { Database } from './database.ts'
import { migrationChannel, newestMigration } from './migrate.ts'
import { migrations } from './migrations.ts'

/** Notices that a process of a newer version migrates the tables while this one runs. */
export class MigrationWatch {
  readonly #database: Database
  readonly #listener: ChangeListener
  readonly #logger: Logger
  readonly #known: number
  readonly #newer = new AbortController()

  constructor(options: {
    readonly database: Database
    readonly listener: ChangeListener
    readonly logger: Logger
    /** The number of the last migration of this version. */
    readonly known?: number
  }) {
    this.#database = options.database
    this.#listener = options.listener
    this.#logger = options.logger
    this.#known = options.known ?? migrations.length
  }

  /**
   * Aborted when the tables have a migration that this version does not know; the reason is a
   * `store_schema_newer`. It stays aborted: an older version could misread what the newer one writes.
   */
  get newer(): AbortSignal {
    return this.#newer.signal
  }

  /** Compares now. True: the tables are newer. Throws `store_unavailable`. */
  async look(): Promise<boolean> {
    const found = await newestMigration(this.#database)
    const known = this.#known
    if (found > known && !this.newer.aborted) {
      this.#logger.warn(
        { found, known },
        'a newer version has migrated the metadata database: this process drains, takes no more runs and fires no schedules; replace it with that version',
      )
      this.#newer.abort(new ConnectError('store_schema_newer', { details: { found, known } }))
    }
    return this.newer.aborted
  }

  /** Compares whenever a process has migrated, until the signal is aborted. It polls nothing. */
  async watch(signal: AbortSignal): Promise<void> {
    const compare = (): void => {
      this.look().catch((thrown: unknown) => {
        // The next claim of a run and the next readiness check compare, too.
        const { code } = ConnectError.from(thrown)
        this.#logger.debug({ code }, 'the migrations of the metadata database could not be read')
      })
    }
    const listening = this.#listener.onChange(migrationChannel, compare)
    if (!signal.aborted) await once(signal, 'abort')
    listening[Symbol.dispose]()
  }
}
