import { ConnectError } from '../../../protocol/index.ts'
import type { Resource } from './access-request.ts'
import { actionFacts, type ActionName } from './actions.ts'
import type { Principal } from './principal.ts'

/** Names the action, the kind of principal, and what to ask for. */
export function notPermitted(
  action: ActionName,
  { kind, name }: Resource,
  { principal }: { readonly principal: Principal },
): ConnectError {
  const scoped = principal.scopes === null ? '' : ' with these scopes'
  const article = principal.kind === 'viewer' ? 'A' : 'An'
  const details = {
    who: `${article} ${principal.kind}${scoped}`,
    action,
    principal_kind: principal.kind,
    on: name === '' ? '' : ` on ${kind} ${name}`,
    fix: fixOf(principal, action),
  }
  return new ConnectError('permission_denied', { details })
}

function fixOf({ kind }: Principal, action: ActionName): string {
  const ask = `Ask an admin of this service for a key that permits \`${action}\` (docs/access.md has the table)`
  if (kind !== 'agent') return `${ask}.`
  if (action === 'actions:invoke')
    return 'Invoke the action with `"dry_run": true` first, and carry out what it showed.'
  if (actionFacts(action).on === 'connection' && actionFacts(action).group === 'write')
    return `Try the connection with \`reactor connect connections sandbox\` and promote what it shows, or ask a person to do this. ${ask}.`
  return `Ask a person to do this. ${ask}.`
}
