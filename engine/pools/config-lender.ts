import type { ChangeConfig } from '../../connectors/connector.ts'
import { ConnectError, type JsonObject } from '../../protocol/index.ts'
import type { ConfigReply, ConfigRequest } from './worker-events.ts'

/**
 * The main thread's side of `ChangeConfig` for one job: lends the configuration to the worker, and keeps what it returns. What
 * a worker that died, or was stopped, has not returned stays as it was.
 */
export class ConfigLender implements AsyncDisposable {
  readonly #changeConfig: ChangeConfig
  readonly #reply: (reply: ConfigReply) => void
  /** What was asked for and is not returned yet. */
  readonly #returns = new Map<number, (config: JsonObject | null) => void>()
  readonly #changes = new Set<Promise<void>>()
  #isEnded = false

  constructor(changeConfig: ChangeConfig, reply: (reply: ConfigReply) => void) {
    this.#changeConfig = changeConfig
    this.#reply = reply
  }

  handle(request: ConfigRequest): void {
    if (request.type === 'config_returned') {
      this.#returns.get(request.id)?.(request.config)
      return
    }
    const change = this.#lend(request.id).finally(() => this.#changes.delete(change))
    this.#changes.add(change)
  }

  async #lend(id: number): Promise<void> {
    const returned = Promise.withResolvers<JsonObject | null>()
    this.#returns.set(id, returned.resolve)
    if (this.#isEnded) returned.resolve(null)
    try {
      const config = await this.#changeConfig((kept) => {
        this.#reply({ type: 'config_lent', id, config: kept })
        return returned.promise
      })
      this.#reply({ type: 'config_kept', id, config })
    } catch (error) {
      this.#reply({ type: 'config_failed', id, error: ConnectError.from(error).toJSON() })
    } finally {
      this.#returns.delete(id)
    }
  }

  /** Call it when the worker's port has closed: resolves when what was returned is kept. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnded = true
    for (const giveBack of this.#returns.values()) giveBack(null)
    await Promise.all(this.#changes)
  }
}
