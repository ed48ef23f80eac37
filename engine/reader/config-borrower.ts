import type { MessagePort } from 'node:worker_threads'
import { ConnectError, type JsonObject } from '../../protocol/index.ts'
import type { ConfigReply, ConfigRequest, StopRequest } from '../pools/worker-events.ts'

/** The worker's side of `ChangeConfig`: see `ConfigLender`. */
export class ConfigBorrower {
  readonly #port: MessagePort
  readonly #signal: AbortSignal
  readonly #waiting = new Map<number, PromiseWithResolvers<JsonObject>>()
  #lastId = 0

  /** @param signal ends all waiting */
  constructor(port: MessagePort, signal: AbortSignal) {
    this.#port = port
    this.#signal = signal
    port.on('message', (message: ConfigReply | StopRequest) => {
      if (message.type !== 'stop') this.#hear(message)
    })
  }

  async change(change: (kept: JsonObject) => Promise<JsonObject | null>): Promise<JsonObject> {
    this.#lastId += 1
    const id = this.#lastId
    let config: JsonObject | null = null
    const lent = await this.#ask({ type: 'config_asked', id })
    try {
      config = await change(lent)
    } catch (error) {
      this.#post({ type: 'config_returned', id, config: null })
      throw error
    }
    return this.#ask({ type: 'config_returned', id, config })
  }

  #ask(request: ConfigRequest): Promise<JsonObject> {
    const answer = Promise.withResolvers<JsonObject>()
    this.#waiting.set(request.id, answer)
    const stop = (): void => {
      this.#waiting.delete(request.id)
      answer.reject(this.#signal.reason)
    }
    if (this.#signal.aborted) stop()
    else {
      this.#signal.addEventListener('abort', stop, { once: true })
      this.#post(request)
    }
    return answer.promise.finally(() => {
      this.#signal.removeEventListener('abort', stop)
    })
  }

  #hear(reply: ConfigReply): void {
    const waiting = this.#waiting.get(reply.id)
    this.#waiting.delete(reply.id)
    if (reply.type === 'config_failed') waiting?.reject(ConnectError.fromJSON(reply.error))
    else if (waiting !== undefined) waiting.resolve(reply.config)
    // Nobody waits any more.
    else if (reply.type === 'config_lent')
      this.#post({ type: 'config_returned', id: reply.id, config: null })
  }

  #post(request: ConfigRequest): void {
    this.#port.postMessage(request)
  }
}
