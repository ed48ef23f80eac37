import { z } from 'zod'
import { name } from '../../platform/fields.ts'
import type { App } from '../../platform/http/app.ts'
import { noteAudited } from '../../platform/http/audit-trail.ts'
import {
  documentTag,
  ifMatchHeaders,
  ifNoneMatchHeaders,
  isUnchanged,
  unchanged,
  versionToChange,
} from '../../platform/http/entity-tag.ts'
import { bodyFailures, failures } from '../../platform/http/failures.ts'
import { noIdempotencyHeaders } from '../../platform/http/idempotency.ts'
import { pageQuery, pageSchema, pageToWire } from '../../platform/lists.ts'
import { fromWire, snakeCaseSchema, toWire } from '../../platform/wire.ts'
import type { ReceiverService } from './contract.ts'
import {
  newReceiverDocument,
  newReceiverSchema,
  receiverDocument,
  receiverInputSchema,
  receiverSchema,
  receiverUpdateSchema,
  receiverWithSecretsDocument,
  receiverWithSecretsSchema,
  rotateDispatchSecretSchema,
  rotateTokenSchema,
  setSecretSchema,
} from './schema.ts'

const tags = ['receivers']
const params = z.object({ name })
const standardGraceSeconds = 86_400
const shownOnce =
  'Does not accept an `Idempotency-Key`: the response contains what is shown only once, and would have to be stored to be repeated.'
/**
 * The failures of the right to change a receiver: objects that the caller may not see look as if they did not
 * exist.
 */
const hiddenFailures = ['instance_not_found', 'connection_not_found'] as const
const vaultFailures = ['vault_unreachable', 'vault_refused'] as const

export function receiverRoutes(api: App, receivers: ReceiverService): void {
  listReceivers(api, receivers)
  createReceiver(api, receivers)
  getReceiver(api, receivers)
  updateReceiver(api, receivers)
  deleteReceiver(api, receivers)
  pauseReceivers(api, receivers)
  rotateToken(api, receivers)
  setSecret(api, receivers)
  rotateDispatchSecret(api, receivers)
}

function listReceivers(api: App, receivers: ReceiverService): void {
  api.get(
    '/receivers',
    {
      config: { action: 'receivers:read', namesBy: 'connections:read' },
      schema: {
        tags,
        operationId: 'listReceivers',
        summary: 'Receivers of webhooks, by name',
        querystring: z.strictObject({
          ...pageQuery,
          instance: name.exactOptional().meta({ description: 'Only those of this instance.' }),
        }),
        response: {
          200: pageSchema(receiverDocument).meta({ id: 'ReceiverPage' }),
          ...failures('cursor_invalid'),
        },
      },
    },
    async ({ query, shown }, reply) =>
      reply.send(pageToWire(receiverSchema, await receivers.list(query, shown))),
  )
}

function createReceiver(api: App, receivers: ReceiverService): void {
  api.post(
    '/receivers',
    {
      config: { action: 'receivers:create' },
      schema: {
        tags,
        operationId: 'createReceiver',
        summary: 'Receive webhooks: the response has the address for the sender, only once',
        description: shownOnce,
        headers: noIdempotencyHeaders,
        body: snakeCaseSchema(receiverInputSchema),
        response: {
          201: newReceiverDocument,
          ...failures(
            ...bodyFailures,
            'name_taken',
            ...hiddenFailures,
            'webhook_not_found',
            'receiver_secret_invalid',
            'target_not_available',
            ...vaultFailures,
          ),
        },
      },
    },
    async (request, reply) => {
      const receiver = await receivers.create(fromWire(receiverInputSchema, request.body))
      noteAudited(request, { name: receiver.name })
      const document = toWire(newReceiverSchema, receiver)
      const location = `/connect/v1/receivers/${receiver.name}`
      const etag = documentTag(toWire(receiverSchema, receiver))
      return reply.code(201).headers({ location, etag }).send(document)
    },
  )
}

function getReceiver(api: App, receivers: ReceiverService): void {
  api.get(
    '/receivers/:name',
    {
      config: { action: 'receivers:read', namesBy: 'connections:read' },
      schema: {
        tags,
        operationId: 'getReceiver',
        summary: 'One receiver, without its address and its secrets',
        params,
        headers: ifNoneMatchHeaders,
        response: {
          200: receiverDocument,
          304: unchanged,
          ...failures('receiver_not_found'),
        },
      },
    },
    async (request, reply) => {
      const document = toWire(
        receiverSchema,
        await receivers.get(request.params.name, request.shown),
      )
      const tag = documentTag(document)
      void reply.header('etag', tag)
      if (isUnchanged(request.headers, tag)) return reply.code(304).send(null)
      return reply.send(document)
    },
  )
}

function updateReceiver(api: App, receivers: ReceiverService): void {
  api.patch(
    '/receivers/:name',
    {
      config: { action: 'receivers:update' },
      schema: {
        tags,
        operationId: 'updateReceiver',
        summary: 'Change where its events go, or its description',
        params,
        headers: ifMatchHeaders,
        body: snakeCaseSchema(receiverUpdateSchema),
        response: {
          200: receiverDocument,
          ...failures(
            ...bodyFailures,
            'receiver_not_found',
            ...hiddenFailures,
            'target_not_available',
            'version_conflict',
          ),
        },
      },
    },
    async ({ params: place, headers, body }, reply) => {
      const change = fromWire(receiverUpdateSchema, body)
      const version = await versionToChange(headers, 'Receiver', () => receivers.get(place.name))
      const receiver = await receivers.update(place.name, change, version)
      const document = toWire(receiverSchema, receiver)
      return reply.header('etag', documentTag(document)).send(document)
    },
  )
}

function deleteReceiver(api: App, receivers: ReceiverService): void {
  api.delete(
    '/receivers/:name',
    {
      config: { action: 'receivers:delete' },
      schema: {
        tags,
        operationId: 'deleteReceiver',
        summary: 'Delete a receiver, its secrets and its deliveries',
        params,
        headers: ifMatchHeaders,
        response: {
          204: z.null().meta({ description: 'It is deleted.' }),
          ...failures(
            'receiver_not_found',
            ...hiddenFailures,
            'version_conflict',
            ...vaultFailures,
          ),
        },
      },
    },
    async ({ params: place, headers }, reply) => {
      const version = await versionToChange(headers, 'Receiver', () => receivers.get(place.name))
      await receivers.delete(place.name, version)
      return reply.code(204).send(null)
    },
  )
}

function pauseReceivers(api: App, receivers: ReceiverService): void {
  const verbs = [
    { verb: 'pause', isPaused: true, summary: 'Store what comes, and dispatch nothing' },
    { verb: 'resume', isPaused: false, summary: 'Dispatch again, also what came meanwhile' },
  ] as const
  for (const { verb, isPaused, summary } of verbs)
    api.post(
      `/receivers/:name/${verb}`,
      {
        config: { action: 'receivers:update' },
        schema: {
          tags,
          operationId: `${verb}Receiver`,
          summary,
          params,
          response: { 200: receiverDocument, ...failures('receiver_not_found', ...hiddenFailures) },
        },
      },
      async (request, reply) => {
        const receiver = await receivers.setPaused(request.params.name, isPaused)
        const document = toWire(receiverSchema, receiver)
        return reply.header('etag', documentTag(document)).send(document)
      },
    )
}

function rotateToken(api: App, receivers: ReceiverService): void {
  api.post(
    '/receivers/:name/rotate-token',
    {
      config: { action: 'receivers:rotate' },
      schema: {
        tags,
        operationId: 'rotateReceiverToken',
        summary: 'A new address; the one before works for a time too',
        description: shownOnce,
        params,
        headers: noIdempotencyHeaders,
        body: snakeCaseSchema(rotateTokenSchema).optional(),
        response: {
          200: newReceiverDocument,
          ...failures(...bodyFailures, 'receiver_not_found', ...hiddenFailures),
        },
      },
    },
    async ({ params: place, body }, reply) => {
      const graceSeconds = body?.grace_seconds ?? standardGraceSeconds
      const receiver = await receivers.rotateToken(place.name, graceSeconds)
      const etag = documentTag(toWire(receiverSchema, receiver))
      return reply.header('etag', etag).send(toWire(newReceiverSchema, receiver))
    },
  )
}

function setSecret(api: App, receivers: ReceiverService): void {
  api.post(
    '/receivers/:name/secret',
    {
      config: { action: 'receivers:rotate' },
      schema: {
        tags,
        operationId: 'setReceiverSecret',
        summary: 'Set what the sender signs with; the one before is valid for a time too',
        description: shownOnce,
        params,
        headers: noIdempotencyHeaders,
        body: snakeCaseSchema(setSecretSchema).optional(),
        response: {
          200: receiverWithSecretsDocument,
          ...failures(
            ...bodyFailures,
            'receiver_not_found',
            ...hiddenFailures,
            'webhook_not_found',
            'receiver_secret_invalid',
            ...vaultFailures,
          ),
        },
      },
    },
    async ({ params: place, body = {} }, reply) => {
      const { graceSeconds = standardGraceSeconds, ...secret } = fromWire(setSecretSchema, body)
      const receiver = await receivers.setSecret(place.name, { ...secret, graceSeconds })
      const etag = documentTag(toWire(receiverSchema, receiver))
      return reply.header('etag', etag).send(toWire(receiverWithSecretsSchema, receiver))
    },
  )
}

function rotateDispatchSecret(api: App, receivers: ReceiverService): void {
  api.post(
    '/receivers/:name/rotate-dispatch-secret',
    {
      config: { action: 'receivers:rotate' },
      schema: {
        tags,
        operationId: 'rotateReceiverDispatchSecret',
        summary: 'A new secret for `url:` targets; for a time, deliveries have both signatures',
        description: shownOnce,
        params,
        headers: noIdempotencyHeaders,
        body: snakeCaseSchema(rotateDispatchSecretSchema).optional(),
        response: {
          200: receiverWithSecretsDocument,
          ...failures(...bodyFailures, 'receiver_not_found', ...hiddenFailures, ...vaultFailures),
        },
      },
    },
    async ({ params: place, body }, reply) => {
      const graceSeconds = body?.grace_seconds ?? standardGraceSeconds
      const receiver = await receivers.rotateDispatchSecret(place.name, graceSeconds)
      const etag = documentTag(toWire(receiverSchema, receiver))
      return reply.header('etag', etag).send(toWire(receiverWithSecretsSchema, receiver))
    },
  )
}
