import type { IdleSession, IdleSessions } from '../../lib/async/idle-sessions.ts'
import type { PostgresConfig } from './config.ts'
import { SourceSession } from './session.ts'

/** Sessions that are used one after the other, outside of a transaction between two uses. */
export type SessionsUsedAgain = IdleSessions<IdleSession> | undefined

/**
 * An idle session of the same configuration, or a new one: in a transaction, as `SourceSession.open` says.
 */
export async function openOrEnter(
  config: PostgresConfig,
  options: Parameters<typeof SourceSession.open>[1],
  sessions: SessionsUsedAgain,
): Promise<SourceSession> {
  const idle = sessions?.take(keyOf(config))
  if (!(idle instanceof SourceSession)) return SourceSession.open(config, options)
  await idle.enter(options)
  return idle
}

/** For the next use. Its transaction ends, also a failed one; without `sessions`, so does the session. */
export async function giveBack(
  session: SourceSession,
  config: PostgresConfig,
  sessions: SessionsUsedAgain,
): Promise<void> {
  if (sessions === undefined) {
    await session[Symbol.asyncDispose]()
    return
  }
  // The session has done its work: if it is lost by now, it is only not used again.
  if (!session.isLost)
    await session.leave().catch(() => {
      session.destroy()
    })
  await sessions.giveBack(session, keyOf(config))
}

function keyOf(config: PostgresConfig): string {
  return `postgres ${JSON.stringify(config)}`
}
