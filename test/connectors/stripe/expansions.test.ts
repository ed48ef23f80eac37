import { describe, expect, test } from 'vitest'
import { loadManifestFile } from '../../../connectors/manifest/load-manifest-file.ts'
import { objectStreams } from '../../../connectors/stripe/streams/object-stream.ts'
import { isJsonObject, valueAt, type JsonObject, type JsonValue } from '../../../protocol/index.ts'
import type { StripeAccount } from '../../fakes/stripe/stripe-account.ts'
import { expansionProblem } from './openapi/expandable.ts'
import { listViolations, slice } from './openapi/read-slice.ts'
import { lastState, StripeSource } from './stripe-source.ts'

const file = new URL('../../../connectors/stripe/streams/manifest.yaml', import.meta.url).pathname
const streams = objectStreams(loadManifestFile(file).manifest)
const expanding = [...streams].filter(([, { expand }]) => expand.length > 0)
const embedded = [...streams].flatMap(([name, stream]) =>
  stream.lists.map(({ field }) => [name, field, stream] as const),
)

const day = 86_400
const discount = { id: 'di_1', object: 'discount', source: { type: 'coupon', coupon: 'co_1' } }
const listOf = (...data: readonly JsonObject[]) => ({ object: 'list', data, has_more: false })
const items = listOf({
  id: 'li_1',
  object: 'item',
  discounts: [{ amount: 5 }],
  taxes: [{ amount: 1 }],
})

/** The fields of each stream that Stripe returns only on request. */
const whole: Readonly<Record<string, JsonObject>> = {
  customers: {
    cash_balance: { object: 'cash_balance', available: { eur: 5 } },
    sources: listOf({ id: 'ba_1', object: 'bank_account' }),
    tax: { ip_address: null, automatic_tax: 'supported' },
    tax_ids: listOf({ id: 'txi_1', object: 'tax_id', value: 'DE123456789' }),
  },
  prices: {
    billing_scheme: 'tiered',
    currency_options: { usd: { unit_amount: 7 } },
    tiers: [
      { up_to: 5, unit_amount: 500 },
      { up_to: null, unit_amount: 400 },
    ],
  },
  plans: { tiers: [{ up_to: null, unit_amount: 400 }] },
  coupons: { applies_to: { products: ['prod_1'] }, currency_options: { usd: { amount_off: 7 } } },
  subscriptions: {
    status: 'active',
    discounts: [discount],
    items: listOf({ id: 'si_1', object: 'subscription_item', discounts: [discount] }),
    pending_update: {
      discounts: [discount],
      subscription_items: [{ id: 'si_1', discounts: [discount] }],
    },
  },
  subscription_schedules: { phases: [{ discounts: [{ discount, coupon: null }] }] },
  invoices: {
    discounts: [discount],
    lines: listOf({ id: 'il_1', object: 'line_item', discounts: [discount] }),
    payments: listOf({ id: 'inpay_1', object: 'invoice_payment' }),
  },
  invoice_items: { discounts: [discount] },
  quotes: {
    computed: { upfront: { amount_total: 5, line_items: items } },
    discounts: [discount],
    line_items: items,
    total_details: { amount_discount: 1, breakdown: { discounts: [] } },
  },
  payment_links: { line_items: items },
  checkout_sessions: {
    line_items: items,
    total_details: { amount_discount: 1, breakdown: { discounts: [] } },
  },
  payment_intents: {
    amount_details: { line_items: listOf({ id: 'uli_1', object: 'line_item' }) },
  },
  charges: { refunds: listOf({ id: 're_1', object: 'refund' }) },
}

const fieldOf = (object: JsonObject | undefined, field: string): JsonValue | undefined =>
  valueAt(object ?? null, field.split('.'))

/** An object's fields with a list of `count` items, of which Stripe shows ten. */
function withItems(account: StripeAccount, field: string, count: number): JsonObject {
  const all = Array.from({ length: count }, (_, n) => ({
    id: `it_${String(n)}`,
    object: 'item',
    discounts: [discount],
  }))
  const list: JsonValue = account.embedded(all, '/v1/items')
  const nested = field.split('.').reduceRight<JsonValue>((inner, name) => ({ [name]: inner }), list)
  return { ...(isJsonObject(nested) ? nested : {}), [`_all_${field}`]: all }
}

const idsIn = (list: JsonValue | undefined): readonly (JsonValue | undefined)[] =>
  isJsonObject(list) && Array.isArray(list.data)
    ? list.data.map((item) => (isJsonObject(item) ? item.id : undefined))
    : []

describe('what Stripe gives only if it is asked for', () => {
  test.each(expanding)('%s: is there in the list and after an event', async (name, stream) => {
    const source = await StripeSource.start()
    const { account } = source.simulator
    const { id } = account.add(stream.path, { ...whole[name], created: account.now - 9 * day })
    const first = await source.read(name)
    expect(first.records).toMatchObject([{ id, ...whole[name] }])
    account.now += 3_600
    const type = stream.events.findLast((event) => !/\.(?:created|deleted)$/.test(event))
    account.change(stream.path, id, { note: 'new' }, type ?? stream.events[0] ?? '')
    account.add(stream.path, { ...whole[name] })
    const second = await source.read(name, { state: lastState(first) })
    expect(second.records).toHaveLength(2)
    for (const record of second.records) expect(record).toMatchObject({ ...whole[name] })
    expect(source.simulator.requests.flatMap(listViolations)).toEqual([])
  })

  test('a field that Stripe cannot expand would be found', () => {
    const problem = (root: string, expansion: string) =>
      expansionProblem(root, expansion, (known) => slice.expandable[known])
    expect(problem('list:price', 'data.tiers')).toBeUndefined()
    expect(problem('list:subscription', 'data.items.data.discounts')).toBeUndefined()
    expect(problem('list:price', 'data.nickname')).toContain('nickname of price cannot')
    expect(problem('list:price', 'tiers')).toContain('a list has only `data`')
    expect(problem('list:quote', 'data.computed.upfront.total_details.breakdown')).toContain('four')
    expect(problem('list:nothing', 'data.tiers')).toContain('make the slice again')
  })

  test.each([
    ['subscription_items', 'subscriptions', 'items', whole.subscriptions?.items],
    ['invoice_line_items', 'invoices', 'lines', whole.invoices?.lines],
    ['checkout_session_line_items', 'checkout/sessions', 'line_items', items],
  ])('%s: is there too', async (name, path, field, list = null) => {
    const source = await StripeSource.start()
    source.simulator.account.add(path, { [field]: list })
    const { records } = await source.read(name, { mode: 'full_refresh' })
    expect(records).toMatchObject(isJsonObject(list) ? (list.data as JsonObject[]) : [])
    expect(records).toHaveLength(1)
    expect(source.simulator.requests.flatMap(listViolations)).toEqual([])
  })

  test('shipping_rates: is there too', async () => {
    const source = await StripeSource.start()
    const rate = { fixed_amount: { amount: 5, currency_options: { usd: { amount: 7 } } } }
    source.simulator.account.add('shipping_rates', rate)
    const { records } = await source.read('shipping_rates', { mode: 'full_refresh' })
    expect(records).toMatchObject([rate])
    expect(source.simulator.requests.flatMap(listViolations)).toEqual([])
  })
})

describe('a list within an object', () => {
  const counts = [
    [3, 0],
    [12, 1],
    [120, 2],
  ] as const
  const cases = embedded.flatMap(([name, field, stream]) =>
    counts.map(([count, requests]) => ({ name, field, count, requests, stream })),
  )

  test.each(cases)(
    '$name.$field of $count items is whole, with $requests more requests',
    async ({ name, field, count, requests, stream }) => {
      const source = await StripeSource.start()
      const { account, requests: sent } = source.simulator
      const ids = Array.from({ length: count }, (_, n) => `it_${String(n)}`)
      const created = account.now - 9 * day
      const { id } = account.add(stream.path, { ...withItems(account, field, count), created })
      const first = await source.read(name, { mode: 'full_refresh' })
      expect(sent).toHaveLength(1 + requests)
      const [listed] = first.records
      expect(idsIn(fieldOf(listed, field))).toEqual(ids)
      account.now += 3_600
      const type = stream.events.findLast((event) => !/\.(?:created|deleted)$/.test(event))
      account.change(stream.path, id, {}, type ?? stream.events[0] ?? '')
      const { records } = await source.read(name, { state: { changed: account.now - 600 } })
      expect(records).toHaveLength(1)
      // It is one shape, whichever way it came.
      expect({ ...records[0], changed: 0 }).toEqual({ ...listed, changed: 0 })
      expect(fieldOf(listed, `${field}.has_more`)).toBe(false)
      expect(sent.flatMap(listViolations)).toEqual([])
    },
  )

  test.each(counts)(
    'accounts.external_accounts of %i items is whole too',
    async (count, requests) => {
      const source = await StripeSource.start()
      const { account, requests: sent } = source.simulator
      account.add('accounts', withItems(account, 'external_accounts', count))
      account.add('accounts')
      const { records } = await source.read('accounts', { mode: 'full_refresh' })
      expect(records).toHaveLength(2)
      const list = records.map((record) => fieldOf(record, 'external_accounts')).find(isJsonObject)
      expect(idsIn(list)).toEqual(Array.from({ length: count }, (_, n) => `it_${String(n)}`))
      expect(sent).toHaveLength(1 + requests)
      expect(sent.flatMap(listViolations)).toEqual([])
    },
  )

  test('is read from its beginning if the item at the end of a page was deleted', async () => {
    const source = await StripeSource.start()
    const { account } = source.simulator
    const fields = withItems(account, 'lines', 125)
    const { id } = account.add('invoices', fields)
    const all = fields._all_lines as JsonValue[]
    source.simulator.onRequest = ({ query }) => {
      if (query.starting_after === 'it_109')
        account.change('invoices', id, { _all_lines: all.toSpliced(109, 1) }, null)
    }
    const { records } = await source.read('invoices', { mode: 'full_refresh' })
    const found = idsIn(fieldOf(records[0], 'lines'))
    expect(found).toHaveLength(124)
    expect(new Set(found).size).toBe(124)
  })

  test('stays as it is if the object was deleted meanwhile, of which an event tells', async () => {
    const source = await StripeSource.start()
    const { account } = source.simulator
    const { id } = account.add('invoices', withItems(account, 'lines', 12))
    source.simulator.onRequest = ({ path }) => {
      if (path.endsWith('/lines') && account.find('invoices', id)) account.remove('invoices', id)
    }
    const { records } = await source.read('invoices')
    expect(records).toHaveLength(2)
    expect(records[1]?._ab_cdc_deleted_at).toEqual(expect.any(String))
  })

  test.each([12, 120])(
    'of %i items has their discounts in the streams of items too',
    async (count) => {
      const source = await StripeSource.start()
      const { account } = source.simulator
      account.add('invoices', withItems(account, 'lines', count))
      account.add('subscriptions', withItems(account, 'items', count))
      for (const name of ['invoice_line_items', 'subscription_items']) {
        const { records } = await source.read(name, { mode: 'full_refresh' })
        expect(records).toHaveLength(count)
        for (const record of records) expect(record.discounts).toEqual([discount])
      }
      expect(source.simulator.requests.flatMap(listViolations)).toEqual([])
    },
  )
})
