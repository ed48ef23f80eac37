import {
  SourceError,
  TransportError,
  type ErrorResolution,
  type HttpRequest,
} from '../../contracts.ts'
import type { HttpResponse } from '../../http/http-response.ts'
import { publicUrl } from '../../http/split-url.ts'
import { parseErrorMessage } from './error-handlers/json-error-message-parser.ts'

/** More than is shown of it: a secret at the end is masked before the text is cut for people. */
const MAX_SAID_CHARACTERS = 16_000
/**
 * These come from a server that may respond differently a moment later, although their numbers blame the
 * request.
 */
const PASSING_STATUSES = new Set([408, 423, 425, 429])

/** The outcome of a failed request, for people. Read the response before it is discarded. */
export interface FailedRequest {
  readonly request: HttpRequest
  readonly outcome: HttpResponse | TransportError
  /** The API's text about the failure, if there is one. */
  readonly said: string | undefined
}

export async function failedRequest(
  request: HttpRequest,
  outcome: HttpResponse | TransportError,
): Promise<FailedRequest> {
  const said = outcome instanceof TransportError ? null : await parseErrorMessage(outcome)
  const text = said?.trim().slice(0, MAX_SAID_CHARACTERS)
  return { request, outcome, said: text === '' ? undefined : text }
}

/** The facts of a line of the log. */
export function outcomeFacts({ request, outcome, said }: FailedRequest): object {
  const { method, url } = request
  return {
    method,
    url: publicUrl(url),
    ...(outcome instanceof TransportError ? { failed: outcome.kind } : { status: outcome.status }),
    ...(said !== undefined && { said }),
  }
}

/** A reason with the request, and with what the API said, unless the reason has it already. */
export function reasonWith(reason: string, failed: FailedRequest): string {
  const { outcome, said } = failed
  // It names the address itself.
  if (outcome instanceof TransportError && reason.includes(outcome.message)) return reason
  const what =
    outcome instanceof TransportError ? 'failed' : `was answered with status ${outcome.status}`
  const isNew = said !== undefined && !reason.includes(said)
  if (!isNew && reason.includes(publicUrl(failed.request.url))) return reason
  return `${withStop(reason)} ${requestText(failed)} ${what}${isNew ? `: ${said}` : '.'}`
}

/** The error for a resolution that ends the stream. */
export function requestFailure(failed: FailedRequest, resolution: ErrorResolution): SourceError {
  const { outcome } = failed
  const { failureType = 'system_error', message: reason = '' } = resolution
  const fallback =
    outcome instanceof TransportError ? outcome.message : 'The API refuses a request.'
  const message = reasonWith(reason === '' ? fallback : reason, failed)
  return new SourceError(message, {
    failureType,
    internalMessage: message,
    ...(failureType === 'system_error' && { mayPass: !isRefusal(outcome) }),
    ...(outcome instanceof TransportError && { cause: outcome }),
  })
}

/** The API refuses this request, and would again. */
function isRefusal(outcome: HttpResponse | TransportError): boolean {
  if (outcome instanceof TransportError) return false
  const { status } = outcome
  return status >= 400 && status < 500 && !PASSING_STATUSES.has(status)
}

function requestText({ request: { method, url } }: FailedRequest): string {
  return `${method} ${publicUrl(url)}`
}

function withStop(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}
