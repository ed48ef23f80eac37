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
  /** Cached bodies beyond this many bytes are stored in a temporary file. */
  readonly maxCachedBytes?: number
}

export interface SendOptions {
  /**
   * GET responses of this name with status 200 are stored, and returned for equal requests. Undefined: no
   * cache.
   */
  readonly cacheName: string | undefined
  /**
   * The bytes of a body that are read before its request counts as complete: if the connection breaks until
   * then, the request has failed. The caller reads the rest, and the whole body if this is 0.
   */
  readonly aheadBytes: () => number
}

const DEFAULT_MAX_CONCURRENT_REQUESTS = 10
const DEFAULT_MAX_CACHED_BYTES = 64 * 1024 * 1024

/** The parts that all requests of a source share. One per source and command: close it at the end. */
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
   * Sends a request once, without retries. Rejects with a TransportError. `aheadBytes` of the body have been
   * read when this resolves.
   */
  async send(request: HttpRequest, options: SendOptions): Promise<HttpResponse> {
    const { cacheName, aheadBytes } = options
    if (cacheName === undefined || request.method !== 'GET')
      return this.#send(request, aheadBytes())
    return this.#cache.through(cacheName, request, () => this.#send(request, aheadBytes()))
  }

  /**
   * Runs a task that sends the request, with all its retries. Two tasks whose responses would be stored under
   * the same key never run at the same time.
   */
  async inTurn<Result>(
    request: HttpRequest,
    { cacheName }: SendOptions,
    task: () => Promise<Result>,
  ): Promise<Result> {
    if (cacheName === undefined || request.method !== 'GET') return task()
    return this.#cache.inTurn(cacheName, request, task)
  }

  /** The error handler refused the response: it must not be reused for the next request. */
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
      // An API's text about an error is short, and often nobody reads it: it must not hold its connection.
      await answer.readAhead(answer.ok ? aheadBytes : Number.POSITIVE_INFINITY)
      return answer
    })
    this.#budget?.observe(request, response)
    return response
  }
}
