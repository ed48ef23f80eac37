import { setTimeout as sleep } from 'node:timers/promises'
import { ConnectError, type JsonObject } from '../../protocol/index.ts'

/** Stores what a source changed in its configuration (a single-use token), at least the last change. */
export class ConfigKeeper {
  readonly #keep: (config: JsonObject) => Promise<void>
  readonly #onFailure: (error: ConnectError) => void
  #next: JsonObject | undefined
  #working: Promise<void> | undefined

  constructor(
    keep: (config: JsonObject) => Promise<void>,
    onFailure: (error: ConnectError) => void,
  ) {
    this.#keep = keep
    this.#onFailure = onFailure
  }

  noteChange(config: JsonObject): void {
    this.#next = config
    this.#working ??= this.#work()
  }

  /** Resolves when the changes are stored, or the attempts to do so have lasted long enough. */
  async waitUntilSettled(): Promise<void> {
    await this.#working
  }

  async #work(): Promise<void> {
    while (this.#next !== undefined) {
      const config = this.#next
      this.#next = undefined
      await this.#persist(config)
    }
    this.#working = undefined
  }

  /** Tries for about half a minute: the token that it replaces is no longer valid. */
  async #persist(config: JsonObject): Promise<void> {
    for (let attempt = 1; this.#next === undefined; attempt++) {
      try {
        await this.#keep(config)
        return
      } catch (thrown) {
        const error = ConnectError.from(thrown)
        if (error.retryable && attempt < 7) await sleep(250 * 2 ** attempt)
        else {
          this.#onFailure(error)
          return
        }
      }
    }
  }
}
