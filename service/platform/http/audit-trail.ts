import type { FastifyRequest, onSendAsyncHookHandler, preHandlerAsyncHookHandler } from 'fastify'
import { z } from 'zod'
import type { ConnectError, ErrorCodeName } from '../../../protocol/index.ts'
import { isChange, type ActionName } from '../access/actions.ts'
import type { AuditDetails, AuditOutcome } from '../audit/schema.ts'
import type { AuditLog, NewAuditEntry, loginAction } from '../audit/contract.ts'
import { isOutcomeUnknown } from './outcome-unknown.ts'
import { requestedResource, resourceInBody } from './requested-resource.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The entry of a change in the audit log. */
    audited: Audited | null
    /**
     * The facts of an invocation that are known before it is permitted: as the request says, it may be
     * refused for them.
     */
    invocationFacts: AuditDetails | null
    /** In the response. */
    failure: ConnectError | null
  }
}

export interface Audited {
  readonly id: string
  /** The resource of the change. */
  name: string | null
  /** Facts that a route only knows when it is done. */
  details: AuditDetails | null
}

/** For facts that a route only knows when it is done. */
export function noteAudited(
  { audited }: FastifyRequest,
  facts: Partial<Omit<Audited, 'id'>>,
): void {
  if (audited !== null) Object.assign(audited, facts)
}

/**
 * Writes every change into the audit log: that it begins, before anything is done; then, before the response,
 * how it ended.
 */
export class AuditTrail {
  readonly #log: AuditLog

  constructor(log: AuditLog) {
    this.#log = log
  }

  /** The request is known to be well-formed and allowed. If the entry cannot be written, nothing is done. */
  readonly preHandler: preHandlerAsyncHookHandler = async (request) => {
    const { action } = request.routeOptions.config
    if (action === undefined || !isChange(action)) return
    const name = nameOf(request, action)
    const entry = auditEntry(request, { action, name })
    const id = await this.#log.add({ ...entry, outcome: 'begun', status: null, error: null })
    request.audited = { id, name: entry.name, details: entry.details }
  }

  readonly onSend: onSendAsyncHookHandler = async (request, reply, payload) => {
    const { audited, failure } = request
    if (audited === null) return payload
    const status = reply.statusCode
    const isReplayed = reply.hasHeader('idempotent-replayed')
    const isRead = request.invocationFacts?.effect === 'read'
    const outcome = outcomeOf({ status, failure, isReplayed, isRead })
    const error = failure?.code ?? null
    try {
      const { name, details } = audited
      await this.#log.end(audited.id, { outcome, status, error, name, details })
    } catch (failure) {
      // The change is done, and the log has its beginning: the response is still right.
      request.log.error({ err: failure, audit: audited.id }, 'the audit log lacks an outcome')
    }
    return payload
  }
}

/** By which keys, users and receivers are named. */
const servicePath = z.object({
  id: z.string().optional(),
  name: z.string().optional(),
  // As the routes parse it: a refusal comes before the path is validated.
  email: z.string().toLowerCase().optional(),
  /** Whose deliveries are replayed or discarded. */
  receiver: z.string().optional(),
})

/** The entry for an action that began, or was refused, from the facts in the request. */
export function auditEntry(
  request: FastifyRequest,
  {
    action,
    name,
  }: { readonly action: ActionName | typeof loginAction; readonly name: string | null },
): Omit<NewAuditEntry, 'outcome' | 'status' | 'error'> {
  const { principal, method, url, ip } = request
  return {
    principal,
    action,
    resource: action.split(':')[0] ?? action,
    name: name === '' ? null : (name?.slice(0, maxNameLength) ?? null),
    request: `${method} ${url.split('?')[0] ?? ''}`.slice(0, maxNameLength),
    requestId: request.id,
    address: ip,
    details: request.invocationFacts,
  }
}

/** Names and ids are shorter; anything longer was made up. */
export const maxNameLength = 300

function nameOf(request: FastifyRequest, action: ActionName): string | null {
  const resource = requestedResource(request, action)
  if (resource === 'body' || resource === 'list') return resourceInBody(request, action).name
  if ('run' in resource) return null
  if (resource.kind !== 'service') return resource.name
  return serviceName(request)
}

/** The name or id of a key, a user or a receiver. */
export function serviceName({ params, body }: FastifyRequest): string | null {
  const { name, id, email } = servicePath.parse(params)
  const inBody = servicePath.safeParse(body).data
  return name ?? id ?? email ?? inBody?.email ?? inBody?.receiver ?? null
}

const invalidTokens = new Set<ErrorCodeName | null>([
  'dry_run_token_invalid',
  'promote_token_invalid',
])

function outcomeOf(end: {
  readonly status: number
  readonly failure: ConnectError | null
  readonly isReplayed: boolean
  /** An action that changes nothing. */
  readonly isRead: boolean
}): AuditOutcome {
  const { failure } = end
  const error = failure?.code ?? null
  // The response was abandoned, but not the work.
  if (error === 'request_timed_out') return 'begun'
  // Some rights are only known when it is done: for example, whose sandbox it is. An invalid token is not a
  // question of rights.
  if (end.status === 403 && !invalidTokens.has(error)) return 'denied'
  if (failure !== null && !end.isRead && mayBeDone(failure)) return 'unknown'
  if (end.status >= 400) return 'failed'
  return end.isReplayed ? 'replayed' : 'done'
}

function mayBeDone(failure: ConnectError): boolean {
  return failure.details.nothing_sent !== true && isOutcomeUnknown(failure)
}
