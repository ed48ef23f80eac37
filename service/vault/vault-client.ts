import { z } from 'zod'
import { ConnectError, requestFailure, type JsonObject } from '../../protocol/index.ts'
import { exchange, type WholeAnswer } from '../exchange.ts'

export interface VaultClientOptions {
  /** `https://vault.example.com:8200` */
  readonly url: string
  readonly token: string
  /** Of Vault Enterprise and OpenBao. */
  readonly namespace?: string
  /** For one request with its answer. Default 10 s. */
  readonly timeoutMs?: number
}

export interface VaultRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** After `/v1/`. */
  readonly path: string
  readonly body?: JsonObject
  /** For messages: `refused to {operation}`. */
  readonly operation: string
}

export interface VaultAnswer {
  readonly status: 200 | 204 | 400 | 404
  /** Null where there is no body. */
  readonly body: unknown
  /** What Vault says of a refusal; it holds paths, but no secrets. Empty for a plain 404. */
  readonly errors: readonly string[]
}

const MAX_ANSWER_BYTES = 2 * 1024 * 1024
const errorsSchema = z.object({ errors: z.array(z.string()) })

/**
 * Requests to HashiCorp Vault or OpenBao. Certificates are checked as Node does it (`NODE_EXTRA_CA_CERTS` for an authority of
 * one's own).
 */
export class VaultClient {
  readonly #options: VaultClientOptions
  /** Without credentials: for messages. */
  readonly url: string

  constructor(options: VaultClientOptions) {
    this.#options = options
    this.url = new URL(options.url).origin
  }

  /** Throws `vault_unreachable`, and `vault_refused` for what the token may not do. */
  async send(request: VaultRequest): Promise<VaultAnswer> {
    const { status, text } = await this.#exchange(request)
    const body = text === '' ? null : this.#parse(text, status)
    const parsed = errorsSchema.safeParse(body)
    const errors = parsed.success ? parsed.data.errors : []
    if (status === 200 || status === 204 || status === 400 || status === 404) {
      return { status, body, errors }
    }
    if (status === 403) throw this.refused(request.operation, errors)
    throw this.#unreachable(`it answered ${status} ${errors.join('; ').slice(0, 300)}`.trim())
  }

  refused(operation: string, errors: readonly string[]): ConnectError {
    const reason = errors.join('; ').slice(0, 300) || 'no reason was given'
    return new ConnectError('vault_refused', { details: { url: this.url, operation, reason } })
  }

  async #exchange({ method, path, body }: VaultRequest): Promise<WholeAnswer> {
    const { token, namespace, timeoutMs = 10_000 } = this.#options
    try {
      return await exchange(new URL(`/v1/${path}`, this.#options.url), {
        ...{ method, body, timeoutMs, maxAnswerBytes: MAX_ANSWER_BYTES },
        headers: {
          'X-Vault-Token': token,
          'X-Vault-Request': 'true',
          ...(namespace !== undefined && { 'X-Vault-Namespace': namespace }),
        },
      })
    } catch (error) {
      throw this.#unreachable(requestFailure(error), error)
    }
  }

  #parse(text: string, status: number): unknown {
    try {
      return JSON.parse(text)
    } catch {
      // Not quoted: whatever it is, it may hold a secret.
      throw this.#unreachable(`it answered ${status} with something that is no JSON`)
    }
  }

  #unreachable(reason: string, cause?: unknown): ConnectError {
    return new ConnectError('vault_unreachable', { details: { url: this.url, reason }, cause })
  }
}
