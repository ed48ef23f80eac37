import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/index.ts'
import type { ActionResponse } from '../action.ts'
import { failureKind, statusText, type VendorFailure } from '../http/vendor-api.ts'

/** https://docs.stripe.com/api/errors */
export function stripeFailure(response: ActionResponse): VendorFailure | undefined {
  const { body, status } = response
  const kind = failureKind(status)
  if (kind === undefined) return undefined
  const error = isJsonObject(body) && isJsonObject(body.error) ? body.error : {}
  const { message, code, type } = error
  const vendorCode = text(code) ?? text(type)
  const facts = errorFacts(error)
  return {
    kind: kind === 'refused' ? refusalKind(response, error) : kind,
    message: text(message) ?? statusText(response),
    ...(vendorCode !== undefined && { code: vendorCode }),
    ...(Object.keys(facts).length > 0 && { facts }),
  }
}

function refusalKind(
  { status, headers }: ActionResponse,
  error: JsonObject,
): VendorFailure['kind'] {
  // Another request with this key, or for this object, is being carried out.
  if (status === 409 && headers.get('stripe-should-retry') !== 'false') return 'failed'
  // It has carried out, or begun, another request under this key: an earlier version of this one may have
  // sent another body.
  if (error.type === 'idempotency_error') return 'unclear'
  return isDecline(error) ? 'declined' : 'refused'
}

/**
 * Card errors include a wrong number and an expired card: the paying customer corrects them, not the author
 * of the request.
 */
function isDecline({ type, code, decline_code: declineCode }: JsonObject): boolean {
  return type === 'card_error' || code === 'card_declined' || typeof declineCode === 'string'
}

const textFields = [
  'type',
  'code',
  'decline_code',
  'param',
  'doc_url',
  'request_log_url',
  'advice_code',
  'network_advice_code',
  'network_decline_code',
  'payment_method_type',
  'charge',
] as const

/** Only the ids of these objects are shown: the objects hold names, addresses and client secrets. */
const objectFields = ['payment_intent', 'setup_intent', 'payment_method', 'source'] as const

function errorFacts(error: JsonObject): JsonObject {
  const found = [
    ...textFields.map((name) => [name, text(error[name])] as const),
    ...objectFields.map((name) => [name, idOf(error[name])] as const),
  ]
  return Object.fromEntries(
    found.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}

function idOf(value: JsonValue | undefined): string | undefined {
  return isJsonObject(value) ? text(value.id) : text(value)
}

/** An empty text says nothing. */
function text(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
