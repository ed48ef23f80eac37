import { z } from 'zod'
import type { SchemaService } from './contract.ts'
import type { App } from '../platform/http/app.ts'
import { failures } from '../platform/http/failures.ts'
import { name } from '../platform/fields.ts'
import { pageQuery, pageSchema, pageToWire } from '../platform/lists.ts'
import {
  schemaDocument,
  schemaFingerprint,
  streamSchemaDocument,
  streamSchemaSchema,
  usedSchemaSchema,
} from './schema.ts'
import { toWire } from '../platform/wire.ts'

const tags = ['schemas']

export function schemaRoutes(api: App, schemas: SchemaService): void {
  api.get(
    '/schemas',
    {
      config: { action: 'schemas:read' },
      schema: {
        tags,
        operationId: 'listSchemas',
        summary: 'The schemas of records, newest first',
        querystring: z.strictObject({
          ...pageQuery,
          connection: name.exactOptional().meta({ description: 'Only those of this connection.' }),
          stream: z
            .string()
            .min(1)
            .max(512)
            .exactOptional()
            .meta({ description: 'Only those of streams with this name.' }),
        }),
        response: {
          200: pageSchema(streamSchemaDocument).meta({ id: 'StreamSchemaPage' }),
          ...failures('cursor_invalid'),
        },
      },
    },
    async ({ query, shown }, reply) =>
      reply.send(pageToWire(streamSchemaSchema, await schemas.list({ ...query, shown }))),
  )
  api.get(
    '/schemas/:fingerprint',
    {
      config: { action: 'schemas:read' },
      schema: {
        tags,
        operationId: 'getSchema',
        summary: 'Get the Avro schema with the fingerprint of a message',
        params: z.object({ fingerprint: schemaFingerprint }),
        response: { 200: schemaDocument, ...failures('schema_not_found') },
      },
    },
    async ({ params, shown }, reply) =>
      reply.send(toWire(usedSchemaSchema, await schemas.get(params.fingerprint, shown))),
  )
}
