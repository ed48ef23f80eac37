import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { storedName, type StoredName } from './stored-names.ts'
import type { App } from '../platform/http/app.ts'
import { bodyFailures, failures } from '../platform/http/failures.ts'
import { name } from '../platform/fields.ts'
import type { Service } from '../service.ts'
import { generateClient } from './generate-client.ts'
import { readTemplate } from './template-text.ts'

const tags = ['instances']
const params = z.object({ name })
const file = {
  description: 'The file.',
  content: { 'text/plain': { schema: z.string() } },
}
const codes = [
  'instance_not_found',
  'credentials_missing',
  'reauthorization_required',
  'source_unreachable',
  'source_refused',
] as const

const clientInput = z
  .strictObject({
    refresh: z.boolean().optional().meta({
      description: 'Queries the source even if a discovery of the last hour is cached.',
    }),
    names: z.array(storedName).max(50_000).meta({
      description:
        'The names of the types in the client that is replaced: streams that are still there keep theirs.',
    }),
  })
  .meta({ id: 'ClientInput' })

/** Two names for each of tens of thousands of streams. */
const namesLimitBytes = 8 * 1024 * 1024

/** Responds with a file, not a document: the bytes are the same for the same catalog and names. */
export function codegenRoutes(api: App, service: Pick<Service, 'instances' | 'catalog'>): void {
  api.get(
    '/instances/:name/codegen',
    {
      config: { action: 'instances:codegen' },
      schema: {
        tags,
        operationId: 'generateClient',
        summary: 'A typed client of the instance: one TypeScript file',
        description:
          'Made from the streams that the instance has (kept for an hour, as discover keeps them) and the actions of its connector.',
        params,
        querystring: z.strictObject({
          refresh: z.enum(['true', 'false']).optional().meta({
            description: 'Queries the source even if a discovery of the last hour is cached.',
          }),
        }),
        response: { 200: file, ...failures(...codes) },
      },
    },
    async ({ params: place, query }, reply) => {
      const refresh = query.refresh === 'true'
      return sendFile(reply, await instanceClient(service, place.name, { refresh }))
    },
  )
  api.post(
    '/instances/:name/codegen',
    {
      config: { action: 'instances:codegen' },
      bodyLimit: namesLimitBytes,
      schema: {
        tags,
        operationId: 'regenerateClient',
        summary: 'The same, in place of a client that there is: its names are kept',
        params,
        body: clientInput,
        response: { 200: file, ...failures(...bodyFailures, ...codes) },
      },
    },
    async ({ params: place, body: { refresh = false, names } }, reply) => {
      return sendFile(reply, await instanceClient(service, place.name, { refresh, names }))
    },
  )
}

function sendFile(reply: FastifyReply, text: string): FastifyReply {
  return reply.header('content-type', 'text/plain; charset=utf-8').send(text)
}

/** The typed client of an instance, from the streams that discover returns. Throws what discover throws. */
async function instanceClient(
  { instances, catalog }: Pick<Service, 'instances' | 'catalog'>,
  name: string,
  options: { readonly refresh: boolean; readonly names?: readonly StoredName[] },
): Promise<string> {
  const { type } = await instances.get(name)
  const { actions } = await catalog.get(type)
  const { refresh, names = [] } = options
  const discovered = await instances.discover(name, { refresh })
  const input = { instance: name, type, catalog: discovered.catalog, actions, names }
  return generateClient(input, await readTemplate())
}
