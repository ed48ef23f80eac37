import { SourceError, TransportError } from '../../manifest-interpreter/contracts.ts'
import { HeldBack, NotSent } from '../../manifest-interpreter/source/manifest-client.ts'
import type { HttpResponse } from '../../manifest-interpreter/http/http-response.ts'
import { UnsendableHeader } from '../../manifest-interpreter/http/unsendable-header.ts'
import { hasNeverConnected } from '../../lib/net/has-never-connected.ts'
import { ConnectError, type JsonObject } from '../../protocol/index.ts'
import { isRepeatable, type ActionResponse } from '../action.ts'
import type { ActionDescriptor } from '../descriptor-schema.ts'
import { headersOf } from './action-response.ts'
import type { AskedWaits } from './asked-waits.ts'
import { askedTimeMs, retryFacts } from './retry-time.ts'
import { requestIdOf, type VendorApi, type VendorFailure } from './vendor-api.ts'

/** A request of an action, with all its tries. */
export interface SentRequest {
  readonly api: VendorApi
  readonly descriptor: ActionDescriptor
  readonly instance: string
  readonly now: () => number
  /** The waits of all requests of the client: others may be held back because of this one. */
  readonly waits: AskedWaits
  /** The caller can send the same call, which the vendor knows by its key, again. */
  readonly mayComeAgain: boolean
  /** A try before the last one, or an earlier call of the same, may have been carried out. */
  isUnclear: boolean
  /** When the last response after which the request might be sent again came. */
  heard: { readonly response: HttpResponse; readonly atMs: number } | undefined
}

/** Whether the request is sent again after this outcome. */
export function mayRepeat(sent: SentRequest, outcome: HttpResponse | TransportError): boolean {
  const isResponse = !(outcome instanceof TransportError)
  if (isResponse) sent.heard = { response: outcome, atMs: sent.now() }
  if (wasNotProcessed(outcome, sent.api)) {
    if (isResponse) noteWait(sent, { headers: headersOf(outcome) }, sent.now())
    return true
  }
  if (!isRepeatable(sent.descriptor) || !mayPass(outcome)) return false
  sent.isUnclear ||= mayBeDone(outcome)
  return true
}

/**
 * The error that a failure which the vendor reports ends the call with. `cameAtMs`: its time counts from
 * there, also if the call has waited since.
 */
export function reportedFailure(
  { kind, message, code, facts }: VendorFailure,
  { response, cameAtMs }: { readonly response: ActionResponse; readonly cameAtMs: number },
  sent: SentRequest,
): ConnectError {
  const codeName = kind === 'failed' ? unclearCode(sent) : failureCodes[kind]
  const isPassing = kind === 'rate limit' || kind === 'failed'
  const atMs = isPassing ? askedTimeMs(response, sent.api, cameAtMs) : undefined
  if (kind === 'rate limit') noteWait(sent, response, cameAtMs)
  return failedCall(sent, codeName, {
    ...withTime(message, atMs, sent),
    status: response.status,
    ...(code !== undefined && { vendor_code: code }),
    ...(facts !== undefined && { vendor_error: facts }),
    ...requestIdFact(response, sent),
  })
}

/** The vendor turned the request away: the others of the limit wait as long as this one. */
function noteWait(
  { waits, descriptor, api }: SentRequest,
  response: Pick<ActionResponse, 'headers'>,
  nowMs: number,
): void {
  waits.note(descriptor, response, { untilMs: askedTimeMs(response, api, nowMs), nowMs })
}

/** The error for a response that is no failure, and none of the vendor's. */
export function unreadableResponse(
  cause: unknown,
  response: ActionResponse,
  sent: SentRequest,
): ConnectError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const details = { reason, status: response.status, ...requestIdFact(response, sent) }
  return failedCall(sent, 'action_response_unreadable', details, cause)
}

/** The error for an exception that was thrown while a request was sent. */
export function failedRequest(
  error: unknown,
  sent: SentRequest,
  {
    isTimeout,
    isStopped,
    isCut,
  }: {
    readonly isTimeout: boolean
    /** It was to wait no longer. */
    readonly isStopped: boolean
    /** It was under way, or waited, when the service ended it. */
    readonly isCut: boolean
  },
): unknown {
  if (error instanceof ConnectError) return error
  const unsent = unsentRequest(error, sent, isStopped)
  if (unsent !== undefined) return unsent
  const fail = (code: ConnectError['code'], reason: string): ConnectError =>
    failedCall(sent, code, { reason }, error)
  const unclear = unclearCode(sent)
  if (isTimeout) return fail(unclear, 'it did not respond in time')
  if (isCut) return fail(unclear, 'the service stopped while it waited for the response')
  if (error instanceof TransportError)
    return fail(transportCodes.get(error.kind) ?? unclear, error.message)
  if (error instanceof SourceError) {
    const isConfig = error.failureType === 'config_error'
    return fail(isConfig ? 'action_credentials_refused' : 'action_unavailable', error.message)
  }
  return error
}

/** The error for a request that never reached the vendor; undefined if it may have. */
function unsentRequest(
  error: unknown,
  sent: SentRequest,
  isStopped: boolean,
): ConnectError | undefined {
  if (error instanceof UnsendableHeader) {
    const reason = `${error.message} Nothing was sent.`
    return failedCall(sent, 'action_credentials_refused', { reason }, error)
  }
  if (error instanceof HeldBack && !isStopped) {
    const { waits, descriptor } = sent
    const untilMs = waits.heldUntilMs(descriptor) ?? waits.lastMs
    const facts = withTime(error.message, untilMs, sent)
    return failedCall(sent, 'action_rate_limited', facts, error)
  }
  const reason = whyUnsent(error, sent, isStopped)
  if (reason === undefined) return undefined
  // Nor was an earlier try.
  const facts = { reason, ...(!sent.isUnclear && { nothing_sent: true }) }
  return failedCall(sent, 'action_unavailable', facts, error)
}

function whyUnsent(error: unknown, { api }: SentRequest, isStopped: boolean): string | undefined {
  if (error instanceof HeldBack || error instanceof NotSent)
    return isStopped
      ? 'the service stopped, or the caller left, before the request was sent'
      : 'no token came in time for it'
  const isUnprocessed = error instanceof TransportError && wasNotProcessed(error, api)
  return isUnprocessed ? error.message : undefined
}

function withTime(
  reason: string,
  atMs: number | undefined,
  { now, api }: SentRequest,
): JsonObject & { readonly reason: string } {
  const retry = retryFacts(atMs, now())
  if (retry === undefined) return { reason }
  return { reason: `${reason} (${api.title} asks to wait until ${retry.retry_at})`, ...retry }
}

function failedCall(
  sent: SentRequest,
  code: ConnectError['code'],
  facts: JsonObject & { readonly reason: string },
  cause?: unknown,
): ConnectError {
  const { api, descriptor, instance } = sent
  const known = { vendor: api.title, action: descriptor.name, instance, ...facts }
  const { code: shownCode, ...more } = afterUnclearTry(sent, code, facts)
  const details = {
    ...known,
    ...more,
    ...(shownCode === 'action_response_unreadable' && unreadableFacts(sent, more.reason)),
  }
  return new ConnectError(shownCode, { details, ...(cause !== undefined && { cause }) })
}

/** A read has changed nothing, however it ended. */
function unreadableFacts({ api, descriptor }: SentRequest, reason: string): JsonObject {
  const address = `If another server responded, correct the address of ${api.title} in the configuration, or the proxy on the way to it.`
  if (descriptor.effect === 'read')
    return {
      reason,
      fix: `Invoke the action again: it only reads. If the response was too large, ask for less. ${address}`,
    }
  return {
    reason: `${reason}; it is not known whether ${api.title} carried it out`,
    fix: `Look at ${api.title} whether it was done before you invoke it again. ${address}`,
  }
}

/**
 * After a try that may have been carried out, a refusal may only mean that it was: the object to create
 * exists, the object to delete is gone. A vendor that knows the call by its key refuses only what it refused
 * the first time.
 */
function afterUnclearTry(
  sent: SentRequest,
  code: ConnectError['code'],
  { reason, vendor_code: word }: JsonObject & { readonly reason: string },
): {
  readonly code: ConnectError['code']
  readonly reason: string
  /** A caller that repeats the call must send it as the same call. */
  readonly outcome_unknown?: true
} {
  const { isUnclear, descriptor } = sent
  if (!isUnclear || descriptor.effect === 'read') return { code, reason }
  if (code === 'action_rate_limited') return { code: unclearCode(sent), reason }
  const isKnown = descriptor.idempotency === 'native_key'
  // These are looked at before the key is.
  if (earlyRefusals.has(code) || (isKnown && code === 'action_permission_denied')) {
    const unclearReason = `${reason} (an earlier try of this call may have been carried out)`
    return { code, reason: unclearReason, outcome_unknown: true }
  }
  if (!refusals.has(code)) return { code, reason }
  // Without a word of the vendor it may be a proxy that refuses, which knows nothing of the key.
  if (isKnown) return { code: word === undefined ? unclearCode(sent) : code, reason }
  const unclearReason = `a try got no usable response, and the next one was refused, perhaps because the first was carried out: ${reason}`
  return { code: 'action_outcome_unknown', reason: unclearReason }
}

/**
 * The code of a failure after which nobody knows whether the vendor carried out the call. A repetition is
 * safe if it changes nothing more, or if the vendor knows the call by a key that the caller can send again.
 */
function unclearCode({
  descriptor,
  mayComeAgain,
}: SentRequest): 'action_unavailable' | 'action_outcome_unknown' {
  const { idempotency, effect } = descriptor
  const isKnown = mayComeAgain || idempotency !== 'native_key' || effect === 'read'
  return isRepeatable(descriptor) && isKnown ? 'action_unavailable' : 'action_outcome_unknown'
}

const refusals = new Set<ConnectError['code']>([
  'action_refused',
  'action_declined',
  'action_permission_denied',
])

const failureCodes = {
  credentials: 'action_credentials_refused',
  permission: 'action_permission_denied',
  'rate limit': 'action_rate_limited',
  refused: 'action_refused',
  declined: 'action_declined',
  unclear: 'action_outcome_unknown',
} as const

const earlyRefusals = new Set<ConnectError['code']>([
  'action_credentials_refused',
  'action_address_refused',
])

/** It would be the same the next time. */
const transportCodes = new Map<TransportError['kind'], ConnectError['code']>([
  ['invalid-url', 'action_address_refused'],
  ['invalid-scheme', 'action_address_refused'],
  ['refused-address', 'action_address_refused'],
  // The vendor sends the caller elsewhere: the object has moved.
  ['refused-redirect', 'action_refused'],
  // It responded with more than is read.
  ['limit', 'action_response_unreadable'],
])

/** The vendor refuses what is wrong with the request itself each time. */
function mayPass(outcome: HttpResponse | TransportError): boolean {
  if (outcome instanceof TransportError) return !transportCodes.has(outcome.kind)
  return outcome.status >= 500 || passingStatuses.has(outcome.status)
}

const passingStatuses = new Set([401, 408, 409, 425])

function mayBeDone(outcome: HttpResponse | TransportError): boolean {
  if (outcome instanceof TransportError) return true
  return outcome.status >= 500 || outcome.status === 408
}

function wasNotProcessed(outcome: HttpResponse | TransportError, api: VendorApi): boolean {
  if (!(outcome instanceof TransportError)) {
    const { status } = outcome
    return api.isTurnedAway?.({ status, headers: headersOf(outcome) }) ?? status === 429
  }
  return hasNeverConnected(outcome.cause)
}

function requestIdFact(response: ActionResponse, { api }: SentRequest): JsonObject {
  const requestId = requestIdOf(api, response)
  return requestId === undefined ? {} : { vendor_request_id: requestId }
}
