import { randomUUID } from 'node:crypto'
import fastify from 'fastify'
import Stripe from 'stripe'

/**
 * The least that an application needs between a client and Stripe's SDK: a route that calls it, without keys,
 * policy, audit or idempotency. Argument: URL of the vendor. Prints its port.
 */
const { hostname, port } = new URL(process.argv[2] ?? '')
const stripe = new Stripe('sk_test_bench', {
  host: hostname,
  port: Number(port),
  protocol: 'http',
  telemetry: false,
})
const server = fastify()
server.post<{ Body: { readonly input: Stripe.CustomerCreateParams } }>(
  '/*',
  async ({ body: { input }, headers }) => {
    const key = headers['idempotency-key']
    const idempotencyKey = typeof key === 'string' ? key : randomUUID()
    return { output: await stripe.customers.create(input, { idempotencyKey }) }
  },
)
const address = await server.listen({ host: '127.0.0.1', port: 0 })
process.stdout.write(new URL(address).port)
