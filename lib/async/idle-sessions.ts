/** A session that may be used again. */
export interface IdleSession extends AsyncDisposable {
  readonly isLost: boolean
}

interface Idle<Session> {
  readonly session: Session
  readonly key: string
  readonly timer: NodeJS.Timeout
}

/**
 * One that is idle for longer may have been dropped on the way without a word (a firewall), and takes a slot
 * of the server.
 */
const idleMs = 2_000
/** A run begins and ends its streams a few at a time. */
const mostIdle = 8

/**
 * Sessions that are ready for the next use. To open one at PostgreSQL, the server starts a process and client
 * and server check a password with thousands of hashes: of a run of many small streams it was a third (300
 * tables of 100 rows, 2 cores, 2026-11: 45 s with, 30 s without).
 */
export class IdleSessions<Session extends IdleSession> implements AsyncDisposable {
  readonly #idle: Idle<Session>[] = []
  #isDisposed = false

  /** A session that was given back under the same key, and lives; undefined if there is none. */
  take(key: string): Session | undefined {
    for (;;) {
      const index = this.#idle.findLastIndex((idle) => idle.key === key)
      const [idle] = index < 0 ? [] : this.#idle.splice(index, 1)
      if (idle === undefined) return undefined
      clearTimeout(idle.timer)
      if (!idle.session.isLost) return idle.session
    }
  }

  /** After a use that left nothing behind which the key does not speak of. */
  async giveBack(session: Session, key: string): Promise<void> {
    if (this.#isDisposed || session.isLost || this.#idle.length >= mostIdle) {
      await session[Symbol.asyncDispose]()
      return
    }
    const timer = setTimeout(() => {
      this.#drop(session)
    }, idleMs)
    timer.unref()
    this.#idle.push({ session, key, timer })
  }

  /** Those that are given back later are closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    const idle = this.#idle.splice(0)
    for (const { timer } of idle) clearTimeout(timer)
    await Promise.all(idle.map(({ session }) => session[Symbol.asyncDispose]()))
  }

  #drop(session: Session): void {
    const index = this.#idle.findIndex((idle) => idle.session === session)
    if (index < 0) return
    this.#idle.splice(index, 1)
    void session[Symbol.asyncDispose]()
  }
}
