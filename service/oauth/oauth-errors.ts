import { ConnectError } from '../../protocol/index.ts'
import type { OAuthInstance } from './oauth.ts'
import type { Party } from './standard-flow.ts'

/** `reason`: without secrets. What the library threw is no cause of it: it holds the vendor's whole answer. */
interface Failure {
  readonly reason: string
}

export function notSupported({ name, descriptor }: OAuthInstance): ConnectError {
  return new ConnectError('oauth_not_supported', {
    details: { type: descriptor.type, instance: name },
  })
}

export function exchangeFailed(instance: OAuthInstance, party: Party, why: Failure): ConnectError {
  return new ConnectError('oauth_exchange_failed', { details: detailsOf(instance, party, why) })
}

export function refreshFailed(instance: OAuthInstance, party: Party, why: Failure): ConnectError {
  return new ConnectError('oauth_refresh_failed', { details: detailsOf(instance, party, why) })
}

export function reauthorize({ name }: OAuthInstance, reason: string): ConnectError {
  return new ConnectError('reauthorization_required', { details: { instance: name, reason } })
}

function detailsOf({ name }: OAuthInstance, { scheme }: Party, { reason }: Failure) {
  const host = URL.canParse(scheme.tokenUrl) ? new URL(scheme.tokenUrl).host : scheme.tokenUrl
  return { instance: name, host, reason }
}
