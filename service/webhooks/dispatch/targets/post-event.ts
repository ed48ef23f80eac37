import { request, type Agent } from 'undici'
import { timeLimit } from '../../../../lib/async/time-limit.ts'
import { requestFailure } from '../../../../protocol/index.ts'
import type { DispatchOutcome } from './contract.ts'
import { httpOutcome } from './http-outcome.ts'

/** For one request with its response. */
const requestTimeoutMs = 15_000
/**
 * Only the status of a response is used. This much of its body is read, so that its connection can be used
 * again.
 */
const maxResponseBytes = 4_096

export interface EventPost {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
  readonly now: () => number
  /** Default: 15 s. */
  readonly timeoutMs: number | undefined
  /** Default: that of the process. */
  readonly agent?: Agent
}

export interface EventAnswer {
  readonly status: number
  readonly outcome: DispatchOutcome
}

/**
 * Sends an event. Redirects are not followed. Throws what undici throws, and the reason of the signal. Not with `fetch`, whose requests and responses
 * are held by weak references (see `timeLimit`).
 */
export async function postEvent(
  { url, headers, body, now, timeoutMs = requestTimeoutMs, agent }: EventPost,
  signal: AbortSignal,
): Promise<EventAnswer> {
  using limit = timeLimit(signal, timeoutMs)
  const response = await request(url, {
    method: 'POST',
    headers: { 'user-agent': 'reactor-connect', ...headers },
    body,
    signal: limit.signal,
    ...(agent !== undefined && { dispatcher: agent }),
  })
  const { statusCode: status, headers: received } = response
  // A failure while the body is read changes nothing: the status has arrived.
  const rest = { limit: maxResponseBytes, signal: limit.signal }
  await response.body.dump(rest).catch(() => undefined)
  const retryAfter = [received['retry-after']].flat()[0]
  return { status, outcome: httpOutcome(status, retryAfter, now()) }
}

/** To an address that the operator has set: JSON. */
export async function postEnvelope(
  { text, headers, ...post }: Omit<EventPost, 'body' | 'agent'> & { readonly text: string },
  signal: AbortSignal,
): Promise<DispatchOutcome> {
  try {
    const typed = { 'content-type': 'application/json', ...headers }
    return (await postEvent({ ...post, headers: typed, body: text }, signal)).outcome
  } catch (error) {
    signal.throwIfAborted()
    return { outcome: 'failed', reason: requestFailure(error), isTargetDown: true }
  }
}
