import { ConnectError, requestFailure, type JsonObject } from '../../../protocol/index.ts'
import { exchange, type WholeResponse } from '../../../lib/net/exchange.ts'

export interface JobsClientOptions {
  /** `http://jobs.example.com:8005` */
  readonly url: string
  readonly apiKey?: string
  /** For one request with its response, beside what the request itself waits for. Default 10 s. */
  readonly timeoutMs?: number
}

export interface JobsRequest {
  readonly method: 'PUT' | 'POST' | 'DELETE'
  /** After `/v1/`, encoded. */
  readonly path: string
  /** A text is JSON already. */
  readonly body?: JsonObject | string
  /** How long the service should wait. */
  readonly waitMs?: number
  readonly signal?: AbortSignal
}

const maxResponseBytes = 1024 * 1024

/** Requests to the Jobs service. */
export class JobsClient {
  readonly #options: JobsClientOptions
  /** Without credentials and query: for messages. */
  readonly url: string

  constructor(options: JobsClientOptions) {
    this.#options = options
    const { origin, pathname } = new URL(options.url)
    this.url = `${origin}${pathname}`.replace(/\/$/, '')
  }

  /**
   * The response as JSON; undefined for an empty response, and for a DELETE of something that does not exist.
   * Throws `jobs_unreachable`.
   */
  async send(request: JobsRequest): Promise<unknown> {
    const { status, text } = await this.#exchange(request)
    if (request.method === 'DELETE' && status === 404) return undefined
    if (status < 200 || status > 299)
      throw this.unusableError(`it responded with status ${String(status)}`)
    return text === '' ? undefined : this.#parse(text)
  }

  unusableError(reason: string, cause?: unknown): ConnectError {
    return new ConnectError('jobs_unreachable', { details: { url: this.url, reason }, cause })
  }

  async #exchange(request: JobsRequest): Promise<WholeResponse> {
    const { url, apiKey, timeoutMs = 10_000 } = this.#options
    const { method, path, body, waitMs = 0, signal } = request
    try {
      return await exchange(`${url.replace(/\/$/, '')}/v1/${path}`, {
        method,
        body,
        signal,
        maxResponseBytes,
        headers: apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` },
        timeoutMs: timeoutMs + waitMs,
      })
    } catch (error) {
      throw this.unusableError(requestFailure(error), error)
    }
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text)
    } catch {
      // The error would quote the response, which may repeat the key.
      throw this.unusableError('its response is not JSON')
    }
  }
}
