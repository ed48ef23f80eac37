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
import { exchange, type WholeAnswer } from '../../../lib/net/exchange.ts'
import { textsOf } from '../secrets/mask.ts'
import { addSecret } from '../secrets/scrubber.ts'

export interface VaultClientOptions {
  /** `https://vault.example.com:8200` */
  readonly url: string
  readonly token: string
  /** Of Vault Enterprise and OpenBao. */
  readonly namespace?: string
  /** For one request with its response. Default 10 s. */
  readonly timeoutMs?: number
  /** For why the vault refused: no caller is told what it said. */
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

export interface VaultAnswer {
  readonly status: 200 | 204 | 400 | 404
  /** Null if there is no body. */
  readonly body: unknown
  /** What Vault, or a proxy before it, says of a refusal, without what it repeats of the request. Empty for a plain 404. */
  readonly errors: readonly string[]
}

const MAX_ANSWER_BYTES = 2 * 1024 * 1024
/** Shorter texts would blot out ordinary words. */
const minSecretLength = 4
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
    const errors = this.#maskErrors(parsed.success ? parsed.data.errors : [], request)
    if (status === 200 || status === 204 || status === 400 || status === 404) {
      return { status, body, errors }
    }
    if (status === 403) throw this.refused(request.operation, { status, errors })
    this.#log(request.operation, { status, errors })
    throw this.#unreachableError(
      `it responded with status ${status}; the service's log has the reason`,
    )
  }

  /** The error for a caller has the status alone, the log of the service the reason. */
  refused(
    operation: string,
    answer: Pick<VaultAnswer, 'errors'> & { readonly status: number },
  ): ConnectError {
    this.#log(operation, answer)
    const reason = `it responded with status ${answer.status}; the service's log has the reason`
    return this.unfitError(operation, reason)
  }

  /** It did what was asked, and cannot be used all the same. `reason` is ours. */
  unfitError(operation: string, reason: string): ConnectError {
    return new ConnectError('vault_refused', { details: { url: this.url, operation, reason } })
  }

  #log(
    operation: string,
    { status, errors }: Pick<VaultAnswer, 'errors'> & { readonly status: number },
  ): void {
    const reason = errors.join('; ') || 'no reason was given'
    const facts = { vault: this.url, operation, status, reason }
    this.#options.logger.warn(facts, 'the vault did not carry out the request')
  }

  /** Something between here and the vault may repeat the whole request. */
  #maskErrors(errors: readonly string[], { body = {} }: VaultRequest): readonly string[] {
    const sent = new SecretIndex()
    const secrets = [this.#options.token, ...textsOf(body)]
    for (const text of secrets) if (text.length >= minSecretLength) addSecret(sent, text)
    const text = errors.join('; ')
    return text === '' ? [] : [maskBeginning(text, [sent], shownCharacters)]
  }

  async #exchange({ method, path, body }: VaultRequest): Promise<WholeAnswer> {
    const { token, namespace, timeoutMs = 10_000 } = this.#options
    try {
      return await exchange(new URL(`/v1/${path}`, this.#options.url), {
        method,
        body,
        timeoutMs,
        maxAnswerBytes: MAX_ANSWER_BYTES,
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
      // Not quoted: whatever it is, it may hold a secret.
      throw this.#unreachableError(
        `it responded with status ${status} and something that is not JSON`,
      )
    }
  }

  #unreachableError(reason: string, cause?: unknown): ConnectError {
    return new ConnectError('vault_unreachable', { details: { url: this.url, reason }, cause })
  }
}
