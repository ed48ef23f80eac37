import type { MessagePort } from 'node:worker_threads'
import type { JsonValue } from '../../protocol/index.ts'
import type { WorkerMessage } from '../threads/protocol.ts'

/** The sink commits the end of a lane at once. If it fails, its error ends the lane. */
const lastCommitMs = 5_000

/** The states of one read of a feed that the destination has committed, from the first one on. */
export class CommittedStates {
  #committed: JsonValue
  #written: string
  #listener: ((state: JsonValue) => void) | undefined
  #wake: (() => void) | undefined

  /** @param first the state that the destination had when the lane was opened */
  constructor(port: MessagePort, first: JsonValue) {
    this.#committed = first
    this.#written = JSON.stringify(first)
    port.on('message', (message: WorkerMessage) => {
      if (message.type === 'state_committed') this.#note(message.state)
    })
  }

  /** The listener gets the newest state now, and then each that follows. */
  listen(listener: (state: JsonValue) => void): void {
    this.#listener = listener
    listener(this.#committed)
  }

  /** The read has written this state. */
  noteWritten(state: JsonValue): void {
    this.#written = JSON.stringify(state)
  }

  /**
   * Resolves when the last state that was written is committed, and the source has learned of it; or when
   * that takes too long.
   */
  async untilCommitted(): Promise<void> {
    if (this.#listener === undefined || this.#isDone) return
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const wake = (): void => {
      resolve(undefined)
    }
    this.#wake = wake
    const timer = setTimeout(wake, lastCommitMs)
    await promise
    clearTimeout(timer)
  }

  get #isDone(): boolean {
    return JSON.stringify(this.#committed) === this.#written
  }

  #note(state: JsonValue): void {
    this.#committed = state
    this.#listener?.(state)
    if (this.#isDone) this.#wake?.()
  }
}
