import { Slots } from '../../lib/async/slots.ts'
import type { HttpRequest } from './http-request.ts'
import type { Transport } from './transport.ts'
import type { HttpResponse } from './http-response.ts'
import { ResponseCache } from './response-cache.ts'

/** How many calls an API allows: `HTTPAPIBudget` of the manifest. */
export interface CallBudget {
  /** Resolves when the call may be made. */
  acquire(request: HttpRequest): Promise<void>
  /** Learns from the headers of a response. */
  observe(request: HttpRequest, response: HttpResponse): void
}

export interface SourceHttpOptions {
  readonly environment: { readonly transport: Transport; readonly signal: AbortSignal }
  readonly budget?: CallBudget
  /** Requests at the same time, of all streams together. Be polite: most APIs count them. */
  readonly maxConcurrentRequests?: number
  /** Cached bodies beyond this many bytes are kept in a temporary file. */
  readonly maxCachedBytes?: number
}

export interface SendOptions {
  /** GET responses of this name with status 200 are kept, and answer equal requests. Undefined: no cache. */
  readonly cacheName: string | undefined
  /**
   * How much of a body is read before its request counts as answered: what breaks until then is a failed request. The rest
   * is left to be read by the caller, all of it where this is 0.
   */
  readonly aheadBytes: () => number
}

const DEFAULT_MAX_CONCURRENT_REQUESTS = 10
const DEFAULT_MAX_CACHED_BYTES = 64 * 1024 * 1024

/** What all requests of a source share. One per source and command: close it at the end. */
export class SourceHttp {
  readonly #environment: SourceHttpOptions['environment']
  readonly #budget: CallBudget | undefined
  readonly #slots: Slots
  readonly #cache: ResponseCache

  constructor(options: SourceHttpOptions) {
    this.#environment = options.environment
    this.#budget = options.budget
    this.#slots = new Slots(options.maxConcurrentRequests ?? DEFAULT_MAX_CONCURRENT_REQUESTS)
    this.#cache = new ResponseCache({
      maxBytes: options.maxCachedBytes ?? DEFAULT_MAX_CACHED_BYTES,
    })
  }

  /**
   * Sends a request once, without retries. Rejects with a TransportError. `aheadBytes` of the body have been read when this
   * resolves.
   */
  async send(request: HttpRequest, options: SendOptions): Promise<HttpResponse> {
    const { cacheName, aheadBytes } = options
    if (cacheName === undefined || request.method !== 'GET')
      return this.#send(request, aheadBytes())
    return this.#cache.through(cacheName, request, () => this.#send(request, aheadBytes()))
  }

  /** Runs a task that sends the request, with all its retries: never two at a time whose responses would be kept as one. */
  async inTurn<Result>(
    request: HttpRequest,
    { cacheName }: SendOptions,
    task: () => Promise<Result>,
  ): Promise<Result> {
    if (cacheName === undefined || request.method !== 'GET') return task()
    return this.#cache.inTurn(cacheName, request, task)
  }

  /** The error handler refused the response: it must not be the answer to the next request. */
  forget(request: HttpRequest, { cacheName }: SendOptions): void {
    if (cacheName !== undefined) this.#cache.forget(cacheName, request)
  }

  /** Removes what the cache has put on disk. */
  async close(): Promise<void> {
    await this.#cache.close()
  }

  async #send(request: HttpRequest, aheadBytes: number): Promise<HttpResponse> {
    const { transport, signal } = this.#environment
    await this.#budget?.acquire(request)
    // The rest of a body is read outside of the limit: its reader may wait for other requests.
    const response = await this.#slots.run(async () => {
      const answer = await transport.send(request, signal)
      // What an API says about an error is short, and often nobody reads it: it must not hold its connection.
      await answer.readAhead(answer.ok ? aheadBytes : Number.POSITIVE_INFINITY)
      return answer
    })
    this.#budget?.observe(request, response)
    return response
  }
}
