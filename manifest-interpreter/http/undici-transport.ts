import type { Agent, Dispatcher } from 'undici'
import { TransportError } from './transport-error.ts'
import type { HttpRequest } from './http-request.ts'
import type { Transport } from './transport.ts'
import { AddressGuard } from './address-guard.ts'
import { decompress } from './decompress.ts'
import { encodeTarget } from './encode-url.ts'
import { HttpResponse } from './http-response.ts'
import { redirected } from './redirect.ts'
import { ResponseHeaders } from './response-headers.ts'
import { publicUrl, splitUrl } from './split-url.ts'
import { standardHeaders } from './standard-headers.ts'
import { requireSendable } from './unsendable-header.ts'
import type * as UndiciParts from './undici-parts.ts'

export interface UndiciTransportOptions {
  /** Private or reserved networks that sources may reach, like `10.1.0.0/16`. None by default. */
  readonly allowedNetworks?: readonly string[]
  readonly userAgent?: string
  /** For requests that set none. The reference waits for ever. */
  readonly connectTimeoutMs?: number
  /** Between two parts of a response, and before the first. For requests that set none. */
  readonly readTimeoutMs?: number
  /** How much of a body may be held in memory. */
  readonly maxBodyBytes?: number
}

const MAX_REDIRECTS = 30
/** Python's http.client allows 64 KiB a line. */
const MAX_HEADER_BYTES = 128 * 1024
/**
 * An unwanted body is read to here, so that its connection can be used again; beyond, the connection is
 * closed.
 */
const MAX_DRAINED_BYTES = 128 * 1024
/** Set by the transport itself; undici refuses them. */
const CONNECTION_HEADERS = new Set(
  'connection content-length expect keep-alive transfer-encoding upgrade'.split(' '),
)
/** The timeouts among undici's errors. */
const TIMEOUT_CODES = new Set(
  'UND_ERR_CONNECT_TIMEOUT UND_ERR_HEADERS_TIMEOUT UND_ERR_BODY_TIMEOUT'.split(' '),
)

/**
 * Loaded by the first request: every thread that reads comes here, and a source that is a database needs none
 * of it.
 */
type Undici = typeof UndiciParts
let loaded: Undici | undefined

async function loadUndici(): Promise<Undici> {
  loaded = await import('./undici-parts.ts')
  return loaded
}

const standardEntries = Object.entries(standardHeaders).map(([name, value]): [string, string[]] => [
  name.toLowerCase(),
  [name, value],
])

/** HTTP/1.1 over pools of kept-alive connections, one pool per origin. Close it when the source is done. */
export class UndiciTransport implements Transport {
  readonly #options: UndiciTransportOptions
  readonly #guard: AddressGuard
  /** Whose host the guard has let pass. A source has one, or a few. */
  #checkedOrigin = ''
  /** By connect timeout: undici has one per pool. */
  readonly #agents = new Map<number, Agent>()

  constructor(options: UndiciTransportOptions = {}) {
    this.#options = options
    this.#guard = new AddressGuard(options.allowedNetworks)
  }

  async send(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    let current = request
    for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
      const { status, reason, headers, body } = await this.#sendOnce(current, signal)
      const release = (): Promise<void> => body.dump({ limit: MAX_DRAINED_BYTES, signal })
      const next = await nextRequest(current, { status, headers }, release)
      if (next === undefined) {
        return new HttpResponse({
          status,
          reason,
          headers,
          url: current.url,
          body: guardBody(decompress(body, headers.text('content-encoding')), current, signal),
          release,
          ...(this.#options.maxBodyBytes !== undefined && { maxBytes: this.#options.maxBodyBytes }),
        })
      }
      await release()
      current = next
    }
    throw new TransportError(
      'limit',
      `${publicUrl(request.url)} redirects more than ${MAX_REDIRECTS} times. Check the URL.`,
    )
  }

  /** Ends idle connections; requests in progress go on to their end. */
  async close(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.close()))
    this.#agents.clear()
  }

  async #sendOnce(request: HttpRequest, signal: AbortSignal): Promise<RawResponse> {
    const { origin, target } = addressOf(request.url)
    const headers = this.#headers(request)
    this.#checkOrigin(origin, request.url)
    const readTimeout = request.readTimeoutMs ?? this.#options.readTimeoutMs ?? 300_000
    const undici = loaded ?? (await loadUndici())
    try {
      const agent = this.#agent(undici, request.connectTimeoutMs)
      const answer = await undici.requestWith.call(agent, {
        origin,
        path: target,
        method: request.method,
        headers,
        body: request.body,
        signal,
        headersTimeout: readTimeout,
        bodyTimeout: readTimeout,
        responseHeaders: 'raw',
      })
      return {
        status: answer.statusCode,
        reason: answer.statusText,
        headers: new ResponseHeaders(headerPairs(answer.headers)),
        body: answer.body,
      }
    } catch (error) {
      throw asTransportError(error, request, signal)
    }
  }

  #checkOrigin(origin: string, url: string): void {
    if (origin === this.#checkedOrigin) return
    const parsed = URL.parse(origin)
    if (parsed === null)
      throw new TransportError('invalid-url', `${publicUrl(url)} has no valid host. Check the URL.`)
    this.#guard.check(parsed.hostname)
    this.#checkedOrigin = origin
  }

  #headers(request: HttpRequest): string[] {
    const { userAgent } = this.#options
    const headers = new Map(standardEntries)
    if (userAgent !== undefined) headers.set('user-agent', ['User-Agent', userAgent])
    for (const [name, value] of request.headers) {
      if (CONNECTION_HEADERS.has(name.toLowerCase())) continue
      requireSendable(name, value)
      headers.set(name.toLowerCase(), [name, value])
    }
    return [...headers.values()].flat()
  }

  #agent({ Agent }: Undici, connectTimeoutMs: number | undefined): Agent {
    const timeout = connectTimeoutMs ?? this.#options.connectTimeoutMs ?? 30_000
    let agent = this.#agents.get(timeout)
    if (agent === undefined) {
      agent = new Agent({
        allowH2: false,
        pipelining: 1,
        maxHeaderSize: MAX_HEADER_BYTES,
        connect: { timeout, lookup: this.#guard.lookup },
      })
      this.#agents.set(timeout, agent)
    }
    return agent
  }
}

async function nextRequest(
  request: HttpRequest,
  response: Parameters<typeof redirected>[1],
  release: () => Promise<void>,
): Promise<HttpRequest | undefined> {
  try {
    return redirected(request, response)
  } catch (error) {
    await release()
    throw error
  }
}

interface RawResponse {
  readonly status: number
  readonly reason: string
  readonly headers: ResponseHeaders
  readonly body: Dispatcher.ResponseData['body']
}

function addressOf(url: string): { origin: string; target: string } {
  const { scheme, authority, path, query } = splitUrl(url)
  if (scheme !== 'http' && scheme !== 'https') {
    throw new TransportError(
      'invalid-scheme',
      `${scheme === '' ? 'The URL has no scheme' : `Requests over ${scheme} are not possible`}. Use a URL that begins with https://.`,
    )
  }
  const origin = `${scheme}://${authority.slice(authority.lastIndexOf('@') + 1)}`
  const target = `${path.replace(/^\/*/, '/')}${query === '' ? '' : `?${query}`}`
  return { origin, target: encodeTarget(target) }
}

/** If `responseHeaders` is 'raw', undici returns names and values in turn. Its types do not say so. */
function* headerPairs(raw: unknown): Iterable<[name: string, value: string]> {
  if (!Array.isArray(raw)) throw new TypeError('undici returned no raw headers.')
  for (let position = 0; position + 1 < raw.length; position += 2)
    yield [String(raw[position]), String(raw[position + 1])]
}

async function* guardBody(
  body: AsyncIterable<Uint8Array>,
  request: HttpRequest,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  try {
    yield* body
  } catch (error) {
    throw asTransportError(error, request, signal)
  }
}

/** Messages name scheme, host and path: a query may hold credentials. */
function asTransportError(error: unknown, request: HttpRequest, signal: AbortSignal): unknown {
  if (error instanceof TransportError) return error
  if (signal.aborted) return signal.reason
  const to = publicUrl(request.url)
  const code = codeOf(error)
  if (code !== undefined && TIMEOUT_CODES.has(code)) {
    return new TransportError('timeout', `${to} did not respond in time.`, { cause: error })
  }
  if (code === 'UND_ERR_HEADERS_OVERFLOW')
    return new TransportError(
      'limit',
      `The headers of the response from ${to} are larger than ${MAX_HEADER_BYTES / 1024} KB.`,
      { cause: error },
    )
  const why = code === undefined ? '' : ` (${code})`
  return new TransportError('connection', `The connection to ${to} failed${why}.`, { cause: error })
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if ('code' in error && typeof error.code === 'string') return error.code
  return undefined
}
