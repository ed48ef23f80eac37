import { setTimeout as sleep } from 'node:timers/promises'

/** Callers that ask within this time share a look. */
const gatherMs = 20

/**
 * Lets callers share an expensive look at something that changes. Each gets a look that began after it
 * asked: one that was in progress already may have seen what was before.
 */
export class SharedLook<Result> {
  readonly #look: () => Promise<Result>
  #next: Promise<Result> | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor(look: () => Promise<Result>) {
    this.#look = look
  }

  fresh(): Promise<Result> {
    this.#next ??= this.#begin()
    return this.#next
  }

  async #begin(): Promise<Result> {
    await Promise.allSettled([this.#last, sleep(gatherMs)])
    this.#next = undefined
    const look = this.#look()
    this.#last = look
    return look
  }
}
