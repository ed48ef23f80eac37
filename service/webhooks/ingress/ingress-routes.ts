import { z } from 'zod'
import { ConnectError } from '../../../protocol/index.ts'
import { clientNetwork } from '../../../lib/net/client-network.ts'
import type { App } from '../../platform/http/app.ts'
import { failuresOnly } from '../../platform/http/failures.ts'
import type { IngressService } from './contract.ts'
import { ByteBudget } from './byte-budget.ts'
import { besideBodyBytes, readRawBody } from './read-raw-body.ts'

/** Deliveries that are in the process at the same time. */
const bytesInProcess = 256 * 1024 * 1024
/**
 * The memory for bodies is divided into this number of shares. A single address may use one share: a stranger
 * must not block all others. Vendors send few large bodies at a time.
 */
const addressShares = 8

const token = z.string().meta({ description: 'The secret part of the address of a receiver.' })

/** The response to the vendor. A handshake adds the properties that it asked for. */
const receivedSchema = z
  .looseObject({
    received: z.literal(true),
    repeated: z.boolean().meta({ description: 'It was stored before; nothing was added.' }),
  })
  .meta({ id: 'ReceivedDelivery' })

/**
 * The address for vendors. It stands apart from the rest of the API: nobody logs in, a body has any type and
 * is not parsed, and nothing of the query string is used, because no signature covers it. The application
 * must be one of its own (`register`).
 */
export function ingressRoutes(app: App, ingress: IngressService): void {
  const largest = ingress.maxBytes + besideBodyBytes
  const bytes = Math.max(bytesInProcess, 4 * largest)
  const budget = new ByteBudget(bytes, Math.max(bytes / addressShares, 2 * largest))
  app.removeAllContentTypeParsers()
  // Nobody reads it here: the handler does.
  app.addContentTypeParser('*', (_request, _payload, done) => {
    done(null)
  })
  app.post(
    '/ingress/:token',
    {
      config: { anonymous: true, ownBody: true },
      schema: {
        tags: ['webhooks'],
        operationId: 'receiveDelivery',
        summary: 'Where a vendor sends its webhooks',
        description:
          'The body is that of the vendor, signed as the vendor signs. The answer 200 means that the event is stored; after 503 and 429 it must be sent again. The query string is ignored.',
        security: [],
        params: z.object({ token }),
        response: {
          200: receivedSchema,
          ...failuresOnly(
            'delivery_refused',
            'delivery_outside_window',
            'delivery_malformed',
            'delivery_conflict',
            'delivery_too_large',
            'delivery_too_slow',
            'delivery_encoding_unsupported',
            'request_invalid',
            'rate_limited',
            'ingress_unavailable',
          ),
        },
      },
      onRequest: (request, reply, done) => {
        const { headers } = request.raw
        if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
          void reply.header('connection', 'close')
          done(new ConnectError('delivery_encoding_unsupported'))
          return
        }
        // Any type is taken, also one that no server understands.
        headers['content-type'] = 'application/octet-stream'
        done()
      },
    },
    async (request, reply) => {
      const { maxBytes } = ingress
      const holder = clientNetwork(request.ip)
      using body = await readRawBody(request.raw, { maxBytes, budget, holder }).catch(
        (error: unknown) => {
          void reply.header('connection', 'close')
          throw error
        },
      )
      const { answer, isRepeated } = await ingress.receive(
        {
          token: request.params.token,
          rawHeaders: request.raw.rawHeaders,
          body: body.bytes,
          holdFor: (work) => {
            body.holdFor(work)
          },
        },
        holder,
      )
      return await reply.send({ ...answer, received: true, repeated: isRepeated })
    },
  )
}
