import { z } from 'zod'
import type { ApiKeyService } from './contract.ts'
import { checkWeaker } from './weaker-key.ts'
import type { App } from '../platform/http/app.ts'
import { noteAudited } from '../platform/http/audit-trail.ts'
import { principalOf } from '../platform/http/authentication.ts'
import { bodyFailures, failures } from '../platform/http/failures.ts'
import { noIdempotencyHeaders } from '../platform/http/idempotency.ts'
import {
  apiKeyCreate,
  apiKeyDocument,
  apiKeyId,
  type ApiKeyInput,
  apiKeyToWire,
  longestMs,
  msOf,
  newApiKeyDocument,
  scopesOf,
} from './schema.ts'
import { pageQuery, pageSchema } from '../platform/lists.ts'
import { requestInvalid } from '../platform/http/error-response.ts'

const tags = ['api keys']

export function apiKeyRoutes(api: App, apiKeys: ApiKeyService): void {
  listKeys(api, apiKeys)
  createKey(api, apiKeys)
  revokeKey(api, apiKeys)
}

function listKeys(api: App, apiKeys: ApiKeyService): void {
  api.get(
    '/api-keys',
    {
      config: { action: 'api-keys:read' },
      schema: {
        tags,
        operationId: 'listApiKeys',
        summary: 'List API keys, newest first, without the secret keys themselves',
        querystring: z.strictObject(pageQuery),
        response: {
          200: pageSchema(apiKeyDocument).meta({ id: 'ApiKeyPage' }),
          ...failures('cursor_invalid'),
        },
      },
    },
    async ({ query }, reply) => {
      const { items, next } = await apiKeys.list(query)
      return reply.send({ items: items.map(apiKeyToWire), next_cursor: next })
    },
  )
}

function createKey(api: App, apiKeys: ApiKeyService): void {
  api.post(
    '/api-keys',
    {
      config: { action: 'api-keys:create' },
      schema: {
        tags,
        operationId: 'createApiKey',
        summary: 'Create a key; it is shown only once',
        description:
          'Does not accept an `Idempotency-Key`: the response contains the key, and would have to be stored to be repeated.',
        headers: noIdempotencyHeaders,
        body: apiKeyCreate,
        response: { 201: newApiKeyDocument, ...failures(...bodyFailures, 'api_key_too_strong') },
      },
    },
    async (request, reply) => {
      const input = apiKeyInputOf(request.body, Date.now())
      checkWeaker(principalOf(request), input)
      const { apiKey, key } = await apiKeys.create(input)
      noteAudited(request, { name: apiKey.id })
      return reply.code(201).send({ ...apiKeyToWire(apiKey), key })
    },
  )
}

function revokeKey(api: App, apiKeys: ApiKeyService): void {
  api.delete(
    '/api-keys/:id',
    {
      config: { action: 'api-keys:revoke' },
      schema: {
        tags,
        operationId: 'revokeApiKey',
        summary: 'Revoke a key: it stops working; its entry stays',
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

/** Throws `request_invalid` for a key that would have expired, or would last for more than ten years. */
function apiKeyInputOf(
  { name, kind, scopes, expires_in, expires_at }: z.output<typeof apiKeyCreate>,
  nowMs: number,
): ApiKeyInput {
  const input = { name, kind, ...(scopes !== undefined && { scopes: scopesOf(scopes) }) }
  if (expires_in !== undefined) return { ...input, expiresAt: isoTime(nowMs + msOf(expires_in)) }
  if (expires_at === undefined) return input
  const endMs = Date.parse(expires_at)
  if (endMs <= nowMs) throw requestInvalid(['body/expires_at: it is in the past'])
  if (endMs - nowMs > longestMs)
    throw requestInvalid(['body/expires_at: it is more than ten years away; leave it out instead'])
  return { ...input, expiresAt: isoTime(endMs) }
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
