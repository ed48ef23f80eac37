import { limitCommand } from '../../postgres/connection-limit.ts'
import { ConnectError } from '../../protocol/index.ts'
import type { PostgresConfig } from './config.ts'

/** How many sessions the role and the database may have; -1: any number. */
export interface ConnectionLimits {
  readonly role: number
  readonly database: number
}

/** SQL: the columns of `ConnectionLimits`. A superuser has no limit. */
export const connectionLimits = `
  coalesce((SELECT rolconnlimit FROM pg_catalog.pg_roles WHERE rolname = session_user AND NOT rolsuper), -1) AS role,
  coalesce((SELECT d.datconnlimit FROM pg_catalog.pg_database d, pg_catalog.pg_roles r
             WHERE d.datname = pg_catalog.current_database() AND r.rolname = session_user AND NOT r.rolsuper), -1) AS database`

/** One for the snapshot, and one that reads. */
const fewestSessions = 2

/** Throws if a run cannot have the sessions that it needs: its lanes would wait for minutes. */
export function requireSessions(
  limits: ConnectionLimits | undefined,
  { host, port, user, database }: PostgresConfig,
): void {
  const place = (['role', 'database'] as const).find((name) => isTooLow(limits?.[name]))
  if (place === undefined) return
  const subject = place === 'role' ? `Role ${user}` : `Database ${database}`
  const command = limitCommand(place, { user, database }, String(fewestSessions))
  throw new ConnectError('source_connection_limit', { details: { host, port, subject, command } })
}

function isTooLow(limit: number | undefined): boolean {
  return limit !== undefined && limit >= 0 && limit < fewestSessions
}
