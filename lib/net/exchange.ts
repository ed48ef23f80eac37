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
  readonly text: string
  readonly headers: Headers
}

/**
 * One request to another service, with its whole response. A redirect is returned, not followed: it could carry the credentials of the
 * headers to another host. Throws what fetch throws: `requestFailure` says why.
 */
export async function exchange(
  url: string | URL,
  request: ExchangeRequest,
): Promise<WholeResponse> {
  const { method, headers, body, timeoutMs, maxResponseBytes, signal } = request
  const timeout = AbortSignal.timeout(timeoutMs)
  const response = await fetch(url, {
    method,
    redirect: 'manual',
    headers: { ...headers, ...(body !== undefined && { 'Content-Type': 'application/json' }) },
    signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await limitedText(response.body, maxResponseBytes)
  return { status: response.status, text, headers: response.headers }
}
