import type { ErrorResolution, TransportError } from '../../../contracts.ts'
import type { HttpResponse } from '../../../http/http-response.ts'
import { publicUrl } from '../../../http/split-url.ts'
import { TransportError as Failed } from '../../../contracts.ts'

function status(
  code: number,
  action: ErrorResolution['action'],
  details: { failureType: NonNullable<ErrorResolution['failureType']>; reason: string },
): readonly [number, ErrorResolution] {
  const { failureType, reason } = details
  return [code, { action, failureType, message: `HTTP Status Code: ${code}. Error: ${reason}` }]
}

/** The meaning of a status unless the manifest says otherwise. */
const BY_STATUS: ReadonlyMap<number, ErrorResolution> = new Map([
  status(400, 'FAIL', {
    failureType: 'system_error',
    reason: 'Bad request. Please check your request parameters.',
  }),
  status(401, 'FAIL', {
    failureType: 'config_error',
    reason: 'Unauthorized. Please ensure you are authenticated correctly.',
  }),
  status(403, 'FAIL', {
    failureType: 'config_error',
    reason: "Forbidden. You don't have permission to access this resource.",
  }),
  status(404, 'FAIL', {
    failureType: 'system_error',
    reason: 'Not found. The requested resource was not found on the server.',
  }),
  status(405, 'FAIL', {
    failureType: 'system_error',
    reason: 'Method not allowed. Please check your request method.',
  }),
  status(408, 'RETRY', { failureType: 'transient_error', reason: 'Request timeout.' }),
  status(429, 'RATE_LIMITED', { failureType: 'transient_error', reason: 'Too many requests.' }),
  status(500, 'RETRY', { failureType: 'transient_error', reason: 'Internal server error.' }),
  status(502, 'RETRY', { failureType: 'transient_error', reason: 'Bad gateway.' }),
  status(503, 'RETRY', { failureType: 'transient_error', reason: 'Service unavailable.' }),
  status(504, 'RETRY', { failureType: 'transient_error', reason: 'Gateway timeout.' }),
])

/** Undefined for an unknown status. */
export function mappedStatus(code: number): ErrorResolution | undefined {
  return BY_STATUS.get(code)
}

/** The meaning of an unsuccessful outcome that no filter of the manifest matches. */
export async function defaultResolution(
  outcome: HttpResponse | TransportError,
): Promise<ErrorResolution> {
  if (outcome instanceof Failed) return failedResolution(outcome)
  return (
    mappedStatus(outcome.status) ?? {
      action: 'RETRY',
      failureType: 'system_error',
      message: await unknownStatusMessage(outcome),
    }
  )
}

function failedResolution({ kind, message }: TransportError): ErrorResolution {
  switch (kind) {
    case 'invalid-scheme':
      return {
        action: 'FAIL',
        failureType: 'config_error',
        message:
          'Invalid Protocol Schema: The endpoint that data is being requested from is using an invalid or insecure. Exception: requests.exceptions.InvalidSchema',
      }
    case 'invalid-url':
      return {
        action: 'RETRY',
        failureType: 'transient_error',
        message:
          'Invalid URL specified or DNS error occurred: The endpoint that data is being requested from is not a valid URL. Exception: requests.exceptions.InvalidURL',
      }
    case 'refused-address':
    case 'refused-redirect':
    case 'limit':
      return { action: 'FAIL', failureType: 'config_error', message }
    case 'timeout':
      return { action: 'RETRY', failureType: 'system_error', message: `ReadTimeout: ${message}` }
    case 'connection':
      return {
        action: 'RETRY',
        failureType: 'system_error',
        message: `ConnectionError: ${message}`,
      }
  }
}

/** Error bodies are short. Of an HTML page less is shown, once secrets are masked. */
const MAX_CONTENT_CHARACTERS = 16_000

async function unknownStatusMessage(response: HttpResponse): Promise<string> {
  const { status: code, reason, url } = response
  if (code < 400 || code >= 600) return `Unexpected response with HTTP status ${code}`
  const kind = code < 500 ? 'Client Error' : 'Server Error'
  const content = await response.text()
  const shown =
    content.length > MAX_CONTENT_CHARACTERS
      ? `${content.slice(0, MAX_CONTENT_CHARACTERS)}…`
      : content
  return `Response was not ok: \`${code} ${kind}: ${reason} for url: ${publicUrl(url)}\`. Response content is: ${shown}`
}
