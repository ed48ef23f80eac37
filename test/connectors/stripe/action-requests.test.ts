import Stripe from 'stripe'
import { describe, expect, test } from 'vitest'
import { standardHeaders } from '../../../manifest-interpreter/http/standard-headers.ts'
import { toHttpRequest } from '../../../connectors/http/action-request.ts'
import { connectorOf } from '../../../connectors/registry.ts'
import { stripeActions } from '../../../connectors/stripe/actions/actions.ts'
import { apiVersion } from '../../../connectors/stripe/actions/stripe-action.ts'
import {
  isJsonList,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '../../../protocol/index.ts'
import { parseForm } from '../../fakes/stripe/form.ts'
import { actionNamed } from './action-named.ts'
import { fieldsOf, givenFields, textProblems } from './openapi/input-fields.ts'
import { operationFor, requestViolations, slice } from './openapi/read-slice.ts'
import { alternatives, samples } from './samples.ts'

const stripeConnector = await connectorOf('stripe')
const price = { currency: 'eur', product: 'prod_1', unit_amount: 5 }

const cases = stripeActions.map((action) => [action.descriptor.name, action] as const)

function namesOf(schema: JsonValue, list: string): readonly JsonValue[] {
  const names = isJsonObject(schema) ? schema[list] : undefined
  return isJsonList(names) ? names : []
}

describe('the requests', () => {
  test("speak the version that Stripe's own client pins", () => {
    expect(apiVersion).toBe(Stripe.API_VERSION)
    // Stripe publishes the document less often: the versions between only add to it.
    expect(slice.version.localeCompare(apiVersion)).toBeLessThanOrEqual(0)
    expect(stripeActions.length).toBeGreaterThanOrEqual(20)
  })

  test.each(cases)("%s: fits Stripe's document, with every field that it takes", (name, action) => {
    const inputs = [samples[name] ?? {}, ...(alternatives[name] ?? [])]
    for (const input of inputs) {
      const request = action.call(input).plan({})
      expect(requestViolations(request)).toEqual([])
      expect(request.headers?.['Stripe-Version']).toBe(apiVersion)
    }
    const given = new Set(inputs.flatMap((input) => givenFields(input)))
    expect(fieldsOf(action.descriptor.input).filter((field) => !given.has(field))).toEqual([])
  })

  test.each(cases)('%s: takes only texts that Stripe takes', (name, action) => {
    const body = operationFor(action.call(samples[name] ?? {}).plan({}))?.body ?? null
    expect(textProblems(action.descriptor.input, body)).toEqual([])
  })

  test.each(cases)('%s: requires what Stripe requires', (name, action) => {
    const body = operationFor(action.call(samples[name] ?? {}).plan({}))?.body ?? null
    const ours = namesOf(action.descriptor.input, 'required')
    expect(namesOf(body, 'required').filter((field) => !ours.includes(field))).toEqual([])
  })

  test('with a mistake would be found', () => {
    const request = actionNamed('createCustomer').call({ name: 'Ada' }).plan({})
    const wrong = (fields: JsonObject) =>
      requestViolations({ ...request, body: { kind: 'form', fields } })
    expect(wrong({ nothing: '1' })).toEqual(['[nothing] does not exist'])
    expect(wrong({ address: { street: 'x' } })).not.toEqual([])
    expect(wrong({ email: 'a'.repeat(513) })).toEqual(['[email] is too long'])
    expect(wrong({ tax_exempt: 'maybe' })).toEqual(['[tax_exempt] cannot be maybe'])
    expect(requestViolations({ ...request, url: 'https://api.stripe.com/v1/clients' })).not.toEqual(
      [],
    )
  })

  test('put an id into one segment of the path, whatever it holds', () => {
    const { url } = actionNamed('deleteCoupon').call({ id: 'a/../b?c' }).plan({})
    expect(url).toBe('https://api.stripe.com/v1/coupons/a%2F..%2Fb%3Fc')
    expect(() => actionNamed('getCustomer').call({ id: '..' })).toThrow()
  })

  test.each([
    ['createPaymentIntent', { amount: 10.99, currency: 'eur' }],
    ['createPaymentIntent', { amount: 1099, currency: 'EUR' }],
    ['createCustomer', { nothing: 1 }],
    ['createRefund', { charge: 'ch_1', payment_intent: 'pi_1' }],
    ['createRefund', {}],
    ['createSubscription', { customer: 'cus_1', items: [] }],
    // Stripe refuses each metered price without a meter.
    ['createPrice', { ...price, recurring: { interval: 'month', usage_type: 'metered' } }],
    ['createPrice', { ...price, recurring: { interval: 'month', meter: 'mtr_1' } }],
    ['createPrice', { ...price, product_data: { name: 'Shirt' } }],
    ['createPrice', { currency: 'eur', unit_amount: 5 }],
    ['createPrice', { currency: 'eur', product: 'prod_1', billing_scheme: 'tiered' }],
    ['createPrice', { ...price, tiers: [{ up_to: 'inf', unit_amount: 5 }] }],
    ['createSetupIntent', { return_url: 'https://shop.example/done' }],
    ['createCustomer', { address: { country: 'Germany' } }],
    ['createCustomer', { metadata: { a: null } }],
    ['createCustomer', { expand: 'tax_ids' }],
    [
      'createCheckoutSession',
      { mode: 'payment', line_items: [{ price_data: { currency: 'eur' } }] },
    ],
    ['createSubscription', { customer: 'cus_1', items: [{ price: 'price_1' }], cancel_at: '' }],
  ])('%s refuses %o', (name, input) => {
    expect(() => actionNamed(name).call(input)).toThrow(
      expect.objectContaining({ code: 'action_input_invalid' }) as Error,
    )
  })
})

describe('a form', () => {
  const bodyOf = (name: string, input: JsonObject) =>
    parseForm(String(toHttpRequest(actionNamed(name).call(input).plan({})).body))

  test.each([
    [
      'createCustomer',
      { metadata: { count: 3, ratio: 0.5 } },
      { metadata: { count: '3', ratio: '0.5' } },
    ],
    ['createCustomer', { address: { country: '' } }, { address: { country: '' } }],
    ['updateSubscription', { id: 'sub_1', cancel_at: '' }, { cancel_at: '' }],
    ['updatePaymentIntent', { id: 'pi_1', setup_future_usage: '' }, { setup_future_usage: '' }],
    ['confirmPaymentIntent', { id: 'pi_1', off_session: 'one_off' }, { off_session: 'one_off' }],
    ['confirmPaymentIntent', { id: 'pi_1', off_session: true }, { off_session: 'true' }],
    ['sendInvoice', { id: 'in_1', expand: ['customer'] }, { expand: ['customer'] }],
  ])('of %s with %o', (name, input, fields) => {
    expect(bodyOf(name, input)).toEqual(fields)
  })

  test('with a text that Stripe does not take, or a field that no sample has, would be found', () => {
    const choice = {
      type: 'object',
      properties: { a: { items: { properties: { b: { enum: ['x', 'y'] } } } } },
    }
    const theirs = (texts: JsonValue) => ({
      properties: {
        a: { anyOf: [{ enum: [''] }, { items: { properties: { b: { enum: texts } } } }] },
      },
    })
    expect(textProblems(choice, theirs(['x', 'y']))).toEqual([])
    expect(textProblems(choice, theirs(['x']))).toEqual(['a.*.b cannot be "y"'])
    expect(fieldsOf(choice)).toEqual(['a', 'a.*.b'])
    expect(givenFields({ a: [{ b: 'x' }] })).toContain('a.*.b')
  })
})

describe('what needs a confirmation', () => {
  test('is what moves money, is sent to a customer, or cannot be undone', () => {
    const confirmed = stripeActions
      .filter(({ descriptor }) => descriptor.requiresConfirmation)
      .map(({ descriptor }) => descriptor.name)
    expect(confirmed).toEqual([
      'deleteCustomer',
      'detachPaymentMethod',
      'createPaymentIntent',
      'confirmPaymentIntent',
      'capturePaymentIntent',
      'cancelPaymentIntent',
      'createRefund',
      'deleteCoupon',
      'createSubscription',
      'updateSubscription',
      'cancelSubscription',
      'deleteInvoice',
      'finalizeInvoice',
      'sendInvoice',
      'payInvoice',
      'voidInvoice',
    ])
  })
})

describe('a dry-run', () => {
  const preview = (key: string) =>
    stripeConnector.actions?.preview(
      actionNamed('createCustomer').call({ name: 'Ada' }),
      { api_key: key },
      { idempotencyKey: 'key-1' },
    )

  test('is native with a key of the test mode, and shows the request with a live one', () => {
    expect(preview('sk_test_1')?.level).toBe('native')
    expect(preview('rk_test_1')?.level).toBe('native')
    expect(preview('sk_live_secret')).toEqual({
      level: 'synthesized',
      request: {
        method: 'POST',
        url: 'https://api.stripe.com/v1/customers',
        headers: {
          ...standardHeaders,
          'Stripe-Version': apiVersion,
          'User-Agent': 'reactor-connect',
          'Content-Type': 'application/x-www-form-urlencoded',
          'Idempotency-Key': 'key-1',
          Authorization: 'Bearer ***',
        },
        body: 'name=Ada',
      },
    })
  })
})
