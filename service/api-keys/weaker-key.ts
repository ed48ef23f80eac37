import { ConnectError } from '../../protocol/index.ts'
import type { ApiKeyInput } from './schema.ts'
import type { Principal } from '../platform/access/principal.ts'
import { kindCovers, scopesCover } from '../platform/access/scopes.ts'

/**
 * Throws `api_key_too_strong` if the new key, or the user, could do more, or for longer, than its creator.
 */
export function checkWeaker(maker: Principal, key: Omit<ApiKeyInput, 'name'>): void {
  if (!kindCovers(maker.kind, key.kind))
    throw tooStrong(`a key of kind ${maker.kind} makes none of kind ${key.kind}`)
  if (!scopesCover(maker.scopes, key.scopes ?? null))
    throw tooStrong('its scopes are not within those of the key that makes it')
  const { expiresAt } = maker
  if (expiresAt === undefined || expiresAt === null) return
  if (key.expiresAt === undefined || Date.parse(key.expiresAt) > Date.parse(expiresAt))
    throw tooStrong(`it would outlive the key that makes it, which expires at ${expiresAt}`)
}

function tooStrong(problem: string): ConnectError {
  return new ConnectError('api_key_too_strong', { details: { problem } })
}
