import { z } from 'zod'
import type { App } from '../../platform/http/app.ts'
import { bodyFailures, failures } from '../../platform/http/failures.ts'
import { name } from '../../platform/fields.ts'
import { toWire } from '../../platform/wire.ts'
import type { IngressService } from './contract.ts'
import { testDeliveryDocument, testDeliverySchema, testInputSchema } from './schema.ts'

export function testDeliveryRoutes(api: App, ingress: IngressService): void {
  api.post(
    '/receivers/:name/test',
    {
      config: { action: 'receivers:test' },
      schema: {
        tags: ['receivers'],
        operationId: 'testReceiver',
        summary: 'Send the receiver a delivery as its sender would',
        description:
          'It is signed with the secret of the receiver, checked and stored like all others, and its targets get it as a test.',
        params: z.object({ name }),
        body: testInputSchema.optional(),
        response: {
          200: testDeliveryDocument,
          ...failures(
            ...bodyFailures,
            'receiver_not_found',
            'instance_not_found',
            'connection_not_found',
            'receiver_secret_invalid',
            'delivery_malformed',
            'delivery_conflict',
            'ingress_unavailable',
          ),
        },
      },
    },
    async ({ params, body }, reply) =>
      reply.send(toWire(testDeliverySchema, await ingress.sendTest(params.name, body?.body))),
  )
}
