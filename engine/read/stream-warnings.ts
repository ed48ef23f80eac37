import type { MessagePort } from 'node:worker_threads'
import { ConnectError, cutText, passedCharacters } from '../../protocol/index.ts'
import type { StreamWarning, WorkerMessage } from '../threads/protocol.ts'

/**
 * The read worker's side of the warnings of a stream: see `WarningKeeper` in main-side.ts. A state that goes
 * into the log can become a checkpoint, in whichever process, and a read that goes on from there need not
 * find again what there was to warn of. So wait before each.
 */
export class StreamWarnings {
  readonly #port: MessagePort
  readonly #waiting = new Map<number, PromiseWithResolvers<undefined>>()
  #lastId = 0
  #failure: ConnectError | undefined

  constructor(port: MessagePort) {
    this.#port = port
    port.on('message', (message: WorkerMessage) => {
      if (message.type === 'warning_failed') this.#failure ??= ConnectError.fromJSON(message.error)
      if (message.type === 'warning_kept' || message.type === 'warning_failed')
        this.#settle(message.id)
    })
  }

  warn(text: string): void {
    this.#lastId += 1
    this.#waiting.set(this.#lastId, Promise.withResolvers())
    const warning = { type: 'warning', id: this.#lastId, text: storable(text) } as const
    this.#port.postMessage(warning satisfies StreamWarning)
  }

  /** Resolves when all warnings until now are durable. Throws if a warning could not be stored. */
  async untilKept(): Promise<void> {
    await Promise.all([...this.#waiting.values()].map(({ promise }) => promise))
    if (this.#failure !== undefined) throw this.#failure
  }

  #settle(id: number): void {
    this.#waiting.get(id)?.resolve(undefined)
    this.#waiting.delete(id)
  }
}

/**
 * Cut here, so that the text is the same when the destination reports it: a warning is reported once.
 * PostgreSQL stores no U+0000 and no half of a surrogate pair.
 */
function storable(text: string): string {
  return cutText(text.replaceAll('\0', '').toWellFormed(), passedCharacters)
}
