import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import { ConnectError, errorCodes } from '../../../protocol/index.ts'
import type { Access } from '../access/access.ts'
import type { InvokeContext, AccessResource, RunById } from '../access/access-request.ts'
import { actionFacts, type ActionName } from '../access/actions.ts'
import type { AuditLog } from '../audit/contract.ts'
import type { ShownFilter } from '../lists.ts'
import { auditEntry, serviceName } from './audit-trail.ts'
import { principalOf } from './authentication.ts'
import {
  activatesInBody,
  instanceInBody,
  requestedResource,
  resourceInBody,
} from './requested-resource.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The action of the route, for the policy: every route has one, except anonymous ones. */
    readonly action?: ActionName
    /** The action of reading the resources that the route's errors may name beside its own. */
    readonly namesBy?: ActionName
  }
  interface FastifyRequest {
    /**
     * For routes that list instances or connections, or whose errors name them (`namesBy`): which of them are
     * shown; null: all.
     */
    shown: ShownFilter | null
  }
}

/** Knows what a request to call an action is about. */
export interface InvokedCalls {
  contextOf(request: FastifyRequest): Promise<InvokeContext>
}

/**
 * Knows which rights a request needs on other things than its route's, such as the connections that a
 * receiver loads.
 */
export interface NeededRights {
  beside(request: FastifyRequest, action: ActionName): Promise<readonly RequestedAccess[]>
}

/**
 * Enforces scopes and policy before anything is looked up, so that no response reveals what exists. The audit
 * log has every refusal.
 */
export class Authorization {
  readonly #access: Access
  readonly #audit: AuditLog
  readonly #invokedCalls: InvokedCalls
  readonly #needed: NeededRights

  constructor(options: {
    readonly access: Access
    readonly audit: AuditLog
    readonly invokedCalls: InvokedCalls
    readonly needed: NeededRights
  }) {
    this.#access = options.access
    this.#audit = options.audit
    this.#invokedCalls = options.invokedCalls
    this.#needed = options.needed
  }

  /** After authentication, before the body is read. */
  readonly onRequest: onRequestAsyncHookHandler = (request) => this.authorize(request)

  /** Checks the path. Throws if the access is not allowed, or no longer. */
  async authorize(request: FastifyRequest): Promise<void> {
    const { action, anonymous, namesBy } = request.routeOptions.config
    if (action === undefined || anonymous === true) return
    const resource = requestedResource(request, action)
    if (resource === 'body') return
    if (resource !== 'list') {
      await this.demand(request, { action, resource })
      if (namesBy !== undefined) request.shown = this.#readable(request, namesBy)
      return
    }
    const all = { kind: actionFacts(action).on, name: '' }
    request.shown = await this.#recordRefusal(request, { action, resource: all }, (principal) =>
      this.#access.filter(principal, action),
    )
  }

  /** For decisions that depend on the body, which is parsed at this point, but not validated. */
  readonly preValidation: onRequestAsyncHookHandler = async (request) => {
    const { action, anonymous } = request.routeOptions.config
    if (action === undefined || anonymous === true) return
    for (const needed of await this.#needed.beside(request, action))
      await this.demand(request, needed)
    if (requestedResource(request, action) !== 'body') return
    const resource = resourceInBody(request, action)
    if (action === 'actions:invoke') {
      const invoke = await this.#invokedCalls.contextOf(request)
      await this.demand(request, { action, resource, invoke })
      return
    }
    await this.demand(request, { action, resource })
    // A caller who may not see it may not create it: the error that its name is taken would reveal it.
    await this.demand(request, { action: readingOf(resource), resource })
    if (action === 'connections:create') await this.#demandBinding(request, resource)
  }

  /** The rights that a new connection needs beside its name. */
  async #demandBinding(request: FastifyRequest, resource: AccessResource): Promise<void> {
    const source = instanceInBody(request)
    if (source !== null) await this.demand(request, { action: 'instances:read', resource: source })
    if (activatesInBody(request))
      await this.demand(request, { action: 'connections:activate', resource })
  }

  /**
   * A caller who may not see any of them may still make the request, but gets no names: nothing was refused.
   */
  #readable(request: FastifyRequest, action: ActionName): ShownFilter | null {
    try {
      return this.#access.filter(principalOf(request), action)
    } catch (error) {
      if (error instanceof ConnectError && error.code === 'permission_denied') return () => false
      throw error
    }
  }

  /** Throws if it is not allowed. */
  async demand(request: FastifyRequest, requested: RequestedAccess): Promise<void> {
    await this.#recordRefusal(request, requested, (principal) =>
      this.#access.demand({ principal, ...requested }),
    )
  }

  /**
   * For a response that shows more to those who may see it: nothing is refused, so the audit log has nothing
   * of it.
   */
  async isAllowed(request: FastifyRequest, requested: RequestedAccess): Promise<boolean> {
    try {
      await this.#access.demand({ principal: principalOf(request), ...requested })
      return true
    } catch (error) {
      if (error instanceof ConnectError && error.code === 'permission_denied') return false
      throw error
    }
  }

  async #recordRefusal<Result>(
    request: FastifyRequest,
    { action, resource }: RequestedAccess,
    decide: (principal: ReturnType<typeof principalOf>) => Result | Promise<Result>,
  ): Promise<Result> {
    try {
      return await decide(principalOf(request))
    } catch (error) {
      if (error instanceof ConnectError && errorCodes[error.code].httpStatus < 500) {
        const name = deniedName(request, resource)
        const entry = auditEntry(request, { action, name })
        const status = errorCodes[error.code].httpStatus
        await this.#audit.add({ ...entry, outcome: 'denied', status, error: error.code })
      }
      throw error
    }
  }
}

/** Keys and users are in the path, but are not resources of their own in the policy. */
function deniedName(request: FastifyRequest, resource: AccessResource | RunById): string | null {
  if ('run' in resource) return null
  return resource.kind === 'service' ? serviceName(request) : resource.name
}

export interface RequestedAccess {
  readonly action: ActionName
  readonly resource: AccessResource | RunById
  readonly invoke?: InvokeContext
}

function readingOf({ kind }: AccessResource): ActionName {
  return kind === 'instance' ? 'instances:read' : 'connections:read'
}
