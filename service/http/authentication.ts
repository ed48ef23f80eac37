import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import { ConnectError } from '../../protocol/index.ts'
import type { Authenticator, Principal } from '../access/principal.ts'
import { maxTokenLength } from './limits.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answers without a token. */
    readonly anonymous?: true
    /** An event stream: it may last. */
    readonly lasting?: true
  }
  interface FastifyRequest {
    /** Who asks; null on anonymous routes. `principalOf` where there must be one. */
    principal: Principal | null
  }
}

/**
 * Lets nothing pass without a token that one of the authenticators knows, except to routes that say so. Before the body is
 * read.
 */
export function authentication(
  authenticators: readonly Authenticator[],
): onRequestAsyncHookHandler {
  return async (request) => {
    if (request.routeOptions.config.anonymous === true) return
    const token = bearerTokenOf(request)
    request.principal = token === null ? null : await principalBehind(token, authenticators)
    if (request.principal === null) throw new ConnectError('unauthorized')
  }
}

/** Who asks. Throws `unauthorized` on a route that anybody may ask. */
export function principalOf({ principal }: FastifyRequest): Principal {
  if (principal === null) throw new ConnectError('unauthorized')
  return principal
}

async function principalBehind(
  token: string,
  authenticators: readonly Authenticator[],
): Promise<Principal | null> {
  for (const authenticator of authenticators) {
    const principal = await authenticator.authenticate(token)
    if (principal !== null) return principal
  }
  return null
}

/** The token as it was sent: only to hash with it, never to keep or log. */
export function bearerTokenOf(request: FastifyRequest): string | null {
  const [, token] = /^Bearer +([\x21-\x7e]+)$/i.exec(request.headers.authorization ?? '') ?? []
  return token !== undefined && token.length <= maxTokenLength ? token : null
}
