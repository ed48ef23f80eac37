import { ResponseBodyError } from 'openid-client'
import { requestFailure } from '../../protocol/index.ts'

/** Why a token endpoint returned no token. */
export interface TokenFailure {
  /**
   * refused: the grant (a refresh token) is no longer valid. misconfigured: the client is wrong. transient:
   * it may work later.
   */
  readonly kind: 'refused' | 'misconfigured' | 'transient'
  /** May repeat parts of the request: mask the secrets. */
  readonly reason: string
}

const passing = new Set(['server_error', 'temporarily_unavailable', 'slow_down'])

export function tokenFailure(error: unknown): TokenFailure {
  if (error instanceof ResponseBodyError) {
    const { error: name, error_description: description, status } = error
    const reason = description === undefined ? name : `${name} (${description})`
    if (name === 'invalid_grant') return { kind: 'refused', reason }
    const isPassing = passing.has(name) || isPassingStatus(status)
    return { kind: isPassing ? 'transient' : 'misconfigured', reason }
  }
  const status = statusIn(error)
  if (status !== undefined) {
    const kind = isPassingStatus(status) ? 'transient' : 'misconfigured'
    return { kind, reason: `it responded with status ${status}` }
  }
  if (codeOf(error) === 'OAUTH_INVALID_RESPONSE') {
    return { kind: 'misconfigured', reason: 'its response contains no access token' }
  }
  return { kind: 'transient', reason: requestFailure(error) }
}

function isPassingStatus(status: number): boolean {
  return status === 408 || status === 429 || status >= 500
}

/** openid-client has the response that it could not read as the cause. */
function statusIn(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined
  if (error.cause instanceof Response) return error.cause.status
  return 'response' in error && error.response instanceof Response
    ? error.response.status
    : undefined
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
