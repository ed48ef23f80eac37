import { sqlstates } from '../../postgres/sqlstate.ts'
import { ConnectError } from '../../protocol/index.ts'
import type { DestinationSession } from './session.ts'

/** The number of an advisory lock, as text of an int8, or its two numbers. */
export type LockKey = string | readonly [number, number]

/**
 * An advisory lock: any login of the database may take the same one for its own purposes. So each wait has a
 * limit, and the error names the sessions that hold it.
 */
export interface AdvisoryLock {
  /** Taken in this order. */
  readonly keys: readonly LockKey[]
  /** The object that the lock protects, for people. */
  readonly subject: string
  readonly seconds: number
}

/** Holds it until the session ends. Not inside of a transaction. Throws `destination_lock_held`. */
export async function lockForSession(
  session: DestinationSession,
  how: 'shared' | 'exclusive',
  lock: AdvisoryLock,
): Promise<void> {
  const take = how === 'shared' ? 'pg_advisory_lock_shared' : 'pg_advisory_lock'
  try {
    // Several statements in one round trip are a transaction: the time limit ends with it, but the lock does
    // not.
    await session.runPinned(
      `SET LOCAL lock_timeout = '${lock.seconds}s'; SELECT ${callsOf(take, lock.keys)}`,
    )
  } catch (error) {
    throw await heldBy(session, error, { ...lock, how })
  }
}

/**
 * Holds it until the transaction ends; no lock in the transaction is waited for longer than for this one.
 * Throws `destination_lock_held`.
 */
export async function lockForTransaction(
  session: DestinationSession,
  lock: AdvisoryLock,
): Promise<void> {
  try {
    await session.runPinned(
      `SET LOCAL lock_timeout = '${lock.seconds}s'; SAVEPOINT advisory;
       SELECT ${callsOf('pg_advisory_xact_lock', lock.keys)}; RELEASE SAVEPOINT advisory`,
    )
  } catch (error) {
    if (isTimeout(error)) await session.rollbackTo('advisory')
    throw await heldBy(session, error, { ...lock, how: 'exclusive' })
  }
}

function callsOf(take: string, keys: readonly LockKey[]): string {
  return keys
    .map((key) =>
      typeof key === 'string'
        ? `pg_catalog.${take}('${key}'::pg_catalog.int8)`
        : `pg_catalog.${take}(${key[0]}, ${key[1]})`,
    )
    .join(', ')
}

/** The time limit has passed. */
function isTimeout(error: unknown): boolean {
  return error instanceof ConnectError && error.details.sqlstate === sqlstates.lockNotAvailable
}

/** A shared lock waits for sessions that hold it exclusively, and for those that wait to. */
async function heldBy(
  session: DestinationSession,
  error: unknown,
  { keys, subject, seconds, how }: AdvisoryLock & { readonly how: 'shared' | 'exclusive' },
): Promise<unknown> {
  if (!isTimeout(error)) return error
  const holders = await session.rows<{ pid: number; user: string | null }>(
    `SELECT l.pid, min(a.usename) AS user
       FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
       JOIN unnest($1::int[], $2::int8[], $3::int8[]) AS k (sub, first, second)
         ON l.objsubid = k.sub AND l.classid::int8 = k.first AND l.objid::int8 = k.second
      WHERE l.locktype = 'advisory' AND l.pid <> pg_backend_pid()
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (l.mode = 'ExclusiveLock' OR l.granted AND $4)
      GROUP BY l.pid ORDER BY bool_or(l.granted) DESC, l.pid LIMIT 3`,
    [...partsOf(keys), how === 'exclusive'],
  )
  const [first] = holders
  if (first === undefined) return error
  const named = holders.map(({ pid, user }) => `session ${pid} of user ${user ?? 'unknown'}`)
  const { host, port, database } = session.address
  const facts = { subject, holders: named.join(' and '), pid: first.pid, seconds }
  return new ConnectError('destination_lock_held', { details: { host, port, database, ...facts } })
}

/** As pg_locks has them: objsubid, classid and objid, each unsigned. */
function partsOf(keys: readonly LockKey[]): readonly [number[], string[], string[]] {
  const parts = keys.map((key) => {
    if (typeof key !== 'string') return [2, String(key[0]), String(key[1])] as const
    const bits = BigInt.asUintN(64, BigInt(key))
    return [1, String(bits >> 32n), String(bits & 0xffff_ffffn)] as const
  })
  return [parts.map(([sub]) => sub), parts.map((part) => part[1]), parts.map((part) => part[2])]
}
