import { TransportError } from '../../contracts.ts'
import { refreshRejection, type RefreshErrorRules } from './oauth-refresh-error.ts'
import { has, isDict } from '../../value/dict.ts'
import { contains } from '../../value/equality.ts'
import { parseJson } from '../../value/json.ts'
import type { Environment, HttpRequest } from '../../contracts.ts'
import type { HttpResponse } from '../../http/http-response.ts'
import type { Value } from '../../value/value.ts'

/** The token endpoint responded with an error that says nothing about the refresh token. */
export class TokenRequestError extends Error {
  readonly status: number

  constructor(status: number) {
    super(`The token endpoint responded with status ${status}.`)
    this.name = 'TokenRequestError'
    this.status = status
  }

  /** It refused the credentials; otherwise the failure may pass. */
  get isRejection(): boolean {
    return this.status >= 400 && this.status < 500 && this.status !== 429
  }
}

/** How long requests to a failing token endpoint are repeated, in seconds. */
const MAX_SECONDS = 300

/** Others may wait for the response, and a run that is stopped. */
const SINGLE_USE_TIMEOUT_MS = 20_000

/**
 * Sends a token request and gives the body of the response. Throws a TransportError, a TokenRequestError, and
 * a RefreshTokenRejection if the endpoint rejected the refresh token.
 */
export async function requestToken(
  { transport, signal }: Pick<Environment, 'transport' | 'signal'>,
  request: HttpRequest,
  rules: RefreshErrorRules,
): Promise<Value> {
  return readAnswer(await transport.send(request, signal), rules)
}

/**
 * The same with a single-use refresh token: a caller that is stopped still waits for the response, because it
 * contains the next one.
 */
export function requestSingleUse(
  { transport }: Environment,
  request: HttpRequest,
  rules: RefreshErrorRules,
): Promise<Value> {
  const { signal } = new AbortController()
  const timed = { ...request, readTimeoutMs: SINGLE_USE_TIMEOUT_MS }
  return requestToken({ transport, signal }, timed, rules)
}

/** Waits and tries again after a failed connection, a 429 and a 5xx of a token request. */
export async function untilItPasses(
  environment: Environment,
  attemptRequest: () => Promise<void>,
): Promise<void> {
  const start = environment.nowMicros()
  for (let attempt = 0; ; attempt += 1) {
    const elapsed = (environment.nowMicros() - start) / 1e6
    try {
      await attemptRequest()
      return
    } catch (error) {
      if (!mayPass(error) || elapsed >= MAX_SECONDS) throw error
      const seconds = Math.min(environment.random(0, 2 ** attempt), MAX_SECONDS - elapsed)
      environment.logger.info(
        { attempt: attempt + 1, seconds },
        'token request failed, trying again',
      )
      await environment.sleep(seconds)
    }
  }
}

function mayPass(error: unknown): boolean {
  if (error instanceof TransportError) return isNetworkError(error)
  return error instanceof TokenRequestError && !error.isRejection
}

export function isNetworkError(error: unknown): error is TransportError {
  return (
    error instanceof TransportError && (error.kind === 'connection' || error.kind === 'timeout')
  )
}

async function readAnswer(response: HttpResponse, rules: RefreshErrorRules): Promise<Value> {
  if (response.ok && !contains(rules.statusCodes, response.status)) return response.json()
  if (response.status !== 429 && response.status < 500) {
    const text = await response.text()
    const rejection = refreshRejection(response.status, text, rules)
    if (rejection !== null) throw rejection
    // A vendor that reports errors with status 200 names it in its rules.
    const answer = response.ok ? parseJson(text) : null
    if (response.ok && !(isDict(answer) && has(answer, rules.key))) return answer
  } else await response.discard()
  throw new TokenRequestError(response.status)
}
