import { Agent, fetch } from 'undici'
import { AddressGuard } from '../../manifest-interpreter/http/address-guard.ts'
import { isLoopback } from '../../lib/net/loopback.ts'
import { limitedText } from '../../lib/net/limited-text.ts'
import { standardResponse } from './standard-response.ts'

/** No response with a token is as large as this. */
const maxResponseBytes = 1024 * 1024

export interface TokenRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  readonly signal: AbortSignal
}

/**
 * Requests to token endpoints, whose addresses come from manifests: only over https (but for this machine),
 * only to public addresses or `allowedNetworks`, without redirects, which would take secrets to another host.
 */
export class TokenFetch implements AsyncDisposable {
  readonly #guard: AddressGuard
  readonly #agent: Agent

  constructor(allowedNetworks: readonly string[]) {
    this.#guard = new AddressGuard(allowedNetworks)
    this.#agent = new Agent({ connect: { timeout: 10_000, lookup: this.#guard.lookup } })
  }

  /** The response in the standard's form: see `standardResponse`. */
  async send(url: string, { method, headers, body, signal }: TokenRequest): Promise<Response> {
    const { protocol, hostname } = new URL(url)
    if (protocol !== 'https:' && !isLoopback(hostname)) {
      throw new TypeError('its address does not begin with https://')
    }
    this.#guard.check(hostname)
    const response = await fetch(url, {
      dispatcher: this.#agent,
      method,
      headers: { ...headers },
      redirect: 'manual',
      signal,
      ...(body !== undefined && { body }),
    })
    const text = await limitedText(response.body, maxResponseBytes)
    return standardResponse(response.status, text)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.close()
  }
}
