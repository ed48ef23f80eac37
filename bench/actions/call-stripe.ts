import { randomUUID } from 'node:crypto'
import Stripe from 'stripe'

/**
 * Creates customers by Stripe's SDK, as a program of its own. Arguments: URL of the vendor, calls at a time,
 * seconds that are not counted, seconds. Prints `{"perSecond", "p99Ms"}`.
 */
const [url = '', clients = '1', warmUp = '1', seconds = '1'] = process.argv.slice(2)
const { hostname, port } = new URL(url)
const stripe = new Stripe('sk_test_bench', {
  host: hostname,
  port: Number(port),
  protocol: 'http',
  telemetry: false,
})
const from = performance.now() + Number(warmUp) * 1000
const until = from + Number(seconds) * 1000
const times: number[] = []

async function call(): Promise<void> {
  for (;;) {
    const started = performance.now()
    if (started >= until) return
    await stripe.customers.create(
      { email: 'jenny@example.com', name: 'Jenny', metadata: { order: '42' } },
      { idempotencyKey: randomUUID() },
    )
    const ended = performance.now()
    if (started >= from && ended <= until) times.push(ended - started)
  }
}

await Promise.all(Array.from({ length: Number(clients) }, call))
times.sort((a, b) => a - b)
const p99Ms = times[Math.floor(times.length * 0.99)] ?? Number.NaN
process.stdout.write(JSON.stringify({ perSecond: times.length / Number(seconds), p99Ms }))
process.exit(0)
