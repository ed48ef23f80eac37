import type { JsonObject } from '../../../protocol/index.ts'

/** A refusal, as https://docs.stripe.com/api/errors describes it. */
export class StripeRefusal extends Error {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: JsonObject

  constructor(status: number, error: JsonObject, headers: Readonly<Record<string, string>> = {}) {
    super(typeof error.message === 'string' ? error.message : 'refused')
    this.name = 'StripeRefusal'
    this.status = status
    this.headers = headers
    this.body = { error: { type: 'invalid_request_error', ...error } }
  }
}

export function missing(object: string, id: string, param = 'id'): StripeRefusal {
  const message = `No such ${object}: '${id}'`
  // A position in a list, and the id of another object, are parameters; an object of its own is a place.
  return new StripeRefusal(param === 'id' ? 404 : 400, { code: 'resource_missing', message, param })
}

export const tooManyRequests = (headers: Readonly<Record<string, string>> = {}): StripeRefusal =>
  new StripeRefusal(
    429,
    { code: 'rate_limit', message: 'Request rate limit exceeded.' },
    { 'stripe-rate-limited-reason': 'endpoint-rate', ...headers },
  )

export const lockTimeout = (): StripeRefusal =>
  new StripeRefusal(429, {
    code: 'lock_timeout',
    message: 'This object cannot be accessed right now because another API request holds it.',
  })

/** @param about the subject of the error: the payment intent as it is after the decline */
export const cardDeclined = (about: JsonObject = {}): StripeRefusal =>
  new StripeRefusal(402, {
    type: 'card_error',
    code: 'card_declined',
    decline_code: 'generic_decline',
    doc_url: 'https://stripe.com/docs/error-codes/card-declined',
    message: 'Your card was declined.',
    param: '',
    ...about,
  })
