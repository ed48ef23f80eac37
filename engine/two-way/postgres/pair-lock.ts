import { ConnectError } from '../../../protocol/index.ts'
import type { TwoWaySession } from './two-way-session.ts'

/** The lock of a pair, held by a session: two runs at once would create the same records twice. */
export interface PairLock {
  /**
   * Throws `pair_lock_lost` if the session that has the lock is lost: another run may be at work by now.
   * Writes that are stored but not sent yet are settled by that run, so this is asked after they are stored.
   */
  assertHeld(): Promise<void>
}

/** Throws `pair_busy` if another session has the lock. */
export async function lockPair(pair: string, session: TwoWaySession): Promise<PairLock> {
  const [row] = await session.rows<{ locked: boolean; backend: number }>(
    `SELECT pg_try_advisory_lock(hashtextextended('reactor_connect two-way ' || $1, 0)) AS locked,
       pg_backend_pid() AS backend`,
    [pair],
  )
  if (row?.locked !== true) throw new ConnectError('pair_busy', { details: { pair } })
  return {
    assertHeld: async () => {
      // A lost session opens again with the next statement, as another backend without the lock.
      const [now] = await session.rows<{ backend: number }>('SELECT pg_backend_pid() AS backend')
      if (now?.backend !== row.backend)
        throw new ConnectError('pair_lock_lost', { details: { pair } })
    },
  }
}
