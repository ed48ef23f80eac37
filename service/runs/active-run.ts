import { ConnectError } from '../../protocol/index.ts'
import { violatedConstraint, type Session } from '../platform/database/database.ts'

/** The run of a connection that is queued or running: there is at most one. */
export async function findActiveRun(
  session: Pick<Session, 'query'>,
  connection: string,
): Promise<string | null> {
  const [row] = await session.query<{ readonly id: string }>(
    `SELECT run.id FROM reactor_connect_service.runs AS run
     JOIN reactor_connect_service.connections AS connection ON connection.id = run.connection_id
     WHERE connection.name = $1 AND run.status IN ('queued', 'running')`,
    [connection],
  )
  return row?.id ?? null
}

/**
 * Runs `work`, which inserts a run of the connection. Throws `run_active` with the run that is in the way; if
 * that has ended in the meantime, the work is tried again.
 */
export async function asOnlyActiveRun<Result>(
  session: Pick<Session, 'query'>,
  connection: string,
  work: () => Promise<Result>,
): Promise<Result> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (violatedConstraint(error) !== 'runs_one_active') throw error
    }
    const run = await findActiveRun(session, connection)
    if (run !== null) throw new ConnectError('run_active', { details: { connection, run } })
  }
}
