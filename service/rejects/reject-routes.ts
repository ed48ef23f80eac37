import { z } from 'zod'
import { name } from '../platform/fields.ts'
import type { App } from '../platform/http/app.ts'
import { bodyFailures, failures } from '../platform/http/failures.ts'
import { pageQuery, pageSchema } from '../platform/lists.ts'
import { fromWire, snakeCaseSchema, toWire } from '../platform/wire.ts'
import type { RejectService } from './contract.ts'
import {
  discardedSchema,
  rejectDocument,
  rejectsChoiceSchema,
  rejectSchema,
  retriedSchema,
} from './schema.ts'

const tags = ['connections']
const params = z.object({ name })
const placeFailures = [
  'connection_not_found',
  'stream_not_found',
  'destination_not_available',
  'destination_unreachable',
] as const

/** `/connections/{name}/rejects`. */
export function rejectRoutes(api: App, rejects: RejectService): void {
  api.get(
    '/connections/:name/rejects',
    {
      // Keys and reasons hold values of the customer.
      config: { action: 'connections:sandbox-rows' },
      schema: {
        tags,
        operationId: 'listRejectedRecords',
        summary: 'Records that the vendor has refused, of a connection to `instance:NAME`',
        params,
        querystring: z.strictObject({
          ...pageQuery,
          stream: z.string().min(1).max(1024).exactOptional(),
        }),
        response: { 200: pageSchema(rejectDocument), ...failures(...placeFailures) },
      },
    },
    async (request) => {
      const { items, next } = await rejects.list(request.params.name, request.query)
      return { items: items.map((reject) => toWire(rejectSchema, reject)), next_cursor: next }
    },
  )
  api.post(
    '/connections/:name/rejects/retry',
    {
      config: { action: 'connections:reset' },
      schema: {
        tags,
        operationId: 'retryRejectedRecords',
        summary: 'Send rejected records again, as they were read then',
        params,
        body: snakeCaseSchema(rejectsChoiceSchema),
        response: {
          200: retriedSchema,
          ...failures(
            ...bodyFailures,
            ...placeFailures,
            'write_busy',
            'write_mapping_invalid',
            'write_object_unknown',
            'write_unavailable',
          ),
        },
      },
    },
    async (request) => {
      const choice = fromWire(rejectsChoiceSchema, request.body)
      return { ...(await rejects.retry(request.params.name, choice)) }
    },
  )
  api.post(
    '/connections/:name/rejects/discard',
    {
      config: { action: 'connections:reset' },
      schema: {
        tags,
        operationId: 'discardRejectedRecords',
        summary: 'Forget rejected records; both sides stay as they are',
        params,
        body: snakeCaseSchema(rejectsChoiceSchema),
        response: { 200: discardedSchema, ...failures(...bodyFailures, ...placeFailures) },
      },
    },
    async (request) => {
      const choice = fromWire(rejectsChoiceSchema, request.body)
      return { discarded: await rejects.discard(request.params.name, choice) }
    },
  )
}
