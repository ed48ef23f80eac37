import { z } from 'zod'
import type { App } from '../platform/http/app.ts'
import { bodyFailures, failures } from '../platform/http/failures.ts'
import { name } from '../platform/fields.ts'
import { fromWire, snakeCaseSchema, toWire } from '../platform/wire.ts'
import type { ConnectionService } from './contract.ts'
import { rangeInputSchema, rangeResultDocument, rangeResultSchema } from './schema.ts'

/** `POST /connections/{name}/reset-range`. */
export function resetRange(api: App, connections: ConnectionService): void {
  api.post(
    '/connections/:name/reset-range',
    {
      config: { action: 'connections:reset' },
      schema: {
        tags: ['connections'],
        operationId: 'resetConnectionRange',
        summary: 'Read a range of the cursor again in the next run; the position stays',
        params: z.object({ name }),
        body: snakeCaseSchema(rangeInputSchema),
        response: {
          200: rangeResultDocument,
          ...failures(
            ...bodyFailures,
            'connection_not_found',
            'stream_not_found',
            'stream_range_invalid',
            'connection_has_active_run',
          ),
        },
      },
    },
    async (request) => {
      const input = fromWire(rangeInputSchema, request.body)
      return toWire(rangeResultSchema, await connections.resetRange(request.params.name, input))
    },
  )
}
