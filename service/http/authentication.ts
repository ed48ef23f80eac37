import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import { ConnectError } from '../../protocol/index.ts'
import type { ApiKey, ApiKeyService } from '../service.ts'
import { maxApiKeyLength } from './limits.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answers without an API key. */
    readonly anonymous?: true
    /** An event stream: it may last. */
    readonly lasting?: true
  }
  interface FastifyRequest {
    /** Whose key it came with; null on anonymous routes. */
    apiKey: ApiKey | null
  }
}

/** Lets nothing pass without a valid key, except to routes that say so. Before the body is read. */
export function authentication(apiKeys: ApiKeyService): onRequestAsyncHookHandler {
  return async (request) => {
    if (request.routeOptions.config.anonymous === true) return
    const key = bearerTokenOf(request)
    request.apiKey = key === null ? null : await apiKeys.authenticate(key)
    if (request.apiKey === null) throw new ConnectError('unauthorized')
  }
}

/** The key as it was sent: only to hash with it, never to keep or log. */
export function bearerTokenOf(request: FastifyRequest): string | null {
  const [, token] = /^Bearer +([\x21-\x7e]+)$/i.exec(request.headers.authorization ?? '') ?? []
  return token !== undefined && token.length <= maxApiKeyLength ? token : null
}
