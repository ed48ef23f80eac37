import { z } from 'zod'
import { instanceClient } from '../../codegen/instance-client.ts'
import type { Service } from '../../service.ts'
import type { App } from '../app.ts'
import { failures } from '../failures.ts'
import { name } from '../wire/names.ts'

/** A file, not a document: it is the same bytes for the same catalog. */
export function codegenRoute(api: App, service: Pick<Service, 'instances' | 'catalog'>): void {
  api.get(
    '/instances/:name/codegen',
    {
      config: { action: 'instances:codegen' },
      schema: {
        tags: ['instances'],
        operationId: 'generateClient',
        summary: 'A typed client of the instance: one TypeScript file',
        description:
          'Made from the streams that the instance has (kept for an hour, as discover keeps them) and the actions of its connector.',
        params: z.object({ name }),
        querystring: z.strictObject({
          refresh: z.enum(['true', 'false']).optional().meta({
            description: 'Asks the source even where a discovery of the last hour is kept.',
          }),
        }),
        response: {
          200: {
            description: 'The file.',
            content: { 'text/plain': { schema: z.string() } },
          },
          ...failures(
            'instance_not_found',
            'credentials_missing',
            'reauthorization_required',
            'source_unreachable',
            'source_refused',
          ),
        },
      },
    },
    async ({ params, query }, reply) => {
      const refresh = query.refresh === 'true'
      const file = await instanceClient(service, params.name, { refresh })
      return reply.header('content-type', 'text/plain; charset=utf-8').send(file)
    },
  )
}
