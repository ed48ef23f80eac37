import { z } from 'zod'
import type { SchemaService } from '../../contract/schemas.ts'
import type { App } from '../app.ts'
import { failures } from '../failures.ts'
import { name } from '../wire/names.ts'
import { pageQuery, pageRequestOf, pageSchema, pageToWire } from '../wire/paging.ts'
import {
  schemaDocument,
  schemaFingerprint,
  schemaToWire,
  streamSchemaDocument,
  streamSchemaToWire,
} from '../wire/schema.ts'

const tags = ['schemas']

export function schemaRoutes(api: App, schemas: SchemaService): void {
  api.get(
    '/schemas',
    {
      config: { action: 'schemas:read' },
      schema: {
        tags,
        operationId: 'listSchemas',
        summary: 'The schemas of records, the newest first',
        querystring: z.strictObject({
          ...pageQuery,
          connection: name.optional().meta({ description: 'Only those of this connection.' }),
          stream: z
            .string()
            .min(1)
            .max(512)
            .optional()
            .meta({ description: 'Only those of streams with this name.' }),
        }),
        response: {
          200: pageSchema(streamSchemaDocument).meta({ id: 'StreamSchemaPage' }),
          ...failures('cursor_invalid'),
        },
      },
    },
    async ({ query, shown }, reply) => {
      const { connection, stream } = query
      const page = {
        ...pageRequestOf(query),
        ...(shown !== null && { shown }),
        ...(connection !== undefined && { connection }),
        ...(stream !== undefined && { stream }),
      }
      return reply.send(pageToWire(await schemas.list(page), streamSchemaToWire))
    },
  )
  api.get(
    '/schemas/:fingerprint',
    {
      config: { action: 'schemas:read' },
      schema: {
        tags,
        operationId: 'getSchema',
        summary: 'The Avro schema that a message’s fingerprint stands for',
        params: z.object({ fingerprint: schemaFingerprint }),
        response: { 200: schemaDocument, ...failures('schema_not_found') },
      },
    },
    async ({ params, shown }, reply) =>
      reply.send(schemaToWire(await schemas.get(params.fingerprint, shown ?? undefined))),
  )
}
