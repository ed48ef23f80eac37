import type { PostgresConfig } from '../config.ts'
import { missingRight, unavailable, wrongWalLevel } from './replication-errors.ts'
import type { ServerSession } from './server-session.ts'

export interface ServerFacts {
  /** As `server_version_num`: 180003. */
  readonly version: number
  readonly isStandby: boolean
}

/** Throws `source_replication_unavailable` if the server or the role cannot do change data capture. */
export async function requireReplication(
  session: ServerSession,
  config: PostgresConfig,
): Promise<ServerFacts> {
  const [row] = await session.rows<{
    readonly version: number
    readonly level: string
    readonly isStandby: boolean
    readonly mayReplicate: boolean
  }>(
    `SELECT current_setting('server_version_num')::int AS version, current_setting('wal_level') AS level,
       pg_is_in_recovery() AS "isStandby",
       coalesce((SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = current_user), false)
         OR EXISTS (SELECT FROM pg_roles r WHERE r.rolname IN ('rds_replication', 'rds_superuser', 'azure_pg_admin', 'cloudsqlsuperuser')
                     AND pg_has_role(current_user, r.oid, 'USAGE')) AS "mayReplicate"`,
  )
  const { version = 0, level = '', isStandby = false, mayReplicate = false } = row ?? {}
  if (version < oldest) throw unavailable(config, tooOld)
  if (level !== 'logical') throw unavailable(config, wrongWalLevel(level))
  if (!mayReplicate) throw unavailable(config, missingRight(config.user))
  if (isStandby && version < 160000) throw unavailable(config, standbyTooOld)
  return { version, isStandby }
}

/** The first version whose publications show partitions as their root. */
const oldest = 130000
const tooOld = {
  problem: 'the server is older than PostgreSQL 13',
  fix: 'Upgrade the server, or set `replication: cursor`.',
}
const standbyTooOld = {
  problem: 'the server is a standby, and only PostgreSQL 16 and later decode changes there',
  fix: 'Set `host` to the primary.',
}
