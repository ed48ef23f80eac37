import type { ErrorCode } from './documents.ts'

// ---------------------------------------------------------------------------------------------------
// Errors
// ---------------------------------------------------------------------------------------------------

/** An error of the service, or the reason why it cannot be reached. Decide by `code`; show `message` and `suggestedFix` to people. */
export class ConnectError extends Error {
  override readonly name = 'ConnectError'
  /** A newer service may have codes that this file does not know. */
  readonly code: ErrorCode | (string & Record<never, never>)
  /** The HTTP status; 0 if there was no response. */
  readonly status: number
  readonly suggestedFix: string
  /** config_error: you must act. transient_error: try again later. system_error: a bug of the service or the connector. */
  readonly failureType: string
  readonly docsUrl: string | undefined
  readonly details: Readonly<Record<string, unknown>>
  /** Identifies the request in the log of the service. */
  readonly requestId: string | undefined
  /**
   * The `Idempotency-Key` of the request, yours or one that was made for it. Whoever sends the same request again has to send this key with it
   * (`idempotencyKey`): another one makes it another request.
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

function unreachable(url: string, cause: unknown): ConnectError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new ConnectError(0, {
    code: 'service_unreachable',
    message: `The service at ${url} cannot be reached: ${reason}`,
    suggested_fix: 'Check `baseUrl`, and that the service runs and can be reached from here.',
    failure_type: 'transient_error',
  })
}

/** What came instead of a usable response. */
interface Unusable {
  readonly status: number
  readonly contentType: string | null
  readonly text: string
  /** `text` as JSON; undefined if it is none. */
  readonly json: unknown
}

function refused({ json, ...answer }: Unusable): ConnectError {
  const error = isObject(json) && 'error' in json ? json.error : undefined
  return isErrorBody(error) ? new ConnectError(answer.status, error) : foreign(answer)
}

/** The response of a gateway or another program: a page, other JSON, or nothing. */
function foreign({ status, contentType, text }: Omit<Unusable, 'json'>): ConnectError {
  const isPassing = status === 429 || (status >= 502 && status <= 504)
  const said = text.replace(/\s+/g, ' ').trim().slice(0, 200)
  return new ConnectError(status, {
    code: 'service_answer_invalid',
    message: `What responds with status ${String(status)} is not Reactor Connect${said === '' ? '' : `: ${said}`}`,
    suggested_fix: isPassing
      ? 'Try again later: a gateway on the way does not reach the service.'
      : 'Check `baseUrl`, and gateways on the way.',
    failure_type: isPassing ? 'transient_error' : 'config_error',
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
