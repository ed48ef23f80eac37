import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { loadManifestFile } from '../../../connectors/manifest/load-manifest-file.ts'
import { apiVersion } from '../../../connectors/stripe/actions/stripe-action.ts'
import { connectorOf } from '../../../connectors/registry.ts'
import {
  objectStreams as readObjectStreams,
  type ObjectStream,
} from '../../../connectors/stripe/streams/object-stream.ts'
import { listViolations, slice } from './openapi/read-slice.ts'
import { idsOf, lastState, mergedRows, StripeSource } from './stripe-source.ts'

const stripeConnector = await connectorOf('stripe')

const file = new URL('../../../connectors/stripe/streams/manifest.yaml', import.meta.url).pathname
const { manifest } = loadManifestFile(file)

async function streamNames(): Promise<readonly string[]> {
  const { streams = [] } = (await stripeConnector.streams?.()) ?? {}
  return streams.map(({ name }) => name)
}

const objectStreams = [...readObjectStreams(manifest)]
const otherStreams = (await streamNames()).filter((name) => !readObjectStreams(manifest).has(name))

describe('the streams', () => {
  test('are at least 25, each with a key and without a reason not to read it', async () => {
    const { streams = [] } = (await stripeConnector.streams?.()) ?? {}
    expect(streams.length).toBeGreaterThanOrEqual(25)
    expect(new Set(streams.map(({ name }) => name)).size).toBe(streams.length)
    for (const { name, primaryKey, unsupported, schema } of streams) {
      expect({ name, primaryKey, unsupported }).toEqual({
        name,
        primaryKey: ['id'],
        unsupported: null,
      })
      expect(schema).toMatchObject({ properties: { id: { type: 'string' } } })
    }
    expect(objectStreams.length).toBe(26)
  })

  test('and the actions are all on the page of the connector', async () => {
    const page = readFileSync(`docs/connectors/stripe.md`, 'utf8')
    const actions = (await stripeConnector.actions?.load()) ?? []
    const names = [...(await streamNames()), ...actions.map(({ descriptor }) => descriptor.name)]
    expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([])
  })

  test('are refreshed by events that Stripe has', async () => {
    const { webhooks } = stripeConnector.descriptor
    const refreshes = Object.entries(webhooks[0]?.refreshes ?? {})
    const names = await streamNames()
    expect(refreshes.length).toBeGreaterThan(100)
    expect(refreshes.filter(([event]) => !slice.events.includes(event))).toEqual([])
    expect(refreshes.filter(([, stream]) => !names.includes(stream))).toEqual([])
  })

  test('send the version that the actions send', async () => {
    const source = await StripeSource.start()
    await source.read('customers')
    await source.read('accounts', { mode: 'full_refresh' })
    for (const { headers } of source.simulator.requests) {
      expect(headers['stripe-version']).toBe(apiVersion)
      expect(headers['user-agent']).toBe('reactor-connect')
      expect(headers['stripe-account']).toBeUndefined()
    }
  })

  test('read a connected account in its name', async () => {
    const source = await StripeSource.start()
    source.config = { ...source.config, account_id: 'acct_1' }
    await source.read('customers')
    await source.read('accounts', { mode: 'full_refresh' })
    for (const { headers } of source.simulator.requests)
      expect(headers['stripe-account']).toBe('acct_1')
  })

  test.each(objectStreams)(
    '%s: a first read, a change and an object that is gone',
    async (name, stream) => {
      const source = await StripeSource.start()
      const { account } = source.simulator
      const { id } = account.add(stream.path, { created: account.now - 10_000_000 })
      const first = await source.read(name)
      expect(first.records).toMatchObject([{ id, object: stream.object, _ab_cdc_deleted_at: null }])
      account.now += 3_600
      const type = changeType(stream)
      account.change(stream.path, id, { note: 'new' }, type)
      const second = await source.read(name, { state: lastState(first) })
      const changed = { id, note: 'new', changed: account.now, _ab_cdc_deleted_at: null }
      expect(second.records).toMatchObject([changed])
      // The object inside the event has another version of the API.
      expect(second.records[0]).not.toHaveProperty('from_event')
      account.now += 3_600
      account.tell(type, account.get(stream.path, id))
      account.remove(stream.path, id, { isSilent: true })
      const third = await source.read(name, { state: lastState(second) })
      const gone = new Date(account.now * 1000).toISOString()
      expect(third.records).toMatchObject([{ id, changed: account.now, _ab_cdc_deleted_at: gone }])
      expect(mergedRows(first, second, third).size).toBe(0)
      expect(source.simulator.requests.flatMap(listViolations)).toEqual([])
      expect(stream.events.filter((event) => !slice.events.includes(event))).toEqual([])
    },
  )

  test.each(otherStreams)('%s: reads an empty account', async (name) => {
    const source = await StripeSource.start()
    source.config = { ...source.config, start_date: '2026-01-01T00:00:00Z' }
    const mode = ['balance_transactions', 'events'].includes(name) ? 'incremental' : 'full_refresh'
    const { outcome, records } = await source.read(name, { mode })
    expect({ outcome, records }).toEqual({ outcome: 'complete', records: [] })
    expect(source.simulator.requests.flatMap(listViolations)).toEqual([])
  })
})

/** Returns the type of an event that reports that an object was changed and still exists. */
function changeType({ events }: ObjectStream): string {
  const type = events.findLast((name) => !name.endsWith('.created') && !name.endsWith('.deleted'))
  return type ?? events[0] ?? ''
}

describe('lists within objects', () => {
  test('are read past the ten items that the object shows', async () => {
    const source = await StripeSource.start()
    const { account } = source.simulator
    const lines = Array.from({ length: 125 }, (_, n) => ({
      id: `il_${String(n)}`,
      object: 'line_item',
    }))
    const invoice = { lines: account.embedded(lines, '/v1/invoices/in/lines'), _all_lines: lines }
    const { id } = account.add('invoices', invoice)
    const { id: short } = account.add('invoices', {
      lines: account.embedded([{ id: 'il_short', object: 'line_item' }], '/v1/invoices/in/lines'),
    })
    const { records } = await source.read('invoice_line_items', { mode: 'full_refresh' })
    expect(new Set(idsOf(records))).toEqual(new Set(['il_short', ...lines.map((line) => line.id)]))
    expect(records).toHaveLength(126)
    expect(source.simulator.requests.flatMap(listViolations)).toEqual([])
    expect(records.find((record) => record.id === 'il_short')?.invoice).toBe(short)
    expect(source.simulator.asked).toEqual([
      'GET invoices',
      `GET invoices/${id}/lines`,
      `GET invoices/${id}/lines`,
    ])
  })

  test.each([
    ['subscription_items', 'subscriptions', 'items', 'subscription'],
    ['credit_note_line_items', 'credit_notes', 'lines', 'credit_note'],
    ['checkout_session_line_items', 'checkout/sessions', 'line_items', 'checkout_session'],
    ['transfer_reversals', 'transfers', 'reversals', 'transfer'],
    ['application_fee_refunds', 'application_fees', 'refunds', 'fee'],
  ])('%s: has all items, each with its parent', async (name, path, field, parent) => {
    const source = await StripeSource.start()
    const { account } = source.simulator
    const items = Array.from({ length: 12 }, (_, n) => ({
      id: `item_${String(n)}`,
      object: 'item',
    }))
    const list = account.embedded(items, '/v1/items')
    const { id } = account.add(path, {
      status: 'canceled',
      [field]: list,
      [`_all_${field}`]: items,
    })
    const { records } = await source.read(name, { mode: 'full_refresh' })
    expect(records).toHaveLength(12)
    expect(source.simulator.requests.flatMap(listViolations)).toEqual([])
    for (const record of records) expect(record[parent]).toBe(id)
  })

  test.each([
    ['payment_methods', 'customers', '_payment_methods'],
    ['customer_balance_transactions', 'customers', '_balance'],
    ['setup_attempts', 'setup_intents', '_attempts'],
  ])('%s: are asked for each of the %s, page by page', async (name, path, field) => {
    const source = await StripeSource.start()
    const { account } = source.simulator
    const partsOf = (owner: string, count: number) =>
      Array.from({ length: count }, (_, n) => ({ id: `${owner}_${String(n)}`, object: 'part' }))
    account.add(path, { [field]: partsOf('a', 120) })
    account.add(path, { [field]: partsOf('b', 3) })
    const { id: gone } = account.add(path, { [field]: partsOf('c', 3) })
    // Deleted between the list and the request for its parts.
    source.simulator.onRequest = (request) => {
      if (request.path.includes(gone) || Object.values(request.query).includes(gone))
        if (account.find(path, gone) !== undefined) account.remove(path, gone)
    }
    const { records } = await source.read(name, { mode: 'full_refresh' })
    expect(idsOf(records).toSorted()).toEqual(
      idsOf([...partsOf('a', 120), ...partsOf('b', 3)]).toSorted(),
    )
    expect(source.simulator.requests.flatMap(listViolations)).toEqual([])
  })
})

describe('a list whose page ends with an object that is deleted meanwhile', () => {
  test('fails the stream, for a retry: nothing is left out silently', async () => {
    const source = await StripeSource.start()
    const { account } = source.simulator
    const lines = Array.from({ length: 125 }, (_, n) => ({ id: `il_${String(n)}`, object: 'line' }))
    const list = account.embedded(lines, '/v1/invoices/in/lines')
    const { id } = account.add('invoices', { lines: list, _all_lines: lines })
    source.simulator.onRequest = ({ query }) => {
      if (query.starting_after === undefined) return
      account.change('invoices', id, { _all_lines: lines.toSpliced(99, 1) }, null)
    }
    const read = source.read('invoice_line_items', { mode: 'full_refresh' })
    await expect(read).rejects.toMatchObject({ code: 'source_unavailable' })
  })
})

describe('streams by the time of creation', () => {
  test('events: warns if some are gone at Stripe since the last read', async () => {
    const source = await StripeSource.start()
    const { account } = source.simulator
    account.add('products')
    const first = await source.read('events')
    expect(first.records).toMatchObject([{ type: 'product.created' }])
    account.now += 20 * 86_400
    const second = await source.read('events', { state: lastState(first) })
    expect(second.warnings).toEqual([])
    account.now += 20 * 86_400
    const third = await source.read('events', { state: lastState(second) })
    expect(third.warnings).toEqual([expect.stringContaining('are missing')])
  })

  test('balance_transactions: reads the last two weeks again, as their status changes', async () => {
    const source = await StripeSource.start()
    const { account } = source.simulator
    source.config = { ...source.config, start_date: '2026-01-01T00:00:00Z' }
    const day = 86_400
    account.add('balance_transactions', { created: account.now - 20 * day, status: 'available' })
    const { id } = account.add('balance_transactions', {
      created: account.now - day,
      status: 'pending',
    })
    const first = await source.read('balance_transactions')
    expect(first.records).toHaveLength(2)
    account.change('balance_transactions', id, { status: 'available' }, null)
    const second = await source.read('balance_transactions', { state: lastState(first) })
    expect(second.records).toMatchObject([{ id, status: 'available' }])
  })
})
