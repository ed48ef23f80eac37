import { z } from 'zod'
import type { ApiKeyService } from '../../service.ts'
import type { App } from '../app.ts'
import { bodyFailures, failures } from '../failures.ts'
import {
  apiKeyCreate,
  apiKeyDocument,
  apiKeyId,
  apiKeyToWire,
  newApiKeyDocument,
} from '../wire/api-key.ts'
import { pageQuery, pageRequestOf, pageSchema, pageToWire } from '../wire/paging.ts'

export function apiKeyRoutes(api: App, apiKeys: ApiKeyService): void {
  const tags = ['api keys']
  api.get(
    '/api-keys',
    {
      schema: {
        tags,
        operationId: 'listApiKeys',
        summary: 'API keys, the newest first; never the keys themselves',
        querystring: z.strictObject(pageQuery),
        response: {
          200: pageSchema(apiKeyDocument).meta({ id: 'ApiKeyPage' }),
          ...failures('cursor_invalid'),
        },
      },
    },
    async ({ query }, reply) =>
      reply.send(pageToWire(await apiKeys.list(pageRequestOf(query)), apiKeyToWire)),
  )
  api.post(
    '/api-keys',
    {
      schema: {
        tags,
        operationId: 'createApiKey',
        summary: 'Make a key; it is shown this once',
        description:
          'Takes no `Idempotency-Key`: the answer holds the key, and what is answered again would have to be kept.',
        headers: z
          .looseObject({ 'idempotency-key': z.undefined().optional() })
          .meta({ type: 'object' }),
        body: apiKeyCreate,
        response: { 201: newApiKeyDocument, ...failures(...bodyFailures) },
      },
    },
    async (request, reply) => {
      const { apiKey, key } = await apiKeys.create(request.body)
      return reply.code(201).send({ ...apiKeyToWire(apiKey), key })
    },
  )
  api.delete(
    '/api-keys/:id',
    {
      schema: {
        tags,
        operationId: 'revokeApiKey',
        summary: 'Revoke a key: it works no more; its entry stays',
        params: z.object({ id: apiKeyId }),
        response: {
          204: z.null().meta({ description: 'It is revoked.' }),
          ...failures('api_key_not_found'),
        },
      },
    },
    async (request, reply) => {
      await apiKeys.revoke(request.params.id)
      return reply.code(204).send(null)
    },
  )
}
