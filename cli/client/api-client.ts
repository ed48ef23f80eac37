import type { z } from 'zod'
import { hasNeverConnected } from '../../lib/net/has-never-connected.ts'
import { ConnectError, parseExactJson, requestFailure } from '../../protocol/index.ts'
import { serviceError, serviceErrorDocument } from './service-error.ts'

/** Where a service is, and the key for it. */
export interface ServiceAddress {
  /** `http://127.0.0.1:8007`, without a slash at its end. */
  readonly url: string
  /** Undefined: only anonymous routes can be used. */
  readonly key: string | undefined
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** From the root: `apiPath('instances', name)`. */
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | undefined>>
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** It changes nothing, although its method is not GET. */
  readonly isRead?: boolean
}

/** The facts of a request that decide what a lost response means. */
type SentRequest = Pick<ApiRequest, 'method' | 'isRead'>

/** A response of the service as text, and parsed. */
export interface Answer<Document> {
  readonly json: unknown
  readonly document: Document
}

/**
 * Sends requests to the HTTP API of a service. Redirects are not followed: they would carry the key
 * elsewhere. Every method throws the service's own error if it refuses, and `service_unreachable`,
 * `service_answer_invalid`.
 */
export class ApiClient {
  readonly #address: ServiceAddress
  readonly #signal: AbortSignal

  /** `signal` aborts requests. */
  constructor(address: ServiceAddress, signal: AbortSignal) {
    this.#address = address
    this.#signal = signal
  }

  get url(): string {
    return this.#address.url
  }

  async ask<Schema extends z.ZodType>(
    request: ApiRequest,
    schema: Schema,
  ): Promise<Answer<z.output<Schema>>> {
    const response = await this.send(request)
    return this.parse(await this.textOf(response, request), schema)
  }

  /** A document of the service. */
  parse<Schema extends z.ZodType>(text: string, schema: Schema): Answer<z.output<Schema>> {
    const json = this.#jsonOf(text)
    const { success, data, error } = schema.safeParse(json)
    if (success) return { json, document: data }
    throw this.#invalid('its response is not what this version expects', error)
  }

  /** A request without a response document. */
  async tell(request: ApiRequest): Promise<void> {
    const response = await this.send(request)
    await response.body?.cancel()
  }

  /** The response before its body has arrived; the status is a success. */
  async send(request: ApiRequest): Promise<Response> {
    const response = await this.exchange(request)
    if (response.ok) return response
    const text = await this.textOf(response, request)
    const isJson = response.headers.get('content-type')?.includes('json') === true
    const refused = serviceErrorDocument.safeParse(isJson ? jsonIn(text) : undefined)
    if (refused.success) throw serviceError(refused.data.error)
    if (proxyStatuses.has(response.status)) throw this.#cutOff(response.status, request)
    throw this.#invalid(`it responds with status ${response.status}, without an error of the API`)
  }

  /** The response, with any status. */
  async exchange(request: ApiRequest): Promise<Response> {
    const { method, path, query = {}, body, headers = {} } = request
    const url = new URL(`${this.#address.url}${path}`)
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value))
    const { key } = this.#address
    try {
      return await fetch(url, {
        method,
        redirect: 'manual',
        signal: this.#signal,
        headers: {
          accept: 'application/json',
          ...(key !== undefined && { authorization: `Bearer ${key}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
    } catch (error) {
      throw this.unreachable(error, request)
    }
  }

  /**
   * An error of the network as `service_unreachable`; an abort stays an abort. The error of a request that
   * may have been carried out says so.
   */
  unreachable(cause: unknown, request: SentRequest): unknown {
    if (this.#signal.aborted) return cause
    const mayBeDone = !isHarmless(request) && !hasNeverConnected(cause)
    const reason = requestFailure(cause)
    const facts = mayBeDone
      ? {
          reason: `${reason}, after the request was sent`,
          may_be_done: true,
          fix: fixOfLost,
        }
      : { reason, fix: fixOfAbsent }
    const details = { url: this.#address.url, ...facts }
    return new ConnectError('service_unreachable', { details, cause })
  }

  /** A proxy before the service got no response of it: nobody knows whether the service got the request. */
  #cutOff(status: number, request: SentRequest): ConnectError {
    const reason = `a proxy before it responded with status ${String(status)}`
    const facts = isHarmless(request)
      ? { reason, fix: fixOfCutOff }
      : {
          reason: `${reason}, and the request may have been carried out`,
          may_be_done: true,
          fix: `Look whether it was done before you repeat the command. ${fixOfCutOff}`,
        }
    return new ConnectError('service_unreachable', {
      details: { url: this.#address.url, status, ...facts },
    })
  }

  /** The rest of the response to a request. */
  async textOf(response: Response, request: SentRequest): Promise<string> {
    try {
      return await response.text()
    } catch (error) {
      throw this.unreachable(error, request)
    }
  }

  #jsonOf(text: string): unknown {
    try {
      return parseExactJson(text)
    } catch (error) {
      throw this.#invalid('its response is not JSON', error)
    }
  }

  #invalid(reason: string, cause?: unknown): ConnectError {
    const details = { url: this.#address.url, reason }
    return new ConnectError('service_answer_invalid', { details, cause })
  }
}

/** Without an error of the API they are a proxy's own. */
const proxyStatuses = new Set([502, 503, 504])

/** Undefined if it is none. */
function jsonIn(text: string): unknown {
  try {
    return parseExactJson(text)
  } catch {
    return undefined
  }
}

function isHarmless({ method, isRead = method === 'GET' }: SentRequest): boolean {
  return isRead
}

const fixOfCutOff =
  'If it stays so, check that the service runs, and that the proxy reaches it and waits long enough for its responses.'
const fixOfAbsent =
  'Start it on this machine with `reactor connect serve`, or name another one with `--url` or `REACTOR_CONNECT_URL`.'
const fixOfLost =
  'Look whether it was done before you repeat the command. If the service does not run, start it with `reactor connect serve`.'
