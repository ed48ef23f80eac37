import {
  isJsonList,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '../../../protocol/index.ts'
import { StripeRefusal } from './stripe-error.ts'

/** `absent`: a response lacks it unless it is expanded. `id`: it has only the id of what is in there. */
type Collapsed = 'absent' | 'id'

const lineItems = {
  line_items: 'absent',
  'line_items.data.discounts': 'absent',
  'line_items.data.taxes': 'absent',
} as const

/**
 * Fields that Stripe returns only if a request expands them. By the path of the list, names from an object to
 * a field.
 */
const collapsed: Readonly<Record<string, Readonly<Record<string, Collapsed>>>> = {
  customers: {
    cash_balance: 'absent',
    sources: 'absent',
    subscriptions: 'absent',
    tax: 'absent',
    tax_ids: 'absent',
  },
  prices: { currency_options: 'absent', tiers: 'absent' },
  plans: { tiers: 'absent' },
  coupons: { applies_to: 'absent', currency_options: 'absent' },
  subscriptions: {
    discounts: 'id',
    'items.data.discounts': 'id',
    latest_invoice: 'id',
    'pending_update.discounts': 'id',
    'pending_update.subscription_items.discounts': 'id',
  },
  subscription_schedules: { 'phases.discounts.discount': 'id' },
  invoices: {
    confirmation_secret: 'absent',
    discounts: 'id',
    'lines.data.discounts': 'id',
    payments: 'absent',
  },
  invoiceitems: { discounts: 'id' },
  quotes: {
    ...lineItems,
    'computed.upfront.line_items': 'absent',
    discounts: 'id',
    'total_details.breakdown': 'absent',
  },
  payment_links: lineItems,
  'checkout/sessions': { ...lineItems, 'total_details.breakdown': 'absent' },
  payment_intents: { 'amount_details.line_items': 'absent', latest_charge: 'id' },
  charges: { refunds: 'absent' },
  shipping_rates: { 'fixed_amount.currency_options': 'absent' },
}

/** Stripe expands four levels, of which `data` of a list is one. */
const maxLevels = 4

/**
 * An object as a response shows it.
 *
 * @param prefix what `expand` has before the names of the object: `data.` in a list
 */
export function collapse(
  object: JsonObject,
  path: string,
  expand?: JsonValue,
  prefix = '',
): JsonObject {
  return collapseFields(object, collapsed[path] ?? {}, expandedFields(expand, prefix))
}

/** The items of a list within an object of `path`. */
export function collapseItems(
  items: readonly JsonObject[],
  place: { readonly path: string; readonly field: string },
  expand: JsonValue | undefined,
): readonly JsonObject[] {
  const before = `${place.field}.data.`
  const fields = Object.entries(collapsed[place.path] ?? {})
    .filter(([name]) => name.startsWith(before))
    .map(([name, kind]) => [name.slice(before.length), kind] as const)
  const expanded = expandedFields(expand, 'data.')
  return items.map((item) => collapseFields(item, Object.fromEntries(fields), expanded))
}

function expandedFields(expand: JsonValue | undefined, prefix: string): readonly string[] {
  if (expand === undefined) return []
  if (!isJsonList(expand))
    throw new StripeRefusal(400, { message: 'Invalid array', param: 'expand' })
  return expand.map((name) => {
    const isKnown =
      typeof name === 'string' && name.startsWith(prefix) && name.split('.').length <= maxLevels
    if (isKnown) return name.slice(prefix.length)
    throw cannotExpand(JSON.stringify(name))
  })
}

function cannotExpand(name: string): StripeRefusal {
  return new StripeRefusal(400, {
    message: `This property cannot be expanded (${name}).`,
    param: 'expand',
  })
}

function collapseFields(
  object: JsonObject,
  fields: Readonly<Record<string, Collapsed>>,
  expanded: readonly string[],
): JsonObject {
  const names = Object.keys(fields)
  for (const name of expanded) if (!names.includes(name)) throw cannotExpand(name)
  let shown = object
  for (const [name, kind] of Object.entries(fields)) {
    const isExpanded = expanded.some((each) => each === name || each.startsWith(`${name}.`))
    if (!isExpanded) shown = collapseField(shown, name.split('.'), kind)
  }
  return shown
}

function collapseField(
  object: JsonObject,
  [name = '', ...rest]: readonly string[],
  kind: Collapsed,
): JsonObject {
  const value = object[name]
  if (value === undefined) return object
  if (rest.length === 0 && kind === 'absent')
    return Object.fromEntries(Object.entries(object).filter(([each]) => each !== name))
  const change = (inner: JsonValue): JsonValue => {
    if (isJsonList(inner)) return inner.map(change)
    if (!isJsonObject(inner)) return inner
    return rest.length === 0 ? (inner.id ?? null) : collapseField(inner, rest, kind)
  }
  return { ...object, [name]: change(value) }
}
