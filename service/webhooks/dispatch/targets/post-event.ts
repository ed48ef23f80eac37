import { request, type Agent } from 'undici'
import { timeLimit } from '../../../../lib/async/time-limit.ts'
import { requestFailure } from '../../../../protocol/index.ts'
import type { DispatchOutcome, DispatchFailure } from './contract.ts'
import { retryAfterMs as pauseOf } from '../../../../lib/net/retry-after.ts'

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
 * Sends an event. Redirects are not followed. Throws what undici throws, and the reason of the signal. Not
 * with `fetch`, whose requests and responses are held by weak references (see `timeLimit`).
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

/** A longer pause would be a mistake of the target. */
const longestPauseMs = 24 * 3_600_000

/** Statuses that say that the request may do later what it cannot do now. */
const laterStatuses = new Set([408, 425, 429])
/**
 * Statuses of a target, or of what stands before it, that cannot take anything now:
 * https://www.standardwebhooks.com asks to send less then.
 */
const downStatuses = new Set([429, 502, 503, 504])

/** The outcome for the event, by the status of the response. */
function httpOutcome(
  status: number,
  retryAfter: string | undefined,
  nowMs: number,
): DispatchOutcome {
  if (status >= 200 && status <= 299) return { outcome: 'done' }
  const askedMs = pauseOf(retryAfter, nowMs)
  const retryAfterMs = askedMs && Math.min(askedMs, longestPauseMs)
  return {
    outcome: 'failed',
    ...failureOf(status),
    ...(downStatuses.has(status) && { isTargetDown: true }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  }
}

function failureOf(status: number): DispatchFailure {
  const reason = `it responded with status ${String(status)}`
  if (status >= 300 && status <= 399)
    return { reason: `${reason}: redirects are not followed`, isRefused: true }
  const isRefused = status >= 400 && status <= 499 && !laterStatuses.has(status)
  return { reason, ...(isRefused && { isRefused }) }
}
