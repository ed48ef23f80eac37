import { setTimeout as sleep } from 'node:timers/promises'
import Stripe from 'stripe'
import { expect, test } from 'vitest'
import { z } from 'zod'
import type { JsonObject } from '../../../protocol/index.ts'
import type { StripeAccount } from '../../fakes/stripe/stripe-account.ts'
import { StripeSimulator } from '../../fakes/stripe/stripe-simulator.ts'
import { testDatabase, type TestDatabase } from '../../support/postgres.ts'
import { seededRandom } from '../../support/random.ts'
import { serviceFolder, type ServiceProcess } from '../../support/service-process.ts'

/** `npm run test:long -- moments` lets it be ten minutes. */
const minutes = Number(process.env.SHOP_MINUTES ?? '0.2')
const seed = Number(process.env.SHOP_SEED ?? Date.now() % 1_000_000)
const isWeek = minutes >= 5
const changeEveryMs = isWeek ? 120 : 20
/** Some events come so late. */
const latestMs = isWeek ? 120_000 : 3_000
const streams = ['customers', 'products', 'invoices', 'coupons'] as const
const secret = 'whsec_week'
const stripe = new Stripe('sk_test_week')

const anything = z.looseObject({})
const receiverSchema = z.looseObject({ ingress_url: z.string() })
const runSchema = z.looseObject({ id: z.string(), status: z.string(), trigger: z.string() })
const pageSchema = z.looseObject({ items: z.array(anything) })
const runsSchema = z.looseObject({ items: z.array(runSchema) })

/** A vendor that sends its events out of order, late and twice, and again until they are accepted. */
class Sender {
  readonly #url: string
  readonly #random: () => number
  readonly #sent: Promise<void>[] = []
  count = 0

  constructor(url: string, random: () => number) {
    this.#url = url
    this.#random = random
  }

  tell(event: JsonObject): void {
    const copies = this.#random() < 0.1 ? 2 : 1
    for (let n = 0; n < copies; n++) this.#sent.push(this.#send(event))
  }

  async untilTaken(): Promise<void> {
    await Promise.all(this.#sent)
  }

  async #send(event: JsonObject): Promise<void> {
    const kind = this.#random()
    await sleep(
      this.#random() * (kind < 0.8 ? latestMs / 100 : kind < 0.95 ? latestMs / 4 : latestMs),
    )
    const payload = JSON.stringify(event)
    for (;;) {
      const signature = stripe.webhooks.generateTestHeaderString({ payload, secret })
      const headers = { 'stripe-signature': signature, 'content-type': 'application/json' }
      const response = await fetch(this.#url, { method: 'POST', body: payload, headers })
      await response.arrayBuffer()
      this.count += 1
      if (response.ok) return
      expect(response.status).toBe(503)
      await sleep(500)
    }
  }
}

/** Makes one change in the shop and returns the events that report it. */
function change(account: StripeAccount, random: () => number): readonly JsonObject[] {
  account.now = Math.floor(Date.now() / 1000)
  const path = streams[Math.floor(random() * streams.length)] ?? 'customers'
  const all = account.all(path)
  const chosen = all[Math.floor(random() * all.length)]
  const known = account.all('events').length
  const kind = random()
  const fields = { metadata: { as_of: `${String(Date.now())} ${String(random())}` } }
  if (chosen === undefined || kind < 0.3) account.add(path, fields)
  else if (kind < 0.9) account.change(path, chosen.id, fields)
  else account.remove(path, chosen.id)
  return account.all('events').slice(0, account.all('events').length - known)
}

async function tablesOf(db: TestDatabase): Promise<Record<string, unknown[]>> {
  const tables = streams.map(async (name) => {
    const rows = await db.query(`SELECT id, metadata FROM shop.${name} ORDER BY id COLLATE "C"`)
    return [name, rows] as const
  })
  return Object.fromEntries(await Promise.all(tables))
}

function shopOf(account: StripeAccount): Record<string, unknown[]> {
  return Object.fromEntries(
    streams.map((name) => [
      name,
      account
        .all(name)
        .map(({ id, metadata = null }) => ({ id, metadata }))
        .toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    ]),
  )
}

const settleMs = 120_000

/** Throws if events are not all settled in time. The error lists the deliveries that are still open. */
async function untilDispatched(service: ServiceProcess): Promise<void> {
  const giveUpAtMs = Date.now() + settleMs
  for (;;) {
    const open = await Promise.all(
      ['pending', 'running'].map((status) =>
        service.ask(pageSchema, `/deliveries?status=${status}&limit=3`),
      ),
    )
    const items = open.flatMap((page) => page.items)
    if (items.length === 0) return
    if (Date.now() > giveUpAtMs) throw new Error(`still open: ${JSON.stringify(items)}`)
    await sleep(200)
  }
}

test(
  `a week of a shop: with events out of order, twice and late, the tables are those of the shop (seed ${String(seed)})`,
  { timeout: (minutes + 4) * 60_000 },
  async () => {
    const random = seededRandom(seed)
    await using simulator = await StripeSimulator.start()
    await using db = await testDatabase()
    await using folder = await serviceFolder()
    const { account } = simulator
    const environment = {
      REACTOR_CONNECT_ALLOWED_NETWORKS: '127.0.0.0/8',
      REACTOR_CONNECT_DATA_DATABASE_URL: db.url,
    }
    const service = await folder.start({ environment })
    for (let n = 0; n < 200; n++) change(account, random)
    const config = { api_key: 'sk_test_week', api_url: simulator.url }
    await service.ask(anything, '/instances', { body: { name: 'shop', type: 'stripe', config } })
    await service.ask(anything, '/connections', {
      body: {
        name: 'shop-to-pg',
        from: 'shop',
        destination: 'data:shop',
        streams: streams.map((name) => ({ name })),
        schedule: { cron: '* * * * *' },
        activate: true,
      },
    })
    const { ingress_url: path } = await service.ask(receiverSchema, '/receivers', {
      body: {
        instance: 'shop',
        webhook: 'events',
        signing_secret: secret,
        dispatch: [{ target: 'stream:shop-to-pg/*', sweep_every: 10 }],
      },
    })
    await service.ask(runSchema, '/connections/shop-to-pg/runs', { body: {} })
    const sender = new Sender(new URL(path, service.url).href, random)
    const endMs = Date.now() + minutes * 60_000
    while (Date.now() < endMs) {
      for (const event of change(account, random)) sender.tell(event)
      await sleep(changeEveryMs)
    }
    await sender.untilTaken()
    await untilDispatched(service)

    expect(await tablesOf(db)).toEqual(shopOf(account))
    const { items: runs } = await service.ask(runsSchema, '/connections/shop-to-pg/runs?limit=100')
    const scheduled = runs.filter(({ trigger }) => trigger === 'schedule').length
    // Before the first events are loaded, a time of the schedule may come.
    if (isWeek) expect(scheduled).toBeLessThanOrEqual(Math.ceil(minutes / 10) + 1)
    const { items: dead } = await service.ask(pageSchema, '/deliveries?status=dead&limit=1')
    expect(dead).toEqual([])
    process.stdout.write(
      `${String(sender.count)} deliveries, ${String(scheduled)} scheduled runs in ${String(minutes)} minutes, ${String(simulator.requests.length)} requests to the vendor\n`,
    )
  },
)
