import { describe, expect, test } from 'vitest'
import { chartmogul, type ChartmogulData } from '../../fakes/vendors/chartmogul.ts'
import { harvest, type HarvestData } from '../../fakes/vendors/harvest.ts'
import { paystack, type PaystackData } from '../../fakes/vendors/paystack.ts'
import { quickbooks, type QuickbooksData } from '../../fakes/vendors/quickbooks.ts'
import { at2025, made } from '../../fakes/vendors/rest.ts'
import { square, type SquareData } from '../../fakes/vendors/square.ts'
import { VendorApi } from '../../fakes/vendors/vendor-api.ts'
import { woocommerce, type ShopData } from '../../fakes/vendors/woocommerce.ts'
import { expectSource } from './expect-source.ts'
import { bundled, LoopbackSource } from './loopback-source.ts'

const start_date = '2025-01-01T00:00:00Z'

describe('harvest', () => {
  const config = {
    credentials: { auth_type: 'token', access_token: 'kit-secret-harvest' },
    account_id: '42',
    start_date,
  }
  const lists = [
    ...['clients', 'contacts', 'projects', 'tasks', 'users', 'time_entries', 'user_assignments'],
    ...['task_assignments', 'invoices', 'estimates', 'expenses', 'expense_categories', 'roles'],
  ]
  const filled = (): HarvestData =>
    Object.fromEntries(
      lists.map((name) => [name, made(3, (id) => ({ id, updated_at: at2025(2, id) }))]),
    )

  test('follows the next URL, and asks for what changed since', async () => {
    const data = filled()
    const all = ['1', '2', '3']
    const requests = await expectSource({
      type: 'harvest',
      config,
      vendor: harvest(data),
      streams: lists,
      wrong: [
        { credentials: { auth_type: 'token', access_token: 'wrong' } },
        'https://id.getharvest.com/developers',
      ],
      limited: /time_entries/,
      first: Object.fromEntries(lists.map((name) => [name, all])),
      change: () => data.time_entries?.push({ id: 9, updated_at: at2025(3, 5) }),
      second: { time_entries: ['3', '9'], invoices: ['3'] },
    })
    expect(new Set(requests.map(({ query }) => query.get('updated_since')))).toEqual(
      new Set(['2025-02-03T10:00:00Z']),
    )
  })

  test('reads with the tokens of an authorization in the browser', async () => {
    await using api = await VendorApi.start(harvest(filled()))
    const credentials = {
      auth_type: 'oauth',
      client_id: 'client',
      client_secret: 'kit-secret',
      refresh_token: 'kit-secret-refresh',
    }
    const source = new LoopbackSource(bundled('harvest'), { ...config, credentials }, api)
    expect(await source.check()).toEqual({ status: 'SUCCEEDED' })
    const changed = { credentials: { ...credentials, refresh_token: 'gone' } }
    expect(await source.refusal(changed)).not.toContain('succeeded')
  })
})

describe('square', () => {
  test('searches by the time of a change in the body, and orders of each location', async () => {
    const updated = (prefix: string, count: number) =>
      made(count, (number) => ({
        id: `${prefix}${String(number)}`,
        updated_at: `2025-02-0${String(number)}T10:00:00.000Z`,
      }))
    const data: SquareData = {
      customers: updated('c', 3),
      payments: updated('p', 3),
      orders: { north: updated('n', 3), south: updated('s', 1) },
    }
    const requests = await expectSource({
      type: 'square',
      config: {
        credentials: { auth_type: 'token', access_token: 'kit-secret-square' },
        start_date,
      },
      vendor: square(data),
      streams: [
        ...['locations', 'customers', 'payments', 'refunds', 'orders', 'invoices', 'catalog'],
        'team_members',
      ],
      wrong: [
        { credentials: { auth_type: 'token', access_token: 'wrong' } },
        'the Developer Console',
      ],
      limited: /customers/,
      waits: 11,
      first: {
        locations: ['north', 'south'],
        customers: ['c1', 'c2', 'c3'],
        payments: ['p1', 'p2', 'p3'],
        refunds: [],
        orders: ['n1', 'n2', 'n3', 's1'],
        invoices: ['inv-north', 'inv-south'],
        catalog: ['i1', 'i2', 't1'],
        team_members: ['tm1'],
      },
      change: () => {
        data.orders.south?.push({ id: 's9', updated_at: '2025-03-05T10:00:00.000Z' })
        data.payments.push({ id: 'p9', updated_at: '2025-03-05T10:00:00.000Z' })
      },
      second: { payments: ['p3', 'p9'], orders: ['n3', 's1', 's9'], customers: ['c3'] },
    })
    expect(requests.filter(({ method }) => method === 'POST').length).toBeGreaterThanOrEqual(3)
  })
})

describe('quickbooks', () => {
  test('queries what changed by positions, with tokens of an authorization in the browser', async () => {
    const invoices = made(1001, (id) => ({ id: String(id) })).map(
      ({ id }) => [String(id), '2025-02-01T10:00:00-08:00'] as const,
    )
    const data: QuickbooksData = {
      Account: new Map([['1', '2025-01-05T10:00:00-08:00']]),
      Invoice: new Map(invoices),
    }
    const requests = await expectSource({
      type: 'quickbooks',
      config: {
        credentials: {
          client_id: 'client',
          client_secret: 'kit-secret',
          refresh_token: 'kit-secret-refresh',
        },
        realm_id: '4711',
        start_date,
      },
      vendor: quickbooks(data),
      streams: [
        ...['accounts', 'customers', 'vendors', 'items', 'invoices', 'payments', 'bills'],
        ...['bill_payments', 'credit_memos', 'sales_receipts', 'purchases', 'journal_entries'],
        ...['deposits', 'estimates'],
      ],
      wrong: [{ realm_id: '1' }, 'Check realm_id'],
      limited: /query/,
      first: { accounts: ['1'], invoices: invoices.map(([id]) => id).toSorted(), bills: [] },
      keys: { accounts: 'Id', invoices: 'Id' },
      change: () => data.Account?.set('9', '2025-03-05T10:00:00-08:00'),
      second: { accounts: ['1', '9'] },
    })
    expect(requests.filter(({ path }) => path.endsWith('/query'))).toHaveLength(1)
  })
})

describe('chartmogul', () => {
  test('follows cursors while there are more, and reads a week of metrics again', async () => {
    const data: ChartmogulData = {
      activities: made(3, (id) => ({ uuid: `a${String(id)}`, date: at2025(2, id) })),
      days: made(28, (day) => ({ date: at2025(2, day).slice(0, 10), mrr: 100 })),
    }
    await expectSource({
      type: 'chartmogul',
      config: { api_key: 'kit-secret-chartmogul', start_date },
      vendor: chartmogul(data),
      streams: ['data_sources', 'customers', 'plans', 'activities', 'metrics'],
      wrong: [{ api_key: 'wrong' }, 'Profile > API keys'],
      limited: /customers/,
      first: {
        data_sources: ['ds_1'],
        customers: ['cus_1', 'cus_2', 'cus_3'],
        plans: ['pl_1'],
        activities: ['a1', 'a2', 'a3'],
        metrics: data.days.map(({ date }) => String(date)),
      },
      keys: {
        data_sources: 'uuid',
        customers: 'uuid',
        plans: 'uuid',
        activities: 'uuid',
        metrics: 'date',
      },
      change: () => {
        data.activities.push({ uuid: 'a9', date: at2025(3, 5) })
        data.days.push({ date: '2025-03-05', mrr: 100 })
      },
      second: {
        activities: ['a3', 'a9'],
        metrics: [...data.days.slice(20).map(({ date }) => String(date)), '2025-03-05'],
      },
    })
  })
})

describe('paystack', () => {
  test('pages by number, and reads the transactions of a week again', async () => {
    const data: PaystackData = {
      transactions: made(205, (id) => ({
        id,
        createdAt: at2025(id === 205 ? 2 : 1, 20).replace('Z', '.000Z'),
      })),
    }
    await expectSource({
      type: 'paystack',
      config: { secret_key: 'kit-secret-paystack', start_date },
      vendor: paystack(data),
      streams: [
        ...['customers', 'transactions', 'transfers', 'refunds', 'disputes', 'subscriptions'],
        ...['plans', 'settlements'],
      ],
      wrong: [{ secret_key: 'wrong' }, 'Settings > API Keys & Webhooks'],
      limited: /transaction/,
      first: {
        customers: ['1'],
        transactions: data.transactions.map(({ id }) => String(id)).toSorted(),
        settlements: ['8'],
      },
      change: () => data.transactions.push({ id: 900, createdAt: '2025-03-05T10:00:00.000Z' }),
      second: { transactions: ['205', '900'] },
    })
  })
})

describe('woocommerce', () => {
  test('pages by number, and asks for orders that changed in GMT', async () => {
    const local = (month: number, day: number) => at2025(month, day).replace('Z', '')
    const data: ShopData = {
      orders: made(101, (id) => ({ id, date_modified_gmt: local(2, 1 + (id % 20)) })),
      products: [{ id: 500, date_modified_gmt: local(2, 5) }],
    }
    const requests = await expectSource({
      type: 'woocommerce',
      config: {
        shop: 'shop.example.com/store',
        consumer_key: 'ck_1',
        consumer_secret: 'kit-secret-woo',
        start_date,
      },
      vendor: woocommerce(data),
      streams: [
        ...['orders', 'products', 'coupons', 'customers', 'product_categories', 'product_tags'],
        ...['tax_rates', 'shipping_zones', 'payment_gateways'],
      ],
      wrong: [{ consumer_secret: 'wrong' }, 'WooCommerce > Settings > Advanced > REST API'],
      limited: /orders/,
      first: {
        orders: data.orders.map(({ id }) => String(id)).toSorted(),
        products: ['500'],
        coupons: [],
        customers: ['3'],
        payment_gateways: ['bacs'],
      },
      change: () => data.orders.push({ id: 900, date_modified_gmt: local(3, 5) }),
      second: { products: ['500'], orders: ['19', '39', '59', '79', '900', '99'] },
    })
    const asked = requests.find(({ path }) => path.endsWith('/orders'))
    expect(asked?.query.get('modified_after')).toBe('2025-02-20T09:59:59')
  })
})
