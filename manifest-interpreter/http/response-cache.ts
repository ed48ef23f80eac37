import { createHash } from 'node:crypto'
import type { HttpRequest } from './http-request.ts'
import { HttpResponse } from './http-response.ts'
import type { ResponseHeaders } from './response-headers.ts'
import { splitQuery } from './split-url.ts'
import { SpillFile } from './spill-file.ts'

interface CachedResponse {
  readonly head: {
    readonly status: number
    readonly reason: string
    readonly headers: ResponseHeaders
    readonly url: string
  }
  readonly body: Uint8Array | { readonly offset: number; readonly length: number }
}

/** Credentials are no part of a request's identity: tokens change while a stream is read. */
const CREDENTIAL_HEADERS = new Set(['authorization', 'x-api-key', 'access_token', 'api_key'])

/**
 * Responses of parent streams, which several children read: stored for the life of the source. Only status
 * 200 is stored. Bodies beyond `maxBytes` lie in a temporary file.
 */
export class ResponseCache {
  readonly #maxBytes: number
  readonly #responses = new Map<string, CachedResponse>()
  readonly #underway = new Map<string, Promise<unknown>>()
  #bytesInMemory = 0
  #file: SpillFile | undefined

  constructor(options: { readonly maxBytes: number }) {
    this.#maxBytes = options.maxBytes
  }

  /**
   * Runs a task that requests a response, with all its retries. Among equal requests at the same time only
   * one is in progress: the others wait until it ends, and then find the response that it stored, or run in
   * turn.
   */
  async inTurn<Result>(
    name: string,
    request: HttpRequest,
    task: () => Promise<Result>,
  ): Promise<Result> {
    const key = keyOf(name, request)
    for (;;) {
      const underway = this.#underway.get(key)
      if (underway === undefined || this.#responses.has(key)) break
      // The failure belongs to the caller that runs the task.
      await underway.catch(() => undefined)
    }
    const running = task()
    this.#underway.set(key, running)
    try {
      return await running
    } finally {
      if (this.#underway.get(key) === running) this.#underway.delete(key)
    }
  }

  /** The stored response of an equal request, or the result of `send`. */
  async through(
    name: string,
    request: HttpRequest,
    send: () => Promise<HttpResponse>,
  ): Promise<HttpResponse> {
    const key = keyOf(name, request)
    const response = this.#responses.get(key)
    return response === undefined ? this.#sendAndKeep(key, send) : this.#answer(response)
  }

  /**
   * The response was no success after all (some APIs report failures with status 200): the next request is
   * sent.
   */
  forget(name: string, request: HttpRequest): void {
    const key = keyOf(name, request)
    const body = this.#responses.get(key)?.body
    if (body instanceof Uint8Array) this.#bytesInMemory -= body.length
    this.#responses.delete(key)
  }

  async close(): Promise<void> {
    this.#responses.clear()
    await this.#file?.close()
    this.#file = undefined
  }

  async #sendAndKeep(key: string, send: () => Promise<HttpResponse>): Promise<HttpResponse> {
    const response = await send()
    if (response.status !== 200) return response
    const { status, reason, headers, url } = response
    const bytes = await response.bytes()
    this.#responses.set(key, {
      head: { status, reason, headers, url },
      body: await this.#store(bytes),
    })
    return response
  }

  async #store(bytes: Uint8Array): Promise<CachedResponse['body']> {
    if (this.#bytesInMemory + bytes.length <= this.#maxBytes) {
      this.#bytesInMemory += bytes.length
      return bytes
    }
    this.#file ??= new SpillFile()
    return this.#file.append(bytes)
  }

  async #answer({ head, body }: CachedResponse): Promise<HttpResponse> {
    const bytes = body instanceof Uint8Array ? body : await this.#file?.read(body)
    if (bytes === undefined) throw new TypeError('The cache of responses has been closed.')
    return new HttpResponse({ ...head, body: bytes, fromCache: true })
  }
}

/** A digest: the keys hold no credentials of the query and stay small. */
function keyOf(name: string, request: HttpRequest): string {
  const { address, query } = splitQuery(request.url)
  const headers = [...request.headers]
    .map(([header, value]): readonly [string, string] => [header.toLowerCase(), value])
    .filter(([header]) => !CREDENTIAL_HEADERS.has(header))
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
  const { body } = request
  return createHash('sha256')
    .update(JSON.stringify([name, request.method, address, query.split('&').toSorted(), headers]))
    .update(body ?? '')
    .digest('base64')
}
