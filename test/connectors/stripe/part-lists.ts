import { listedStreams, objectStreams } from '../../../connectors/stripe/streams/object-stream.ts'
import type { Manifest } from '../../../manifest-interpreter/manifest/load-manifest.ts'
import { isJsonList, isJsonObject, valueAt, type JsonObject } from '../../../protocol/index.ts'
import { wholeList, type Stored, type StripeAccount } from '../../fakes/stripe/stripe-account.ts'
import type { Row } from '../collected.ts'
import type { LiveList } from '../stream-world.ts'

/** A list of one object, which has several pages. */
export interface PartList {
  /** That reads it. */
  readonly stream: string
  /** The path of the list of the objects. */
  readonly of: string
  readonly field: string
  /** The path of the list; `:id` is the id of the object. */
  readonly path: string
  /** The event that reports a change of the object; null if Stripe sends none. */
  readonly event: string | null
  /** The object shows the beginning of the list. */
  readonly isEmbedded: boolean
  /** The items are in the rows of the objects. */
  readonly isInRows: boolean
}

const embedded = { event: null, isEmbedded: true, isInRows: false }
const separate = { ...embedded, isEmbedded: false }

/** Streams whose records are the items, by the name of the list. */
const ofItems: readonly PartList[] = [
  {
    ...embedded,
    stream: 'subscription_items',
    of: 'subscriptions',
    field: 'items',
    path: 'subscription_items?subscription=:id',
  },
  {
    ...embedded,
    stream: 'invoice_line_items',
    of: 'invoices',
    field: 'lines',
    path: 'invoices/:id/lines',
  },
  {
    ...embedded,
    stream: 'credit_note_line_items',
    of: 'credit_notes',
    field: 'lines',
    path: 'credit_notes/:id/lines',
  },
  {
    ...embedded,
    stream: 'checkout_session_line_items',
    of: 'checkout/sessions',
    field: 'line_items',
    path: 'checkout/sessions/:id/line_items',
  },
  {
    ...embedded,
    stream: 'transfer_reversals',
    of: 'transfers',
    field: 'reversals',
    path: 'transfers/:id/reversals',
  },
  {
    ...embedded,
    stream: 'application_fee_refunds',
    of: 'application_fees',
    field: 'refunds',
    path: 'application_fees/:id/refunds',
  },
  {
    ...separate,
    stream: 'payment_methods',
    of: 'customers',
    field: '_payment_methods',
    path: 'customers/:id/payment_methods',
  },
  {
    ...separate,
    stream: 'customer_balance_transactions',
    of: 'customers',
    field: '_balance',
    path: 'customers/:id/balance_transactions',
  },
  {
    ...separate,
    stream: 'setup_attempts',
    of: 'setup_intents',
    field: '_attempts',
    path: 'setup_attempts?setup_intent=:id',
  },
]

/** All lists of one object, by their name. */
export function partListsOf(manifest: Manifest): ReadonlyMap<string, PartList> {
  const reported = [...objectStreams(manifest)].map(([stream, { path: owner, lists, events }]) => {
    return { stream, of: owner, lists, event: changeEvent(events) }
  })
  const untold = [...listedStreams(manifest)].map(([stream, { lists }]) => {
    return { stream, of: stream, lists, event: null }
  })
  const inRows = [...reported, ...untold].flatMap(({ lists, ...whole }) =>
    lists.map((list): [string, PartList] => [
      `${whole.stream}: ${list.field}`,
      { ...embedded, ...whole, ...list, isInRows: true },
    ]),
  )
  return new Map([...ofItems.map((list): [string, PartList] => [list.stream, list]), ...inRows])
}

/** Returns the event of a changed object; null if there is none. */
export function changeEvent(events: readonly string[]): string | null {
  return events.findLast((name) => !/\.(?:created|deleted|opened)$/.test(name)) ?? null
}

const count = 130

export function fillPart(account: StripeAccount, list: PartList): void {
  account.add(list.of, { created: account.now - 86_400, status: 'canceled' })
  const items = Array.from({ length: count }, (_, n) => itemNamed(`item_${String(n)}`))
  setItems(account, list, items)
}

function itemNamed(id: string, fields: JsonObject = {}): JsonObject & { readonly id: string } {
  return { id, object: 'item', ...fields }
}

export function livePart(account: StripeAccount, list: PartList): LiveList {
  const { of: owner, field, path, stream, isInRows } = list
  let last = 0
  const items = (): readonly JsonObject[] => wholeList(parentOf(account, list), field)
  const change = (changed: readonly JsonObject[]): void => {
    setItems(account, list, changed)
  }
  return {
    stream,
    pages: ({ url }) => {
      const own = path.replace(':id', parentOf(account, list).id)
      return url.startsWith(`/v1/${owner}?`) || isRequestOf(url, own)
    },
    keys: () => items().map(keyOf),
    lastBefore: ({ url }) => {
      const after = new URL(url, 'http://stripe').searchParams.get('starting_after')
      return after === null ? undefined : JSON.stringify([after])
    },
    // A new item is the first one.
    insert: () => {
      last += 1
      const item = itemNamed(`new_${String(last)}`)
      change([item, ...items()])
      return keyOf(item)
    },
    touch: (key, mark) => {
      change(items().map((item) => (keyOf(item) === key ? { ...item, note: mark } : item)))
    },
    remove: (key) => {
      change(items().filter((item) => keyOf(item) !== key))
    },
    ...(isInRows && { keysIn: (row: Row) => keysInRow(row, field) }),
  }
}

function isRequestOf(url: string, path: string): boolean {
  const asked = new URL(url, 'http://stripe')
  const listed = new URL(path, 'http://stripe/v1/')
  const wanted = [...listed.searchParams]
  if (asked.pathname !== listed.pathname) return false
  return wanted.every(([name, value]) => asked.searchParams.get(name) === value)
}

function parentOf(account: StripeAccount, { of: owner }: PartList): Stored {
  const [parent] = account.all(owner)
  if (parent === undefined) throw new Error(`there is no object of ${owner}`)
  return parent
}

function setItems(account: StripeAccount, list: PartList, items: readonly JsonObject[]): void {
  const { of: owner, field, event, isEmbedded } = list
  const { id } = parentOf(account, list)
  const fields = isEmbedded
    ? { ...nested(field, account.embedded(items, '/v1/items')), [`_all_${field}`]: [...items] }
    : { [field]: [...items] }
  account.change(owner, id, fields, event)
}

function nested(field: string, value: JsonObject): JsonObject {
  return field.split('.').reduceRight((inner: JsonObject, name) => ({ [name]: inner }), value)
}

function keyOf({ id }: JsonObject): string {
  return JSON.stringify([id ?? null])
}

function keysInRow(row: Row, field: string): readonly string[] {
  const list = valueAt(row as JsonObject, field.split('.'))
  const data = isJsonObject(list) ? list.data : undefined
  return isJsonList(data) ? data.filter(isJsonObject).map(keyOf) : []
}
