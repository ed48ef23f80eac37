import { loadManifestFile } from '../../../connectors/manifest/load-manifest-file.ts'
import {
  objectStreams,
  type ObjectStream,
} from '../../../connectors/stripe/streams/object-stream.ts'
import { resources } from '../../fakes/stripe/resources.ts'
import type { StripeAccount } from '../../fakes/stripe/stripe-account.ts'
import { StripeSimulator } from '../../fakes/stripe/stripe-simulator.ts'
import type { StreamSubject } from '../stream-subject.ts'
import type { LiveList, StreamWorld } from '../stream-world.ts'
import { changeEvent, fillPart, livePart, partListsOf } from './part-lists.ts'

const file = new URL('../../../connectors/stripe/streams/manifest.yaml', import.meta.url).pathname
const { manifest } = loadManifestFile(file)
const objects = objectStreams(manifest)
const parts = partListsOf(manifest)
/** Streams of lists that are read as they are, by their path. */
const plainPaths = [
  'balance_transactions',
  'accounts',
  'shipping_rates',
  'files',
  'file_links',
  'invoice_payments',
]
const day = 86_400
/** Before all objects. Without it there are windows back to 2011. */
const startDate = '2026-01-10T00:00:00Z'

export const stripeStreams: StreamSubject = {
  openSmall: () =>
    open((account) => {
      fill(account, 3)
    }),
  openPaged: (list) =>
    open((account) => {
      const part = parts.get(list)
      if (part === undefined) fill(account, 230, [objects.get(list)?.path ?? list])
      else fillPart(account, part)
    }),
  repeating: [...objects.keys(), 'balance_transactions', 'events'],
  credentials: { wrong: { api_key: 'nonsense' }, fix: /Copy a secret or restricted key/ },
  denials: [
    {
      title: 'Read of disputes',
      refuses: ({ url }) => url.startsWith('/v1/disputes'),
      answer: {
        status: 403,
        body: { error: { type: 'invalid_request_error', message: 'No permission.' } },
      },
      streams: ['disputes'],
      fix: /Give the restricted key the permission/,
    },
  ],
  limits: {
    'a status 429 because of a lock': {
      status: 429,
      body: { error: { type: 'invalid_request_error', code: 'lock_timeout', message: 'Held.' } },
    },
    'a status 409': {
      status: 409,
      body: { error: { type: 'api_error', message: 'Conflict.' } },
    },
  },
}

async function open(fillWith: (account: StripeAccount) => void): Promise<StreamWorld> {
  const simulator = await StripeSimulator.start()
  const { account } = simulator
  fillWith(account)
  return {
    url: simulator.url,
    now: () => account.now * 1000,
    pass: (seconds) => {
      account.now += Math.ceil(seconds)
    },
    configOf: (url) => ({ api_key: 'sk_test_reader', api_url: url, start_date: startDate }),
    lists: {
      ...Object.fromEntries(
        [...objects].map(([name, stream]) => [name, objectList(account, stream)]),
      ),
      ...Object.fromEntries(plainPaths.map((path) => [path, plainList(account, path)])),
      events: eventList(account),
      ...Object.fromEntries([...parts].map(([name, part]) => [name, livePart(account, part)])),
    },
    [Symbol.asyncDispose]: () => simulator[Symbol.asyncDispose](),
  }
}

/** @param only the paths of the lists that have records; all if it is absent */
function fill(account: StripeAccount, count: number, only?: readonly string[]): void {
  const line = (id: string) => ({ id, object: 'item' })
  const parts = (owner: string) =>
    Array.from({ length: 12 }, (_, n) => line(`${owner}_${String(n)}`))
  const embedded = (owner: string, field: string) => ({
    [field]: account.embedded(parts(owner), '/v1/items'),
    [`_all_${field}`]: parts(owner),
  })
  const fields: Readonly<Record<string, (n: string) => object>> = {
    customers: (n) => ({ _payment_methods: [line(`pm_${n}`)], _balance: [line(`cbt_${n}`)] }),
    setup_intents: (n) => ({ _attempts: [line(`att_${n}`)] }),
    subscriptions: (n) => ({ status: 'canceled', ...embedded(`si_${n}`, 'items') }),
    invoices: (n) => embedded(`il_${n}`, 'lines'),
    credit_notes: (n) => embedded(`cnl_${n}`, 'lines'),
    'checkout/sessions': (n) => embedded(`li_${n}`, 'line_items'),
    transfers: (n) => embedded(`trr_${n}`, 'reversals'),
    application_fees: (n) => embedded(`fr_${n}`, 'refunds'),
  }
  const paths = [...[...objects.values()].map(({ path }) => path), ...plainPaths]
  // The events are those of the creation of products.
  const wanted = only?.map((path) => (path === 'events' ? 'products' : path))
  for (const path of paths.filter((each) => wanted?.includes(each) ?? true))
    for (let n = 0; n < count; n += 1)
      account.add(path, {
        created: account.now - 10 * day + n * 60,
        ...fields[path]?.(String(n)),
      })
}

function objectList(account: StripeAccount, { path, events }: ObjectStream): LiveList {
  const change = changeEvent(events)
  const { deletion } = resources[path] ?? {}
  return {
    ...listAt(account, path),
    ...(deletion !== undefined && { remove: (key) => account.remove(path, idOf(key)) }),
    ...(change !== null && {
      touch: (key, mark) => account.change(path, idOf(key), { note: mark }, change),
    }),
  }
}

/** No event reports additions to this list. */
function plainList(account: StripeAccount, path: string): LiveList {
  return {
    ...listAt(account, path),
    touch: (key, mark) => account.change(path, idOf(key), { note: mark }, null),
    ...(path === 'accounts' && {
      remove: (key) => account.remove(path, idOf(key), { isSilent: true }),
    }),
  }
}

function eventList(account: StripeAccount): LiveList {
  return {
    ...listAt(account, 'events'),
    insert: () => {
      account.add('products')
      return JSON.stringify([account.all('events')[0]?.id])
    },
  }
}

function listAt(account: StripeAccount, path: string) {
  return {
    pages: ({ url }) => url.startsWith(`/v1/${path}?`),
    keys: () => account.all(path).map(({ id }) => JSON.stringify([id])),
    insert: () => JSON.stringify([account.add(path).id]),
  } satisfies LiveList
}

function idOf(key: string): string {
  return (JSON.parse(key) as [string])[0]
}
