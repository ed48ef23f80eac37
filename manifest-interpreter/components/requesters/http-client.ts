import {
  RetrieverSignal,
  SourceError,
  TransportError,
  type Authenticator,
  type Environment,
  type ErrorHandler,
  type ErrorResolution,
  type HttpRequest,
} from '../../contracts.ts'
import type { HttpResponse } from '../../http/http-response.ts'
import { header } from '../../http/prepare-request.ts'
import type { SendOptions, SourceHttp } from '../../http/source-http.ts'
import { publicUrl } from '../../http/split-url.ts'
import { get } from '../../value/dict.ts'
import { str } from '../../value/text.ts'
import {
  failedRequest,
  outcomeFacts,
  reasonWith,
  requestFailure,
  type FailedRequest,
} from './failed-request.ts'
import { warnWithoutStack } from '../warn-without-stack.ts'
import { RetryNeeded, sendUntilAnswered } from './retry.ts'

export interface HttpClientOptions {
  readonly environment: Environment
  readonly http: SourceHttp
  readonly authenticator: Authenticator
  readonly errorHandler: ErrorHandler
  readonly sendOptions: SendOptions
}

/**
 * Seconds before a retry with another credential, in place of waiting for the rate limit of the used
 * credential.
 */
const ROTATION_SECONDS = 0.1
const DEFAULT_MAX_RETRIES = 5
const DEFAULT_MAX_TIME_SECONDS = 600

interface Attempts {
  readonly request: HttpRequest
  readonly stream: string
  count: number
  /**
   * Whether the token could be refreshed; undefined if that was not tried yet. A request refreshes it once.
   */
  refreshed: boolean | undefined
}

/** Sends requests, calls the error handler for each outcome, and carries out its decision. */
export class HttpClient {
  readonly #options: HttpClientOptions

  constructor(options: HttpClientOptions) {
    this.#options = options
  }

  /** Null if no response came and the error handler ignores that. */
  async send(request: HttpRequest, stream: string): Promise<HttpResponse | null> {
    const { errorHandler, environment, http, sendOptions } = this.#options
    const attempts: Attempts = { request, stream, count: 0, refreshed: undefined }
    const limits = {
      maxTries: Math.max(0, errorHandler.maxRetries ?? DEFAULT_MAX_RETRIES) + 1,
      maxTimeSeconds: Math.min(
        errorHandler.maxTimeSeconds ?? DEFAULT_MAX_TIME_SECONDS,
        environment.maxRetrySeconds ?? Number.POSITIVE_INFINITY,
      ),
    }
    try {
      return await http.inTurn(request, sendOptions, () =>
        sendUntilAnswered(() => this.#attempt(attempts), limits, environment),
      )
    } catch (error) {
      if (!(error instanceof RetryNeeded)) throw error
      throw exhausted(error, stream)
    }
  }

  async #attempt(attempts: Attempts): Promise<HttpResponse | null> {
    const { authenticator, errorHandler, http, sendOptions } = this.#options
    const { request } = attempts
    attempts.count += 1
    await authenticator.authenticate(request)
    const outcome = await this.#outcomeOf(request)
    this.#logOutcome(attempts, outcome)
    if (!(outcome instanceof TransportError) && !outcome.fromCache) this.#observe(request, outcome)
    const resolution = await errorHandler.interpret(outcome)
    if (resolution.action !== 'SUCCESS') http.forget(request, sendOptions)
    return this.#answer(attempts, outcome, resolution)
  }

  async #answer(
    attempts: Attempts,
    outcome: HttpResponse | TransportError,
    resolution: ErrorResolution,
  ): Promise<HttpResponse | null> {
    switch (resolution.action) {
      case 'RESET_PAGINATION':
      case 'REDUCE_PAGE_SIZE':
      case 'SPLIT_REQUEST_WINDOW':
        await discard(outcome)
        throw new RetrieverSignal(resolution.action, resolution.message ?? '')
      case 'FAIL':
        throw await this.#failure(attempts, outcome, resolution)
      case 'RETRY':
      case 'RATE_LIMITED':
      case 'REFRESH_TOKEN_THEN_RETRY':
        throw await this.#retryNeeded(attempts, outcome, resolution)
      case 'IGNORE':
        this.#ignore(attempts, outcome)
        break
      case 'SUCCESS':
    }
    return outcome instanceof TransportError ? null : outcome
  }

  async #outcomeOf(request: HttpRequest): Promise<HttpResponse | TransportError> {
    if (!/^https?:\/\//i.test(request.url)) {
      return new TransportError(
        'invalid-scheme',
        `${publicUrl(request.url)} is not a web URL. Use one that begins with https://.`,
      )
    }
    try {
      const response = await this.#options.http.send(request, this.#options.sendOptions)
      response.request = request
      return response
    } catch (error) {
      if (error instanceof TransportError) return error
      throw error
    }
  }

  /** Keeping the books of quotas must not make a failure of a good response. */
  #observe(request: HttpRequest, response: HttpResponse): void {
    const { authenticator, environment } = this.#options
    try {
      authenticator.observe?.(request, response)
    } catch (error) {
      warnWithoutStack(environment, error, 'the quota of a response could not be read')
    }
  }

  async #retryNeeded(
    attempts: Attempts,
    outcome: HttpResponse | TransportError,
    resolution: ErrorResolution,
  ): Promise<RetryNeeded> {
    const { action, failureType } = resolution
    // A response that is not an error may be long, and break off: it is not read for this.
    const failed =
      outcome instanceof TransportError || outcome.ok
        ? { request: attempts.request, outcome, said: undefined }
        : await failedRequest(attempts.request, outcome)
    if (action === 'REFRESH_TOKEN_THEN_RETRY') await this.#refreshToken(attempts, failed)
    const seconds = await this.#backoffSeconds(attempts, outcome, action)
    await discard(outcome)
    const message =
      resolution.message !== undefined && resolution.message !== ''
        ? resolution.message
        : `Request to ${publicUrl(attempts.request.url)} failed with failure type ${failureType ?? 'system_error'}, response action ${action}.`
    const facts = { stream: attempts.stream, attempt: attempts.count, ...outcomeFacts(failed) }
    const details = { failed, failureType, facts }
    if (seconds !== null) return new RetryNeeded(message, { ...details, wait: 'strategy', seconds })
    const wait = action === 'RATE_LIMITED' ? 'rate-limit' : 'default'
    return new RetryNeeded(message, { ...details, wait })
  }

  async #backoffSeconds(
    { request, stream, count }: Attempts,
    outcome: HttpResponse | TransportError,
    action: ErrorResolution['action'],
  ): Promise<number | null> {
    const { authenticator, environment, errorHandler } = this.#options
    const ask = async (): Promise<number | null> => {
      const seconds = await errorHandler.backoffSeconds(outcome, count)
      return seconds === 0 ? null : seconds
    }
    if (action !== 'RATE_LIMITED') return ask()
    let seconds: number | null = null
    try {
      seconds = authenticator.hasAlternative?.(request) === true ? ROTATION_SECONDS : await ask()
    } finally {
      environment.emit({ kind: 'rate-limited', stream, seconds })
    }
    return seconds
  }

  /** Once per request. Returns if it makes sense to send the request again. */
  async #refreshToken(attempts: Attempts, failed: FailedRequest): Promise<void> {
    const { authenticator, environment } = this.#options
    if (attempts.refreshed !== undefined) throw rejectedAfterRefresh(failed, attempts.refreshed)
    if (authenticator.refresh === undefined) {
      environment.logger.warn('the authenticator has no token to refresh')
      return
    }
    attempts.refreshed = false
    try {
      // Another request may have refreshed it since this one was sent.
      if (!(await this.#hasNewToken(attempts.request))) await authenticator.refresh()
      attempts.refreshed = true
    } catch (error) {
      if (error instanceof SourceError && error.failureType === 'config_error') throw error
      if (environment.signal.aborted) throw error
      warnWithoutStack(environment, error, 'the token could not be refreshed')
    }
  }

  async #hasNewToken(request: HttpRequest): Promise<boolean> {
    const sent = header(request.headers, 'authorization')
    if (sent === undefined || sent === '') return false
    const current = get((await this.#options.authenticator.options()).headers, 'Authorization')
    return current !== undefined && current !== null && str(current) !== sent
  }

  async #failure(
    { request }: Attempts,
    outcome: HttpResponse | TransportError,
    resolution: ErrorResolution,
  ): Promise<SourceError> {
    const failed = await failedRequest(request, outcome)
    await discard(outcome)
    return requestFailure(failed, resolution)
  }

  #ignore({ request, stream }: Attempts, outcome: HttpResponse | TransportError): void {
    const facts = outcomeFacts({ request, outcome, said: undefined })
    this.#options.environment.logger.info(
      { stream, ...facts },
      'an outcome of a request is ignored',
    )
    if (!(outcome instanceof TransportError)) outcome.isIgnored = true
  }

  /** Logs each request and its status, to show what a stream requests. */
  #logOutcome({ request, stream }: Attempts, outcome: HttpResponse | TransportError): void {
    const { logger } = this.#options.environment
    if (logger.isLevelEnabled?.('debug') === false) return
    const facts = outcomeFacts({ request, outcome, said: undefined })
    logger.debug({ stream, ...facts }, 'a request was sent')
  }
}

async function discard(outcome: HttpResponse | TransportError): Promise<void> {
  if (!(outcome instanceof TransportError)) await outcome.discard()
}

function rejectedAfterRefresh(failed: FailedRequest, refreshed: boolean): SourceError {
  return refreshed
    ? new SourceError(reasonWith('Refreshed OAuth access token is rejected by the API.', failed), {
        failureType: 'config_error',
        internalMessage: reasonWith(
          'The token was refreshed before; not refreshing again.',
          failed,
        ),
      })
    : new SourceError(
        reasonWith(
          'API rejects the current OAuth access token and the token refresh failed.',
          failed,
        ),
        {
          failureType: 'transient_error',
          internalMessage: reasonWith(
            'The OAuth token could not be refreshed; not refreshing again.',
            failed,
          ),
        },
      )
}

function exhausted(error: RetryNeeded, stream: string): SourceError {
  const { failed } = error
  const message = reasonWith(error.message, failed)
  if (!(failed.outcome instanceof TransportError) && failed.outcome.status === 429) {
    return new SourceError(reasonWith('API rate limit exceeded.', failed), {
      failureType: 'transient_error',
      internalMessage: `Rate limit retry budget exhausted. Last exception: ${message}`,
      stream,
      cause: error,
    })
  }
  const reason = `Exhausted available request attempts. ${message}`
  return new SourceError(reason, {
    failureType: error.failureType ?? 'system_error',
    internalMessage: reason,
    stream,
    cause: error,
  })
}
