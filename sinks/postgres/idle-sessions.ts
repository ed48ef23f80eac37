import type { DestinationPlace } from './destination-errors.ts'
import { DestinationSession } from './session.ts'

/** What a session holds for as long as it lives: only the same may use it again. */
export interface SessionUse {
  readonly place: DestinationPlace
  /** For whom it is marked (bookkeeping/run-sessions.ts); undefined if it is not. */
  readonly mark?: string
}

interface Idle {
  readonly session: DestinationSession
  readonly use: string
  readonly timer: NodeJS.Timeout
}

/** One that is idle for longer may have been dropped on the way without a word (a firewall), and takes a slot of the server. */
const idleMs = 2_000
/** A run begins and ends its streams a few at a time. */
const mostIdle = 8

/**
 * Sessions that are ready for the next call. To open one costs 8 ms of CPU on client and server (the password's check has thousands of hashes),
 * as much as all that the call does: of a run of many small streams it would be most.
 */
export class IdleSessions implements AsyncDisposable {
  readonly #idle: Idle[] = []
  #isDisposed = false

  /** An idle session of the same use, or a new one. `isNew`: nothing was done with it yet. */
  async take(
    use: SessionUse,
  ): Promise<{ readonly session: DestinationSession; readonly isNew: boolean }> {
    const wanted = keyOf(use)
    for (;;) {
      const index = this.#idle.findLastIndex((idle) => idle.use === wanted)
      const [idle] = index < 0 ? [] : this.#idle.splice(index, 1)
      if (idle === undefined)
        return { session: await DestinationSession.open(use.place), isNew: true }
      clearTimeout(idle.timer)
      if (idle.session.isLost) continue
      idle.session.usePlace(use.place)
      return { session: idle.session, isNew: false }
    }
  }

  /** After a use that left nothing behind: no transaction, no temporary table, no lock but the mark. */
  async giveBack(session: DestinationSession, use: SessionUse): Promise<void> {
    if (this.#isDisposed || session.isLost || this.#idle.length >= mostIdle) {
      await session[Symbol.asyncDispose]()
      return
    }
    const timer = setTimeout(() => {
      this.#drop(session)
    }, idleMs)
    timer.unref()
    this.#idle.push({ session, use: keyOf(use), timer })
  }

  /** Those that are given back later are closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    const idle = this.#idle.splice(0)
    for (const { timer } of idle) clearTimeout(timer)
    await Promise.all(idle.map(({ session }) => session[Symbol.asyncDispose]()))
  }

  #drop(session: DestinationSession): void {
    const index = this.#idle.findIndex((idle) => idle.session === session)
    if (index < 0) return
    this.#idle.splice(index, 1)
    void session[Symbol.asyncDispose]()
  }
}

function keyOf({ place: { address, bookkeeping }, mark }: SessionUse): string {
  return JSON.stringify([address, bookkeeping ?? null, mark ?? null])
}
