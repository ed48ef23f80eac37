import { z } from 'zod'

/**
 * The fields of Stripe's objects that are the reason to make a call, as its OpenAPI document declares them. A
 * field that may be missing there is optional here, and a list of values is any text, because Stripe adds
 * values. Nothing is refused because of them, and other fields are kept.
 */
const text = z.string()
const whole = z.int()
const flag = z.boolean()
const open = z.looseObject({})
const maybeText = text.nullable().exactOptional()
const maybeWhole = whole.nullable().exactOptional()
const maybeFlag = flag.nullable().exactOptional()
const maybeOpen = open.nullable().exactOptional()
const fraction = z.number().meta({ format: 'double' }).nullable().exactOptional()
const metadata = z.record(z.string(), z.string())
/** An id, or the object itself if the call asks Stripe to expand it. */
const other = z.union([text, z.looseObject({ id: text })])
const maybeOther = other.nullable().exactOptional()

function listOf(item: z.ZodType): z.ZodType {
  return z.looseObject({ data: z.array(item), has_more: flag })
}

const created = { created: whole, livemode: flag }
const maybeMetadata = metadata.nullable().exactOptional()

const customer = {
  ...created,
  deleted: z.literal(true).exactOptional().meta({
    description: 'Present if it was deleted: then it has only `id` and `object` beside it.',
  }),
  email: maybeText,
  name: maybeText,
  phone: maybeText,
  description: maybeText,
  address: maybeOpen,
  shipping: maybeOpen,
  balance: whole.exactOptional(),
  currency: maybeText,
  default_source: maybeOther,
  delinquent: maybeFlag,
  discount: maybeOpen,
  invoice_prefix: maybeText,
  invoice_settings: z.looseObject({ default_payment_method: maybeOther }).exactOptional(),
  metadata: metadata.exactOptional(),
  preferred_locales: z.array(text).nullable().exactOptional(),
  tax_exempt: maybeText,
}

const paymentError = z
  .looseObject({
    type: text,
    code: text.exactOptional(),
    decline_code: text.exactOptional(),
    message: text.exactOptional(),
  })
  .nullable()
  .exactOptional()

const nextAction = z
  .looseObject({
    type: text,
    redirect_to_url: z.looseObject({ url: maybeText, return_url: maybeText }).exactOptional(),
  })
  .nullable()
  .exactOptional()

const paymentIntent = {
  ...created,
  status: text,
  client_secret: maybeText,
  amount: whole.exactOptional(),
  amount_capturable: whole.exactOptional(),
  amount_received: whole.exactOptional(),
  currency: text.exactOptional(),
  customer: maybeOther,
  description: maybeText,
  canceled_at: maybeWhole,
  cancellation_reason: maybeText,
  capture_method: text.exactOptional(),
  last_payment_error: paymentError,
  latest_charge: maybeOther,
  metadata: metadata.exactOptional(),
  next_action: nextAction,
  payment_method: maybeOther,
  payment_method_types: z.array(text).exactOptional(),
  receipt_email: maybeText,
  setup_future_usage: maybeText,
}

const setupIntent = {
  ...created,
  status: text,
  client_secret: maybeText,
  customer: maybeOther,
  description: maybeText,
  last_setup_error: paymentError,
  latest_attempt: maybeOther,
  metadata: maybeMetadata,
  next_action: nextAction,
  payment_method: maybeOther,
  payment_method_types: z.array(text),
  usage: text,
}

const checkoutSession = {
  ...created,
  url: maybeText,
  client_secret: maybeText,
  status: maybeText,
  payment_status: text,
  mode: text,
  amount_subtotal: maybeWhole,
  amount_total: maybeWhole,
  currency: maybeText,
  customer: maybeOther,
  customer_email: maybeText,
  customer_details: z
    .looseObject({ email: maybeText, name: maybeText, phone: maybeText })
    .nullable()
    .exactOptional(),
  client_reference_id: maybeText,
  expires_at: whole,
  invoice: maybeOther,
  metadata: maybeMetadata,
  payment_intent: maybeOther,
  payment_link: maybeOther,
  setup_intent: maybeOther,
  subscription: maybeOther,
  success_url: maybeText,
  cancel_url: maybeText,
  return_url: text.exactOptional(),
}

const confirmationSecret = z
  .looseObject({ client_secret: text, type: text })
  .nullable()
  .exactOptional()

const invoice = {
  ...created,
  status: maybeText,
  number: maybeText,
  hosted_invoice_url: maybeText,
  invoice_pdf: maybeText,
  amount_due: whole,
  amount_paid: whole,
  amount_remaining: whole,
  subtotal: whole,
  total: whole,
  currency: text,
  customer: other,
  customer_email: maybeText,
  attempt_count: whole,
  attempted: flag,
  auto_advance: flag,
  billing_reason: maybeText,
  collection_method: text,
  confirmation_secret: confirmationSecret,
  default_payment_method: maybeOther,
  description: maybeText,
  due_date: maybeWhole,
  lines: listOf(z.looseObject({ id: text, amount: whole, currency: text, description: maybeText })),
  metadata: maybeMetadata,
  next_payment_attempt: maybeWhole,
  parent: maybeOpen,
  period_end: whole,
  period_start: whole,
}

const price = {
  ...created,
  active: flag,
  billing_scheme: text,
  currency: text,
  lookup_key: maybeText,
  metadata,
  nickname: maybeText,
  product: other,
  recurring: z
    .looseObject({ interval: text, interval_count: whole, usage_type: text })
    .nullable()
    .exactOptional(),
  tax_behavior: maybeText,
  type: text,
  unit_amount: maybeWhole,
  unit_amount_decimal: maybeText,
}

const subscriptionItem = z.looseObject({
  id: text,
  price: z.looseObject({ id: text, currency: text, product: other, unit_amount: maybeWhole }),
  quantity: whole.exactOptional(),
  current_period_end: whole,
  current_period_start: whole,
})

const subscription = {
  ...created,
  status: text,
  currency: text,
  customer: other,
  description: maybeText,
  billing_cycle_anchor: whole,
  cancel_at: maybeWhole,
  cancel_at_period_end: flag,
  canceled_at: maybeWhole,
  collection_method: text,
  days_until_due: maybeWhole,
  default_payment_method: maybeOther,
  ended_at: maybeWhole,
  items: listOf(subscriptionItem),
  latest_invoice: z
    .union([
      text,
      z.looseObject({
        id: text,
        status: maybeText,
        hosted_invoice_url: maybeText,
        confirmation_secret: confirmationSecret,
      }),
    ])
    .nullable()
    .exactOptional(),
  metadata,
  pending_setup_intent: maybeOther,
  start_date: whole,
  trial_end: maybeWhole,
  trial_start: maybeWhole,
}

const invoiceItem = {
  livemode: flag,
  date: whole,
  amount: whole,
  currency: text,
  customer: other,
  description: maybeText,
  discountable: flag,
  invoice: maybeOther,
  metadata: maybeMetadata,
  period: z.looseObject({ start: whole, end: whole }),
  proration: flag,
  quantity: whole,
}

const coupon = {
  ...created,
  amount_off: maybeWhole,
  percent_off: fraction,
  currency: maybeText,
  duration: text,
  duration_in_months: maybeWhole,
  max_redemptions: maybeWhole,
  metadata: maybeMetadata,
  name: maybeText,
  redeem_by: maybeWhole,
  times_redeemed: whole,
  valid: flag,
}

const product = {
  ...created,
  active: flag,
  default_price: maybeOther,
  description: maybeText,
  images: z.array(text),
  metadata,
  name: text,
  shippable: maybeFlag,
  statement_descriptor: maybeText,
  tax_code: maybeOther,
  unit_label: maybeText,
  updated: whole,
  url: maybeText,
}

const refund = {
  created: whole,
  status: maybeText,
  amount: whole,
  currency: text,
  charge: maybeOther,
  payment_intent: maybeOther,
  balance_transaction: maybeOther,
  description: text.exactOptional(),
  failure_reason: text.exactOptional(),
  metadata: maybeMetadata,
  reason: maybeText,
  receipt_number: maybeText,
}

const charge = {
  ...created,
  status: text,
  amount: whole,
  amount_captured: whole,
  amount_refunded: whole,
  balance_transaction: maybeOther,
  captured: flag,
  currency: text,
  customer: maybeOther,
  description: maybeText,
  disputed: flag,
  failure_code: maybeText,
  failure_message: maybeText,
  metadata,
  paid: flag,
  payment_intent: maybeOther,
  payment_method: maybeText,
  receipt_email: maybeText,
  receipt_url: maybeText,
  refunded: flag,
}

const dispute = {
  ...created,
  status: text,
  amount: whole,
  charge: other,
  currency: text,
  evidence_details: z
    .looseObject({ due_by: maybeWhole, has_evidence: flag, submission_count: whole })
    .exactOptional(),
  is_charge_refundable: flag,
  metadata,
  payment_intent: maybeOther,
  reason: text,
}

const creditNote = {
  ...created,
  status: text,
  number: text,
  amount: whole,
  currency: text,
  customer: other,
  invoice: other,
  memo: maybeText,
  metadata: maybeMetadata,
  pdf: text,
  reason: maybeText,
  total: whole,
  type: text,
}

const paymentMethod = {
  ...created,
  type: text,
  billing_details: z.looseObject({
    address: maybeOpen,
    email: maybeText,
    name: maybeText,
    phone: maybeText,
  }),
  card: z
    .looseObject({ brand: text, last4: text, exp_month: whole, exp_year: whole })
    .exactOptional(),
  customer: maybeOther,
  metadata: maybeMetadata,
}

const portalSession = {
  ...created,
  url: text,
  configuration: other,
  customer: text,
  return_url: maybeText,
}

/** By the `object` of a response. */
export const stripeFields: Readonly<Record<string, z.ZodRawShape>> = {
  'billing_portal.session': portalSession,
  charge,
  'checkout.session': checkoutSession,
  coupon,
  credit_note: creditNote,
  customer,
  dispute,
  invoice,
  invoiceitem: invoiceItem,
  payment_intent: paymentIntent,
  payment_method: paymentMethod,
  price,
  product,
  refund,
  setup_intent: setupIntent,
  subscription,
}
