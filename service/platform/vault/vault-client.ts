import type { Logger } from 'pino'
import { z } from 'zod'
import {
  ConnectError,
  maskBeginning,
  requestFailure,
  SecretIndex,
  shownCharacters,
  type JsonObject,
} from '../../../protocol/index.ts'
import { exchange, type WholeResponse } from '../../../lib/net/exchange.ts'
import { textsOf } from '../../../protocol/secrets/mask.ts'
import { addSecret } from '../../../protocol/secrets/scrubber.ts'
import type { TokenFile } from './token-file.ts'

export interface VaultClientOptions {
  /** `https://vault.example.com:8200` */
  readonly url: string
  readonly token: string | TokenFile
  /** The namespace in Vault Enterprise and OpenBao. */
  readonly namespace?: string
  /** For one request with its response. Default 10 s. */
  readonly timeoutMs?: number
  /** Logs the reason of a refusal; callers do not get it. */
  readonly logger: Logger
}

export interface VaultRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** After `/v1/`. */
  readonly path: string
  readonly body?: JsonObject
  /** For messages: `refused to {operation}`. */
  readonly operation: string
}

export interface VaultResponse {
  readonly status: 200 | 204 | 400 | 404
  /** Null if there is no body. */
  readonly body: unknown
  /**
   * The reason that Vault, or a proxy in front of it, gives for a refusal, without the parts of the request
   * that it repeats. Empty for a plain 404.
   */
  readonly errors: readonly string[]
}

const MAX_ANSWER_BYTES = 2 * 1024 * 1024
/** Shorter texts would mask ordinary words. */
const minSecretLength = 4
const errorsSchema = z.object({ errors: z.array(z.string()) })

/**
 * Requests to HashiCorp Vault or OpenBao. Node checks certificates (`NODE_EXTRA_CA_CERTS` adds your own
 * authority).
 */
export class VaultClient {
  readonly #options: VaultClientOptions
  /** Without credentials: for messages. */
  readonly url: string

  constructor(options: VaultClientOptions) {
    this.#options = options
    this.url = new URL(options.url).origin
  }

  /** Throws `vault_unreachable`, and `vault_refused` if the token does not have the rights. */
  async send(request: VaultRequest): Promise<VaultResponse> {
    const { status, text, token } = await this.#sendWithToken(request)
    const body = text === '' ? null : this.#parse(text, status)
    const parsed = errorsSchema.safeParse(body)
    const said = parsed.success ? parsed.data.errors : []
    const errors = maskErrors(said, [token, ...textsOf(request.body ?? {})])
    if (status === 200 || status === 204 || status === 400 || status === 404) {
      return { status, body, errors }
    }
    if (status === 403) throw this.refused(request.operation, { status, errors })
    this.#log(request.operation, { status, errors })
    throw this.#unreachableError(
      `it responded with status ${status}; the service's log has the reason`,
    )
  }

  /** The error for the caller only has the status; the log of the service has the reason. */
  refused(
    operation: string,
    answer: Pick<VaultResponse, 'errors'> & { readonly status: number },
  ): ConnectError {
    this.#log(operation, answer)
    const reason = `it responded with status ${answer.status}; the service's log has the reason`
    return this.unfitError(operation, reason)
  }

  /** The request succeeded, but the result cannot be used. `reason` is our text. */
  unfitError(operation: string, reason: string): ConnectError {
    return new ConnectError('vault_refused', { details: { url: this.url, operation, reason } })
  }

  #log(
    operation: string,
    { status, errors }: Pick<VaultResponse, 'errors'> & { readonly status: number },
  ): void {
    const reason = errors.join('; ') || 'no reason was given'
    const facts = { vault: this.url, operation, status, reason }
    this.#options.logger.warn(facts, 'the vault did not carry out the request')
  }

  /** The token of the options as it is now. */
  async token(): Promise<string> {
    const { token } = this.#options
    return typeof token === 'string' ? token : token.read()
  }

  /** A token that was replaced while the request was under way is used at once. */
  async #sendWithToken(request: VaultRequest): Promise<WholeResponse & { readonly token: string }> {
    const token = await this.token()
    const response = await this.#exchange(request, token)
    if (response.status !== 403) return { ...response, token }
    const newer = await this.token()
    if (newer === token) return { ...response, token }
    return { ...(await this.#exchange(request, newer)), token: newer }
  }

  async #exchange({ method, path, body }: VaultRequest, token: string): Promise<WholeResponse> {
    const { namespace, timeoutMs = 10_000 } = this.#options
    try {
      return await exchange(new URL(`/v1/${path}`, this.#options.url), {
        method,
        body,
        timeoutMs,
        maxResponseBytes: MAX_ANSWER_BYTES,
        headers: {
          'X-Vault-Token': token,
          'X-Vault-Request': 'true',
          ...(namespace !== undefined && { 'X-Vault-Namespace': namespace }),
        },
      })
    } catch (error) {
      throw this.#unreachableError(requestFailure(error), error)
    }
  }

  #parse(text: string, status: number): unknown {
    try {
      return JSON.parse(text)
    } catch {
      // Not quoted, because it may contain a secret.
      throw this.#unreachableError(
        `it responded with status ${status} and something that is not JSON`,
      )
    }
  }

  #unreachableError(reason: string, cause?: unknown): ConnectError {
    return new ConnectError('vault_unreachable', { details: { url: this.url, reason }, cause })
  }
}

/** A proxy between this process and the vault may repeat the whole request. */
function maskErrors(errors: readonly string[], secrets: readonly string[]): readonly string[] {
  const sent = new SecretIndex()
  for (const text of secrets) if (text.length >= minSecretLength) addSecret(sent, text)
  const text = errors.join('; ')
  return text === '' ? [] : [maskBeginning(text, [sent], shownCharacters)]
}
