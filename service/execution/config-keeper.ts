import { setTimeout as sleep } from 'node:timers/promises'
import { ConnectError, type JsonObject } from '../../protocol/index.ts'

/** Keeps what a source changed of its configuration (a single-use token), the last change in any case. */
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

  /** What changed is kept, or has been tried for long enough. */
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

  /** For about half a minute: the token that it replaces is worth nothing any more. */
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
