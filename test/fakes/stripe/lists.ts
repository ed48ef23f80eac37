import { isJsonObject, type JsonObject, type JsonValue } from '../../../protocol/index.ts'
import { collapse, collapseItems } from './expansions.ts'
import { embeddedLists, resources, type Resource } from './resources.ts'
import { matchesQuery } from './search.ts'
import { wholeList, type StripeAccount } from './stripe-account.ts'
import { missing, StripeRefusal } from './stripe-error.ts'

const common = new Set(['limit', 'starting_after', 'ending_before', 'expand'])
const own: Readonly<Record<string, readonly string[]>> = {
  subscriptions: [
    'status',
    'customer',
    'price',
    'collection_method',
    'current_period_end',
    'current_period_start',
  ],
  customers: ['email'],
  payment_intents: ['customer'],
  charges: ['customer', 'payment_intent', 'transfer_group'],
  refunds: ['charge', 'payment_intent'],
  disputes: ['charge', 'payment_intent'],
  products: ['active', 'ids', 'shippable', 'url'],
  prices: ['active', 'currency', 'lookup_keys', 'product', 'recurring', 'type'],
  invoices: ['customer', 'subscription', 'collection_method', 'due_date', 'status'],
  credit_notes: ['customer', 'invoice'],
  events: ['type', 'types', 'delivery_success'],
  subscription_items: ['subscription'],
  setup_attempts: ['setup_intent'],
}

/** A GET of a list; undefined if the path is none. */
export function listOf(
  account: StripeAccount,
  path: string,
  query: JsonObject,
): JsonObject | undefined {
  // Stripe lists all of them too: those of an invoice are a list within it.
  if (path === 'invoice_payments' && typeof query.invoice === 'string') {
    const items = wholeList(account.get('invoices', query.invoice, 'invoice'), 'payments')
    return page(items, query, { path })
  }
  const resource = resources[path]
  if (resource !== undefined) {
    checkNames(query, [...(own[path] ?? []), ...(resource.filtersCreated ? ['created'] : [])])
    const found = account
      .all(path)
      .filter((object) => isCreatedIn(object.created, query.created))
      .filter((object) => isWanted(path, object, query))
    return page(
      found.map((object) => shown(object, path, query.expand, 'data.')),
      query,
      { path, resource },
    )
  }
  for (const { path: pattern, of: owner, field } of embeddedLists) {
    const [, id] = pattern.exec(path) ?? []
    if (id === undefined) continue
    checkNames(query, filtersOf[field] ?? [])
    const items = [
      ...wholeList(account.get(owner, id), field),
      ...attachedTo(account, id, field),
    ].filter(({ type }) => query.type === undefined || type === query.type)
    return page(collapseItems(items, { path: owner, field }, query.expand), query, { path })
  }
  return listOfParameter(account, path, query)
}

const filtersOf: Readonly<Record<string, readonly string[]>> = {
  _balance: ['created'],
  _payment_methods: ['type'],
}

/** Payment methods that were attached by an action, beside those that a test wrote into the customer. */
function attachedTo(account: StripeAccount, id: string, field: string): readonly JsonObject[] {
  if (field !== '_payment_methods') return []
  return account.all('payment_methods').filter(({ customer }) => customer === id)
}

const listsOfParameters: Readonly<
  Record<string, readonly [of: string, name: string, field: string]>
> = {
  subscription_items: ['subscriptions', 'subscription', 'items'],
  setup_attempts: ['setup_intents', 'setup_intent', '_attempts'],
}

/** GET of `path/search`; undefined if the path is none. */
export function searchOf(
  account: StripeAccount,
  path: string,
  query: JsonObject,
): JsonObject | undefined {
  const [, list = ''] = /^(.+)\/search$/.exec(path) ?? []
  if (!(list in resources)) return undefined
  const found = account
    .all(list)
    .filter((object) => matchesQuery(object, typeof query.query === 'string' ? query.query : ''))
    .slice(0, Number(query.limit ?? 10))
  const data = found.map((object) => shown(object, list, query.expand, 'data.'))
  return { object: 'search_result', url: `/v1/${path}`, data, has_more: false, next_page: null }
}

/** Lists that need the id of another object as a parameter. */
function listOfParameter(
  account: StripeAccount,
  path: string,
  query: JsonObject,
): JsonObject | undefined {
  const [owner, name, field] = listsOfParameters[path] ?? []
  if (owner === undefined || name === undefined || field === undefined) return undefined
  checkNames(query, own[path] ?? [])
  const id = query[name]
  if (typeof id !== 'string')
    throw new StripeRefusal(400, {
      code: 'parameter_missing',
      param: name,
      message: `Missing ${name}.`,
    })
  const items = wholeList(account.get(owner, id, name), field)
  return page(collapseItems(items, { path: owner, field }, query.expand), query, { path })
}

function checkNames(query: JsonObject, names: readonly string[]): void {
  for (const name of Object.keys(query))
    if (!common.has(name) && !names.includes(name))
      throw new StripeRefusal(400, {
        code: 'parameter_unknown',
        param: name,
        message: `Received unknown parameter: ${name}`,
      })
}

function isCreatedIn(created: number, filter: JsonValue | undefined): boolean {
  if (filter === undefined) return true
  if (!isJsonObject(filter)) return created === Number(filter)
  const { gt, gte, lt, lte } = filter
  return (
    (gt === undefined || created > Number(gt)) &&
    (gte === undefined || created >= Number(gte)) &&
    (lt === undefined || created < Number(lt)) &&
    (lte === undefined || created <= Number(lte))
  )
}

function isWanted(path: string, object: JsonObject, query: JsonObject): boolean {
  if (path !== 'events') return hasValues(path, object, query)
  const { types, type } = query
  if (Array.isArray(types)) {
    if (types.length > 20)
      throw new StripeRefusal(400, { message: 'At most 20 types.', param: 'types' })
    return types.includes(object.type ?? '')
  }
  return type === undefined || type === object.type
}

/** Forms and queries are texts. */
function hasValues(path: string, object: JsonObject, query: JsonObject): boolean {
  const isOfStatus =
    query.status === undefined
      ? path !== 'subscriptions' || object.status !== 'canceled'
      : query.status === 'all' || object.status === query.status
  const others = (own[path] ?? []).filter((name) => name !== 'status' && name in query)
  return isOfStatus && others.every((name) => hasValue(object, name, query[name] ?? null))
}

const singular: Readonly<Record<string, string>> = { ids: 'id', lookup_keys: 'lookup_key' }

function hasValue(object: JsonObject, name: string, wanted: JsonValue): boolean {
  if (name === 'price') return pricesOf(object).includes(wanted)
  const value = object[singular[name] ?? name]
  if (Array.isArray(wanted)) return wanted.includes(value ?? null)
  if (!isJsonObject(wanted)) return textOf(value) === textOf(wanted)
  if (name === 'recurring')
    return Object.entries(wanted).every(([key, text]) => isJsonObject(value) && value[key] === text)
  return isCreatedIn(Number(value), wanted)
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function pricesOf({ items }: JsonObject): readonly JsonValue[] {
  const listed = isJsonObject(items) ? items.data : items
  return (Array.isArray(listed) ? listed : []).map((item) => {
    const price = isJsonObject(item) ? (item.price ?? null) : null
    return isJsonObject(price) ? (price.id ?? null) : price
  })
}

function page(
  found: readonly JsonObject[],
  query: JsonObject,
  list: { readonly path: string; readonly resource?: Resource },
): JsonObject {
  const limit = Number(query.limit ?? 10)
  if (!(limit >= 1 && limit <= 100))
    throw new StripeRefusal(400, {
      code: 'parameter_invalid_integer',
      param: 'limit',
      message: 'limit',
    })
  const { starting_after: after, ending_before: before } = query
  const timeAt = (id: JsonValue, param: string): number => {
    const index = found.findIndex((object) => object.id === id)
    if (index < 0) throw missing(list.resource?.object ?? 'object', JSON.stringify(id), param)
    return index
  }
  const url = `/v1/${list.path}`
  if (before !== undefined) {
    const end = timeAt(before, 'ending_before')
    const data = found.slice(Math.max(0, end - limit), end)
    return { object: 'list', url, data, has_more: end > limit }
  }
  const start = after === undefined ? 0 : timeAt(after, 'starting_after') + 1
  const data = found.slice(start, start + limit)
  return { object: 'list', url, data, has_more: start + limit < found.length }
}

/**
 * Returns the fields of an object that a response shows: fields that begin with `_` are internal to the
 * simulator.
 */
export function shown(
  object: JsonObject,
  path: string,
  expand?: JsonValue,
  prefix = '',
): JsonObject {
  const own = Object.entries(object).filter(([name]) => !name.startsWith('_'))
  return collapse(Object.fromEntries(own), path, expand, prefix)
}
