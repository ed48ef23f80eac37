import { createHash } from 'node:crypto'
import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import { ConnectError } from '../../../protocol/index.ts'
import type { Authenticator, Principal } from '../access/principal.ts'
import { clientNetwork } from '../../../lib/net/client-network.ts'
import { maxTokenLength, type RateLimits } from './limits.ts'
import { RateWindow } from './rate-window.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route responds without a token. */
    readonly anonymous?: true
    /** An event stream: it may last. */
    readonly lasting?: true
  }
  interface FastifyRequest {
    /** The caller; null on anonymous routes. Use `principalOf` if there must be one. */
    principal: Principal | null
  }
}

/** How many tokens that have worked are remembered, for the time of a window, with their address. */
const maxGood = 10_000
const goodForMs = 10 * 60_000

/**
 * Rejects every request without a token that one of the authenticators knows, except on routes that allow it.
 * Runs before the body is read. An address that sends too many wrong tokens is refused before they are
 * checked, and so is a principal with too many requests.
 */
export class Authentication {
  readonly #authenticators: readonly Authenticator[]
  readonly #requests: RateWindow
  readonly #failures: RateWindow
  readonly #goodUntilMs = new Map<string, number>()

  constructor(authenticators: readonly Authenticator[], limits: RateLimits) {
    this.#authenticators = authenticators
    this.#requests = new RateWindow(limits.requestsPerMinute)
    this.#failures = new RateWindow(limits.failedLoginsPerMinute)
  }

  readonly onRequest: onRequestAsyncHookHandler = async (request) => {
    if (request.routeOptions.config.anonymous === true) return
    const principal = await this.authenticate(request)
    const seconds = this.#requests.hit(principal.id)
    if (seconds > 0) throw rateLimitError('requests', this.#requests.limit, seconds)
  }

  /** The present principal of the token. Throws `unauthorized`, even if the token was valid before. */
  async authenticate(request: FastifyRequest): Promise<Principal> {
    const token = bearerTokenOf(request)
    if (token === null) throw new ConnectError('unauthorized')
    const principal = await this.#principalBehind(token, clientNetwork(request.ip))
    request.principal = principal
    return principal
  }

  async #principalBehind(token: string, address: string): Promise<Principal> {
    const seconds = this.#failures.wait(address)
    // Others may share the address: a token that has just worked still works.
    if (seconds > 0 && !this.#isGood(token, address))
      throw rateLimitError('wrong tokens', this.#failures.limit, seconds)
    for (const authenticator of this.#authenticators) {
      const principal = await authenticator.authenticate(token)
      if (principal === null) continue
      this.#remember(token, address)
      return principal
    }
    this.#failures.hit(address)
    throw new ConnectError('unauthorized')
  }

  #isGood(token: string, address: string): boolean {
    return (this.#goodUntilMs.get(goodKey(token, address)) ?? 0) > Date.now()
  }

  #remember(token: string, address: string): void {
    if (this.#failures.limit === 0) return
    const key = goodKey(token, address)
    this.#goodUntilMs.delete(key)
    const [oldest] = this.#goodUntilMs.size >= maxGood ? this.#goodUntilMs.keys() : []
    if (oldest !== undefined) this.#goodUntilMs.delete(oldest)
    this.#goodUntilMs.set(key, Date.now() + goodForMs)
  }
}

function goodKey(token: string, address: string): string {
  return createHash('sha256').update(`${address} ${token}`).digest('base64')
}

const settingOf = {
  requests: 'limits.requests_per_minute',
  'wrong tokens': 'limits.failed_logins_per_minute',
} as const

function rateLimitError(
  what: keyof typeof settingOf,
  limit: number,
  seconds: number,
): ConnectError {
  const details = { what, limit, seconds, setting: settingOf[what] }
  return new ConnectError('rate_limited', { details })
}

/** The caller. Throws `unauthorized` on an anonymous route. */
export function principalOf({ principal }: FastifyRequest): Principal {
  if (principal === null) throw new ConnectError('unauthorized')
  return principal
}

/** The token as it was sent: only to hash with it, never to keep or log. */
export function bearerTokenOf(request: FastifyRequest): string | null {
  const [, token] = /^Bearer +([\x21-\x7e]+)$/i.exec(request.headers.authorization ?? '') ?? []
  return token !== undefined && token.length <= maxTokenLength ? token : null
}
