import { setTimeout as sleep } from 'node:timers/promises'
import { joinedSignal } from '../../../lib/async/joined-signal.ts'
import { exchange } from '../../../lib/net/exchange.ts'
import { functionUrl } from '../../../lib/net/function-address.ts'
import { retryAfterMs } from '../../../lib/net/retry-after.ts'
import { ConnectError, requestFailure, streamLabel } from '../../../protocol/index.ts'
import type { ErrorCodeName, StreamId } from '../../../protocol/index.ts'
import { backoffMs } from '../../run/backoff.ts'
import type { FunctionsService } from '../../run-types.ts'
import { InvalidResponse, readResults, type TransformResult } from './transform-results.ts'

export interface FunctionClientOptions {
  readonly service: FunctionsService
  /** Its name at the service. */
  readonly name: string
  readonly stream: StreamId
  /** Aborted when the run is stopped: a request that is under way may end, but is not repeated. */
  readonly stop: AbortSignal
  readonly now: () => number
  /** The function asks for a pause. */
  readonly onPause: (untilMs: number) => void
  /** Default: 30 s for a request with its response. */
  readonly timeoutMs?: number
  /** Default: 1, 2, 4 and 8 s. */
  readonly pauseMs?: (attempt: number) => number
}

const standardTimeoutMs = 30_000
const maxAttempts = 5
/** A function that asks for a longer pause has failed: the stream is tried again later. */
const longestPauseMs = 5 * 60_000
/** A response may be as large, beside twice its request. */
const spareResponseBytes = 4 * 1024 * 1024
/** Statuses that say that the same request may succeed later. */
const laterStatuses = new Set([408, 425, 429])

interface Failure {
  readonly reason: string
  readonly askedMs?: number | undefined
}

/** Calls the function that transforms the records of a stream. */
export class FunctionClient {
  readonly #options: FunctionClientOptions
  readonly #url: string
  readonly #head: string
  /** A pause that the function asked for holds for all requests. */
  #pausedUntilMs = 0

  constructor(options: FunctionClientOptions) {
    const { service, name, stream } = options
    this.#options = options
    this.#url = functionUrl(service.url, name)
    const { namespace = null } = stream
    this.#head = `{"stream":${JSON.stringify({ name: stream.name, namespace })},"records":[`
  }

  /**
   * One result for each record, in their order.
   *
   * @param records each as JSON
   * @param signal ends the request at once
   *
   * Throws `transform_failed`, `transform_refused`, `transform_invalid`.
   */
  async transform(
    records: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly TransformResult[]> {
    const body = `${this.#head}${records.join(',')}]}`
    using either = joinedSignal(this.#options.stop, signal)
    const ended = either.signal
    for (let attempt = 1; ; attempt++) {
      await this.#untilPauseEnds(ended)
      const response = await this.#post(body, signal)
      if (typeof response === 'string') return this.#read(response, records.length)
      const { reason, askedMs = 0 } = response
      const { pauseMs = backoffMs, now, onPause } = this.#options
      if (attempt >= maxAttempts || askedMs > longestPauseMs || ended.aborted)
        throw this.#error('transform_failed', reason)
      if (askedMs > 0) {
        this.#pausedUntilMs = Math.max(this.#pausedUntilMs, now() + askedMs)
        onPause(this.#pausedUntilMs)
      }
      await this.#pause(Math.max(pauseMs(attempt), askedMs), { reason, ended })
    }
  }

  async #untilPauseEnds(ended: AbortSignal): Promise<void> {
    const leftMs = this.#pausedUntilMs - this.#options.now()
    if (leftMs > 0) await this.#pause(leftMs, { reason: 'it asked for a pause', ended })
  }

  /** The text of a response; or why there is none, and another attempt may have one. */
  async #post(body: string, signal: AbortSignal): Promise<string | Failure> {
    const { service, now, timeoutMs = standardTimeoutMs } = this.#options
    const { apiKey } = service
    try {
      const { status, text, headers } = await exchange(this.#url, {
        method: 'POST',
        headers: {
          'user-agent': 'reactor-connect',
          ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
        },
        body,
        timeoutMs,
        maxResponseBytes: spareResponseBytes + 2 * Buffer.byteLength(body),
        signal,
      })
      if (status >= 200 && status <= 299) return text
      const reason = `it responded with status ${String(status)}`
      if (status < 500 && !laterStatuses.has(status)) throw this.#error('transform_refused', reason)
      return { reason, askedMs: retryAfterMs(headers.get('retry-after'), now()) }
    } catch (error) {
      if (error instanceof ConnectError) throw error
      if (error instanceof RangeError) throw this.#error('transform_invalid', error.message)
      return { reason: requestFailure(error) }
    }
  }

  async #pause(
    waitMs: number,
    { reason, ended }: { readonly reason: string; readonly ended: AbortSignal },
  ): Promise<void> {
    try {
      await sleep(waitMs, undefined, { signal: ended })
    } catch {
      throw this.#error('transform_failed', reason)
    }
  }

  #read(text: string, count: number): readonly TransformResult[] {
    try {
      return readResults(text, count)
    } catch (error) {
      if (error instanceof InvalidResponse) throw this.#error('transform_invalid', error.message)
      throw error
    }
  }

  #error(
    code: Extract<ErrorCodeName, 'transform_failed' | 'transform_invalid' | 'transform_refused'>,
    reason: string,
  ): ConnectError {
    const { name, stream } = this.#options
    return new ConnectError(code, {
      details: { function: name, stream: streamLabel(stream), reason },
    })
  }
}
