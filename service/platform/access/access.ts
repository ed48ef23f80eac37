import type {
  AccessRequest,
  ListedResource,
  AccessResource,
  ResourceFacts,
  ResourceLookup,
  RunById,
} from './access-request.ts'
import type { Policy } from './policy.ts'
import { scopesAllow, scopesMayAllow, scopesName } from './scopes.ts'
import { ConnectError } from '../../../protocol/index.ts'
import { actionFacts, type ActionName } from './actions.ts'
import type { Principal } from './principal.ts'

/**
 * Decides by the scopes of the principal and by the policy; both must allow. It decides before anything is
 * looked up, so that the response never reveals to an unauthorized caller whether something exists.
 */
export class Access {
  readonly #policy: Policy
  readonly #lookup: ResourceLookup

  constructor(policy: Policy, lookup: ResourceLookup) {
    this.#policy = policy
    this.#lookup = lookup
  }

  /**
   * Throws `permission_denied`; or, if the caller may access a resource that does not exist but not this one,
   * the error of a resource that does not exist (`instance_not_found`, …), so that both look alike.
   */
  async demand(
    request: Omit<AccessRequest, 'resource'> & { readonly resource: AccessResource | RunById },
  ): Promise<void> {
    const { resource } = request
    if ('run' in resource) return this.#demandRun(request, resource)
    if (!this.#policy.isByFacts || resource.name === '') {
      if (!this.#allows({ ...request, resource }))
        throw notPermitted(request.action, resource, request)
      return
    }
    const facts = await this.#factsOf(resource)
    const existing = facts === null ? resource : { ...resource, facts }
    if (this.#allows({ ...request, resource: existing })) return
    throw this.#refusal(request, { existing, absent: resource, gone: notFoundError(resource) })
  }

  /** For a list: which items are shown; null: all. Throws `permission_denied` if none can be. */
  filter(principal: Principal, action: ActionName): ((item: ListedResource) => boolean) | null {
    const kind = actionFacts(action).on
    const byName = kind !== 'service' && (this.#policy.isByName || scopesName(principal.scopes))
    if (!byName) {
      const resource = { kind, name: '' }
      if (!this.#allows({ principal, action, resource }))
        throw notPermitted(action, resource, { principal })
      return null
    }
    if (!scopesMayAllow(principal.scopes, action))
      throw notPermitted(action, { kind, name: '' }, { principal })
    return ({ name, type, from }) => {
      const facts = {
        ...(type !== undefined && { type }),
        ...(from !== undefined && { instance: from }),
      }
      return this.#allows({ principal, action, resource: { kind, name, facts } })
    }
  }

  async #demandRun(request: Omit<AccessRequest, 'resource'>, { run }: RunById): Promise<void> {
    const absent: AccessResource = { kind: 'connection', name: '' }
    if (!this.#policy.isByName && !scopesName(request.principal.scopes)) {
      if (!this.#allows({ ...request, resource: absent }))
        throw notPermitted(request.action, absent, request)
      return
    }
    const connection = await this.#lookup.connectionOfRun(run)
    const existing =
      connection === null
        ? absent
        : { ...absent, name: connection.name, facts: { instance: connection.instance } }
    if (this.#allows({ ...request, resource: existing })) return
    const gone = new ConnectError('run_not_found', { details: { run } })
    throw this.#refusal(request, { existing, absent, gone })
  }

  /** The error for a resource that the caller may not access. */
  #refusal(
    request: Omit<AccessRequest, 'resource'>,
    {
      existing,
      absent,
      gone,
    }: {
      readonly existing: AccessResource
      readonly absent: AccessResource
      readonly gone: ConnectError
    },
  ): ConnectError {
    const denied = notPermitted(request.action, absent, request)
    if (!this.#allows({ ...request, resource: absent })) return denied
    const { principal } = request
    const read = readingOf[existing.kind]
    return this.#allows({ principal, action: read, resource: existing }) ? denied : gone
  }

  #allows(request: AccessRequest): boolean {
    const { principal, action, resource } = request
    // Everybody may use their own login, whatever their scopes.
    const inScope =
      actionFacts(action).group === 'self' || scopesAllow(principal.scopes, action, resource)
    return inScope && this.#policy.permits(request)
  }

  async #factsOf({ kind, name }: AccessResource): Promise<ResourceFacts | null> {
    switch (kind) {
      case 'instance':
        return this.#lookup.instance(name)
      case 'connection':
        return this.#lookup.connection(name)
      case 'service':
        return {}
    }
  }
}

const readingOf = {
  instance: 'instances:read',
  connection: 'connections:read',
  service: 'catalog:read',
} as const satisfies Readonly<Record<AccessResource['kind'], ActionName>>

function notFoundError({ kind, name }: AccessResource): ConnectError {
  return kind === 'instance'
    ? new ConnectError('instance_not_found', { details: { instance: name } })
    : new ConnectError('connection_not_found', { details: { connection: name } })
}

/** Names the action, the kind of principal, and what to ask for. */
function notPermitted(
  action: ActionName,
  { kind, name }: AccessResource,
  { principal, invoke }: Pick<AccessRequest, 'principal' | 'invoke'>,
): ConnectError {
  const scoped = principal.scopes === null ? '' : ' with these scopes'
  const article = principal.kind === 'viewer' ? 'A' : 'An'
  const needsDryRun = mayAfterDryRun(principal, action, invoke)
  const details = {
    who: `${article} ${principal.kind}${scoped}`,
    action,
    principal_kind: principal.kind,
    on: name === '' ? '' : ` on ${kind} ${name}`,
    fix: needsDryRun
      ? 'Invoke the action with `"dry_run": true` first, then with the `token` that it returns: that carries out what it showed.'
      : fixOf(principal, action),
    ...(needsDryRun && { needs: 'dry_run' }),
  }
  return new ConnectError('permission_denied', { details })
}

/** A dry-run that was refused, or a call with its token, needs something else. */
function mayAfterDryRun(
  { kind }: Principal,
  action: ActionName,
  invoke: AccessRequest['invoke'],
): boolean {
  const isPlain = invoke?.dryRun !== true && invoke?.planned !== true
  return kind === 'agent' && action === 'actions:invoke' && isPlain
}

function fixOf({ kind }: Principal, action: ActionName): string {
  const ask = `Ask an admin of this service for a key that permits \`${action}\` (docs/access.md has the table)`
  if (kind !== 'agent') return `${ask}.`
  if (action === 'connections:create')
    return `Ask a person to create the connection; then try it with \`reactor connect connections sandbox NAME\` and promote what it shows. Or: ${ask}.`
  if (donePromoting.has(action))
    return `Try the connection with \`reactor connect connections sandbox NAME\` and promote what it shows, or ask a person to do this. ${ask}.`
  return `Ask a person to do this. ${ask}.`
}

/** A promotion does these as well. */
const donePromoting = new Set<ActionName>([
  'connections:activate',
  'connections:approve',
  'runs:start',
])
