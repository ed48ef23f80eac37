import type { ErrorCode } from './documents.ts'

// ---------------------------------------------------------------------------------------------------
// Errors
// ---------------------------------------------------------------------------------------------------

const errorBrand = Symbol.for('reactor-connect.error')

/**
 * An error of the service, or the reason why it cannot be reached. Decide by `code`; show `message` and
 * `suggestedFix` to people. `instanceof` is true for the errors of all generated clients, also of another
 * file than this one.
 */
export class ConnectError extends Error {
  static override [Symbol.hasInstance](value: unknown): value is ConnectError {
    return isObject(value) && errorBrand in value
  }
  override readonly name = 'ConnectError'
  /** A newer service may have codes that this file does not know. */
  readonly code: ErrorCode | (string & Record<never, never>)
  /** The HTTP status; 0 if there was no response. */
  readonly status: number
  readonly suggestedFix: string
  /**
   * config_error: you must act. transient_error: try again later. system_error: a bug of the service or the
   * connector.
   */
  readonly failureType: string
  readonly docsUrl: string | undefined
  readonly details: Readonly<Record<string, unknown>>
  /** Identifies the request in the log of the service. */
  readonly requestId: string | undefined
  /**
   * The `Idempotency-Key` of the request, yours or one that was made for it. To send the same request again,
   * send this key with it (`idempotencyKey`): with another key it is another request.
   */
  idempotencyKey: string | undefined

  constructor(status: number, body: ErrorBody) {
    super(body.message)
    this.code = body.code
    this.status = status
    this.suggestedFix = body.suggested_fix ?? ''
    this.failureType = body.failure_type ?? 'system_error'
    this.docsUrl = body.docs_url
    this.details = body.details ?? {}
    this.requestId = body.request_id
    Object.defineProperty(this, errorBrand, { value: true })
  }
}

interface ErrorBody {
  readonly code: ConnectError['code']
  readonly message: string
  readonly suggested_fix?: string
  readonly failure_type?: string
  readonly docs_url?: string
  readonly details?: Readonly<Record<string, unknown>>
  readonly request_id?: string
}

/** A request that got no response. */
interface LostRequest {
  readonly url: string
  /** `never`: doing it twice may do harm. */
  readonly repeat: 'always' | 'with key' | 'never'
  /** The name of the action that it invokes. */
  readonly action: string | undefined
}

interface Loss {
  readonly reason: string
  /** The service may have got it. */
  readonly isSent: boolean
  /** The HTTP status, which may be a gateway's; 0 if nothing responded. */
  readonly status: number
}

function unreachable(request: LostRequest, cause: unknown): ConnectError {
  return lost(request, { ...lostBy(cause), status: 0 })
}

function lost({ url, repeat, action }: LostRequest, loss: Loss): ConnectError {
  const { reason, isSent, status } = loss
  const isUnclear = isSent && repeat === 'never'
  const details = { reason, ...(status !== 0 && { status }) }
  if (isUnclear && action !== undefined)
    return new ConnectError(status, {
      code: 'action_outcome_unknown',
      message: `It is not known whether ${action} was carried out: the service at ${url} did not respond (${reason})`,
      suggested_fix:
        'Look at the vendor whether it was done. Invoke the action again only if it was not: a repeated call could do it twice, or be refused because it is done.',
      details: { action, ...details },
    })
  const checked = 'Check `baseUrl`, and that the service runs and can be reached from here.'
  const again =
    'Send the same request again with the `idempotencyKey` of this error: it is carried out once.'
  const look = 'Look whether the request was carried out before you send it again.'
  const fixes = { always: checked, 'with key': again, never: look } as const
  return new ConnectError(status, {
    code: 'service_unreachable',
    message: `The service at ${url} cannot be reached: ${reason}`,
    suggested_fix: isSent ? fixes[repeat] : checked,
    failure_type: 'transient_error',
    details: { ...details, ...(isUnclear && { may_be_done: true }) },
  })
}

/** Errors of a connection that was never established. Browsers do not report them. */
const unsentCodes = new Set<unknown>([
  'EAI_AGAIN',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** `fetch` only says that it failed: the causes of its error have the reason. */
function lostBy(thrown: unknown): { readonly reason: string; readonly isSent: boolean } {
  let reason = String(thrown)
  for (let cause = thrown; cause instanceof Error; cause = cause.cause) {
    if (cause.message !== '') reason = cause.message
    if ('code' in cause && unsentCodes.has(cause.code)) return { reason, isSent: false }
  }
  return { reason, isSent: true }
}

/** The response that came instead of a usable one. */
interface Unusable {
  readonly status: number
  readonly contentType: string | null
  readonly text: string
  /** `text` as JSON; undefined if it is none. */
  readonly json: unknown
}

function refused({ json, ...answer }: Unusable, request: LostRequest): ConnectError {
  const error = isObject(json) && 'error' in json ? json.error : undefined
  return isErrorBody(error) ? new ConnectError(answer.status, error) : foreign(answer, request)
}

/** The response of a gateway or another program: a page, other JSON, or nothing. */
function foreign(
  { status, contentType, text }: Omit<Unusable, 'json'>,
  request: LostRequest,
): ConnectError {
  const start = text.replace(/\s+/g, ' ').trim().slice(0, 200)
  const said = start === '' ? '' : `: ${start}`
  // A gateway before the service got no response of it, or lost it.
  if (status >= 502 && status <= 504) {
    const reason = `a proxy before it responded with status ${String(status)}${said}`
    return lost(request, { reason, isSent: true, status })
  }
  return new ConnectError(status, {
    code: 'service_answer_invalid',
    message: `What responds with status ${String(status)} is not Reactor Connect${said}`,
    suggested_fix:
      status === 429
        ? 'Try again later: a gateway on the way limits requests.'
        : 'Check `baseUrl`, and gateways on the way.',
    failure_type: status === 429 ? 'transient_error' : 'config_error',
    details: { status, content_type: contentType },
  })
}

function isErrorBody(error: unknown): error is ErrorBody {
  return isObject(error) && hasText(error, 'code') && hasText(error, 'message')
}

function hasText<Name extends string>(value: object, name: Name): value is Record<Name, string> {
  return typeof (value as Partial<Record<Name, unknown>>)[name] === 'string'
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

export { isObject, refused, unreachable }
