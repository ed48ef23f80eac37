import { basic, needsHeader, numbered, rest, within, type Item } from './rest.ts'
import type { Vendor, VendorRequest } from './vendor-api.ts'

export interface ShopData {
  readonly orders: Item[]
  readonly products: Item[]
}

/** A WooCommerce shop: bare lists in numbered pages. Its times have no zone. */
export function woocommerce(data: ShopData): Vendor {
  const list = (items: readonly Item[]) => (request: VendorRequest) => ({
    body: numbered(items, request),
  })
  const changed = (items: readonly Item[]) => (request: VendorRequest) => {
    const { query } = request
    if (query.get('dates_are_gmt') !== 'true') return { status: 400, body: {} }
    // "after" excludes the moment itself.
    const from = Date.parse(`${query.get('modified_after') ?? ''}Z`) + 1
    const found = within(items, 'date_modified_gmt', { to: query.get('modified_before') })
    return list(found.filter((item) => Date.parse(`${String(item.date_modified_gmt)}Z`) >= from))(
      request,
    )
  }
  const named = (id: number) => list([{ id, name: 'x' }])
  return rest({
    host: 'shop.example.com',
    refuse: needsHeader('authorization', basic('ck_1', 'kit-secret-woo')),
    routes: {
      'GET /store/wp-json/wc/v3/orders': changed(data.orders),
      'GET /store/wp-json/wc/v3/products': changed(data.products),
      'GET /store/wp-json/wc/v3/coupons': changed([]),
      'GET /store/wp-json/wc/v3/customers': list([{ id: 3, email: 'ada@x.example' }]),
      'GET /store/wp-json/wc/v3/products/categories': named(4),
      'GET /store/wp-json/wc/v3/products/tags': named(5),
      'GET /store/wp-json/wc/v3/taxes': named(6),
      'GET /store/wp-json/wc/v3/shipping/zones': named(7),
      'GET /store/wp-json/wc/v3/payment_gateways': () => ({ body: [{ id: 'bacs', title: 'x' }] }),
    },
  })
}
