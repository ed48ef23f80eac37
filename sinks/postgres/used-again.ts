import type { Logger } from 'pino'
import { IdleSessions } from '../../lib/async/idle-sessions.ts'
import type { DestinationPlace } from './destination-errors.ts'
import { DestinationSession, type SessionWork } from './session.ts'

/**
 * The use of a session. The facts that stay the same for the life of a session are its key: sessions with the
 * same key are interchangeable.
 */
export interface SessionUse {
  readonly place: DestinationPlace
  /** For whom it is marked (bookkeeping/run-sessions.ts); undefined if it is not. */
  readonly mark?: string
  /** For waits for locks. */
  readonly logger?: Logger
}

/**
 * Sessions at destinations, used one after the other. Between two uses one has no transaction, no temporary
 * table and no lock but the mark.
 */
export class SessionsUsedAgain implements AsyncDisposable {
  readonly #idle = new IdleSessions<DestinationSession>()
  readonly #work: SessionWork

  constructor(work: SessionWork) {
    this.#work = work
  }

  /** An idle session of the same use, or a new one. `isNew`: nothing was done with it yet. */
  async take(
    use: SessionUse,
  ): Promise<{ readonly session: DestinationSession; readonly isNew: boolean }> {
    const idle = this.#idle.take(keyOf(use))
    const session = idle ?? (await DestinationSession.open(use.place, this.#work))
    session.usePlace(use.place)
    session.useLogger(use.logger)
    return { session, isNew: idle === undefined }
  }

  giveBack(session: DestinationSession, use: SessionUse): Promise<void> {
    return this.#idle.giveBack(session, keyOf(use))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#idle[Symbol.asyncDispose]()
  }
}

function keyOf({ place: { address, bookkeeping }, mark }: SessionUse): string {
  return JSON.stringify([address, bookkeeping ?? null, mark ?? null])
}
