import { DatabaseError } from 'pg'
import { ConnectError } from '../../../protocol/index.ts'
import type { PostgresConfig } from '../config.ts'
import { sourceError } from '../errors.ts'

/** The error of a replication connection as the ConnectError that says what to do. */
export function replicationError(thrown: unknown, config: PostgresConfig): ConnectError {
  const { host, port, user, database } = config
  const refusal = thrown instanceof DatabaseError ? refusalOf(thrown, config) : undefined
  return refusal ?? sourceError(thrown, { host, port, user, database })
}

function refusalOf(
  { message, code }: DatabaseError,
  config: PostgresConfig,
): ConnectError | undefined {
  if (code === '42501') return unavailable(config, missingRight(config.user))
  if (code === '28000') return unavailable(config, notAdmitted(config))
  if (message.includes('all replication slots are in use')) return unavailable(config, noFreeSlot)
  if (message.includes('max_wal_senders')) return unavailable(config, noFreeSender)
  return slotRefusal(message, config)
}

function slotRefusal(message: string, config: PostgresConfig): ConnectError | undefined {
  const { host, port, slot } = config
  const pid = /active for PID (\d{1,10})/.exec(message)?.[1]
  if (pid !== undefined)
    return new ConnectError('source_slot_in_use', { details: { host, port, slot, pid } })
  const isLost = /can no longer (get changes|be accessed)|invalidated|has been removed/.test(
    message,
  )
  const isGone = /replication slot .* does not exist/.test(message)
  if (!isLost && !isGone) return undefined
  const reason = isLost ? 'the server no longer has what the slot needs' : 'there is none'
  return new ConnectError('source_slot_lost', { details: { host, port, slot, reason } })
}

export interface Obstacle {
  readonly problem: string
  readonly fix: string
}

/** The server, or the role, cannot do change data capture as it is. */
export function unavailable({ host, port }: PostgresConfig, obstacle: Obstacle): ConnectError {
  return new ConnectError('source_replication_unavailable', {
    details: { host, port, problem: obstacle.problem, fix: obstacle.fix },
  })
}

export function missingRight(user: string): Obstacle {
  return {
    problem: `role ${user} may not use replication`,
    fix: `Run \`ALTER ROLE "${user}" REPLICATION\` as a superuser (Amazon RDS: \`GRANT rds_replication TO "${user}"\`).`,
  }
}

function notAdmitted({ user, database }: PostgresConfig): Obstacle {
  return {
    problem: `the server refuses a replication connection of role ${user}`,
    fix: `Check that pg_hba.conf admits "${user}" to database "${database}", and that the role has REPLICATION.`,
  }
}

export const noFreeSlot: Obstacle = {
  problem: 'all replication slots are in use',
  fix: 'Raise `max_replication_slots` of the server and restart it, or drop a slot that nobody uses: `SELECT slot_name, active FROM pg_replication_slots`, `SELECT pg_drop_replication_slot(NAME)`.',
}

const noFreeSender: Obstacle = {
  problem: 'the server has no free connection for replication',
  fix: 'Raise `max_wal_senders` of the server and restart it.',
}

export function wrongWalLevel(level: string): Obstacle {
  return {
    problem: `wal_level is ${level}, and change data capture needs logical`,
    fix: 'Run `ALTER SYSTEM SET wal_level = logical` and restart the server (Amazon RDS: set `rds.logical_replication` to 1 in the parameter group).',
  }
}
