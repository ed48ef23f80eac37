import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { errorCodes } from '../../protocol/index.ts'
import { loginAction, nobody, type AuditLog } from '../platform/audit/contract.ts'
import { type AuditPrincipal } from '../platform/audit/schema.ts'
import type { LoginOutcome } from './contract.ts'
import type { User } from '../users/schema.ts'
import { clientNetwork } from '../../lib/net/client-network.ts'
import { auditEntry } from '../platform/http/audit-trail.ts'

/** Failed logins within this time, from one network for one user, become one entry. */
const windowMs = 15 * 60_000
/** Maximum number of entries in a window for unknown e-mails, from however many networks. */
const strangerEntries = 100

/**
 * Writes logins into the audit log: each successful one, and a count of failed ones, because anybody can fail
 * to log in as often as they like. The same statement whether or not the e-mail is known, so that the time
 * reveals nothing.
 */
export async function recordLogin(
  log: AuditLog,
  request: FastifyRequest,
  outcome: LoginOutcome,
): Promise<void> {
  const { user } = outcome
  const about = {
    ...auditEntry(request, { action: loginAction, name: user?.email ?? null }),
    principal: user === null ? nobody : principalOf(user),
  }
  if (outcome.state === 'succeeded') {
    await log.add({ ...about, outcome: 'done', status: 200, error: null })
    return
  }
  const error = outcome.state === 'refused' ? 'login_refused' : 'login_throttled'
  const { httpStatus: status } = errorCodes[error]
  const network = clientNetwork(request.ip)
  const who = user === null ? `nobody ${String(placeOf(network))}` : `${user.id} ${network}`
  const window = Math.floor(Date.now() / windowMs)
  await log.count(
    { ...about, outcome: 'failed', status, error },
    `${String(window)} ${error} ${who}`,
  )
}

function principalOf({ id, role, email }: User): AuditPrincipal {
  return { id, kind: role, name: email, via: 'password' }
}

/** The entry for unknown e-mails that a network belongs to. */
function placeOf(network: string): number {
  return createHash('sha256').update(network).digest().readUInt32BE() % strangerEntries
}
