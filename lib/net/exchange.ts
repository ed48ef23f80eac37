import { timeLimit } from '../async/time-limit.ts'
import { limitedText } from './limited-text.ts'

export interface ExchangeRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  /** Sent as JSON; a text is JSON already. */
  readonly body?: object | string | undefined
  /** Time limit for the request with its whole response. */
  readonly timeoutMs: number
  readonly maxResponseBytes: number
  /** Aborts the request, in addition to the timeout. */
  readonly signal?: AbortSignal | undefined
}

export interface WholeResponse {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/**
 * One request to another service, with its whole response. A redirect is returned, not followed: it could
 * carry the credentials of the headers to another host. Throws what fetch throws: `requestFailure` says why.
 */
export async function exchange(
  url: string | URL,
  request: ExchangeRequest,
): Promise<WholeResponse> {
  const { method, headers, body, timeoutMs, maxResponseBytes, signal } = request
  using limit = timeLimit(signal, timeoutMs)
  const response = await fetch(url, {
    method,
    redirect: 'manual',
    headers: { ...headers, ...(body !== undefined && { 'Content-Type': 'application/json' }) },
    signal: limit.signal,
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const { status, headers: received } = response
  return { status, headers: received, text: await limitedText(response.body, maxResponseBytes) }
}
