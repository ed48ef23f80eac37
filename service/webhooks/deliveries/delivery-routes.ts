import { z } from 'zod'
import type { ConnectError } from '../../../protocol/index.ts'
import { name } from '../../platform/fields.ts'
import type { App } from '../../platform/http/app.ts'
import { requestInvalid } from '../../platform/http/error-response.ts'
import { bodyFailures, failures } from '../../platform/http/failures.ts'
import { pageQuery, pageSchema, pageToWire } from '../../platform/lists.ts'
import { fromWire, toWire } from '../../platform/wire.ts'
import type { ChangedDeliveries, DeliverySelection, DeliveryStore } from './contract.ts'
import {
  changedDeliveriesDocument,
  deliveryDocument,
  deliveryFilterFields,
  deliveryFilterSchema,
  deliveryId,
  deliveryPayloadDocument,
  deliveryPayloadSchema,
  deliverySchema,
  deliverySelectionDocument,
  deliverySelectionSchema,
} from './schema.ts'

const tags = ['deliveries']

export function deliveryRoutes(api: App, deliveries: DeliveryStore): void {
  listDeliveries(api, deliveries)
  getDelivery(api, deliveries)
  changeDeliveries(api, {
    verb: 'replay',
    summary: 'Send events to their targets again',
    description:
      'What waits or is on its way is left alone; with the `status` `pending`, what waits for its next attempt has it now. A target that the receiver has got since gets the events too, unless a `status` is given; one that it does not have any more gets none. The ids by which targets know the events stay the same.',
    change: (selected) => deliveries.replay(selected),
  })
  changeDeliveries(api, {
    verb: 'discard',
    summary: 'Discard events that were given up: nobody has to look at them any more',
    description: 'With the `status` `pending`, those that wait. Others are left alone.',
    change: (selected) => deliveries.discard(selected),
  })
}

function listDeliveries(api: App, deliveries: DeliveryStore): void {
  api.get(
    '/deliveries',
    {
      config: { action: 'deliveries:read' },
      schema: {
        tags,
        operationId: 'listDeliveries',
        summary: 'What webhooks have brought, and where it went, newest first',
        querystring: z.strictObject({ ...pageQuery, ...deliveryFilterFields }),
        response: {
          200: pageSchema(deliveryDocument).meta({ id: 'DeliveryPage' }),
          ...failures('receiver_not_found', 'cursor_invalid'),
        },
      },
    },
    async ({ query }, reply) => {
      const { limit, cursor, ...wire } = query
      const page = await deliveries.list({
        ...fromWire(deliveryFilterSchema, wire),
        ...(limit !== undefined && { limit }),
        ...(cursor !== undefined && { cursor }),
      })
      return reply.send(pageToWire(deliverySchema, page))
    },
  )
}

function getDelivery(api: App, deliveries: DeliveryStore): void {
  api.get(
    '/receivers/:name/deliveries/:delivery',
    {
      config: { action: 'deliveries:payload' },
      schema: {
        tags,
        operationId: 'getDelivery',
        summary: 'A delivery, with its headers and its body',
        params: z.object({ name, delivery: deliveryId }),
        response: { 200: deliveryPayloadDocument, ...failures('delivery_not_found') },
      },
    },
    async ({ params }, reply) =>
      reply.send(toWire(deliveryPayloadSchema, await deliveries.get(params.name, params.delivery))),
  )
}

interface Change {
  readonly verb: 'replay' | 'discard'
  readonly summary: string
  readonly description: string
  readonly change: (selected: DeliverySelection) => Promise<ChangedDeliveries>
}

function changeDeliveries(api: App, { verb, summary, description, change }: Change): void {
  api.post(
    `/deliveries/${verb}`,
    {
      config: { action: `deliveries:${verb}` },
      schema: {
        tags,
        operationId: `${verb}Deliveries`,
        summary,
        description: `${description} At least one condition is needed.`,
        body: deliverySelectionDocument,
        response: {
          200: changedDeliveriesDocument,
          ...failures(...bodyFailures, 'receiver_not_found'),
        },
      },
    },
    async ({ body }, reply) => {
      if (Object.keys(body).every((field) => field === 'after')) throw noCondition(verb)
      return reply.send(await change(fromWire(deliverySelectionSchema, body)))
    },
  )
}

/** All deliveries of all receivers: nobody means that. */
function noCondition(verb: string): ConnectError {
  return requestInvalid([
    `body: say which deliveries to ${verb}: ids, or a condition such as {"receiver": "NAME", "status": "dead"}`,
  ])
}
