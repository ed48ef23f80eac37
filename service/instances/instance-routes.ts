import { z } from 'zod'
import type { InstanceService } from './contract.ts'
import type { App } from '../platform/http/app.ts'
import {
  entityTag,
  ifMatchHeaders,
  ifNoneMatchHeaders,
  isUnchanged,
  unchanged,
  versionToChange,
} from '../platform/http/entity-tag.ts'
import { bodyFailures, failures } from '../platform/http/failures.ts'
import { idempotencyHeaders, type RespondCreated } from '../platform/http/idempotency.ts'
import { connectorType } from '../catalog/schema.ts'
import {
  authorizationDocument,
  authorizeInput,
  checkDocument,
  credentialsInput,
  discoveredDocument,
  discoveredSchema,
  discoverInput,
  instanceCreate,
  instanceDocument,
  instanceSchema,
  instanceSummaryDocument,
  instanceSummarySchema,
  instanceUpdate,
} from './schema.ts'
import { name } from '../platform/fields.ts'
import { pageQuery, pageSchema, pageToWire } from '../platform/lists.ts'
import { toWire } from '../platform/wire.ts'

const tags = ['instances']
const params = z.object({ name })

export function instanceRoutes(api: App, instances: InstanceService, answer: RespondCreated): void {
  listInstances(api, instances)
  createInstance(api, instances, answer)
  getInstance(api, instances)
  changeInstance(api, instances)
  credentials(api, instances)
  askTheSource(api, instances)
}

function listInstances(api: App, instances: InstanceService): void {
  api.get(
    '/instances',
    {
      config: { action: 'instances:read' },
      schema: {
        tags,
        operationId: 'listInstances',
        summary: 'Instances, by name, without their configurations',
        querystring: z.strictObject({ ...pageQuery, type: connectorType.exactOptional() }),
        response: {
          200: pageSchema(instanceSummaryDocument).meta({ id: 'InstancePage' }),
          ...failures('cursor_invalid'),
        },
      },
    },
    async ({ query, shown }, reply) =>
      reply.send(pageToWire(instanceSummarySchema, await instances.list({ ...query, shown }))),
  )
}

function createInstance(api: App, instances: InstanceService, answer: RespondCreated): void {
  api.post(
    '/instances',
    {
      config: { action: 'instances:create' },
      schema: {
        tags,
        operationId: 'createInstance',
        summary: 'Configure a connector under a name',
        headers: idempotencyHeaders,
        body: instanceCreate,
        response: {
          201: instanceDocument,
          ...failures(
            ...bodyFailures,
            'name_taken',
            'unknown_connector',
            'instance_config_invalid',
            'idempotency_key_in_use',
            'idempotency_key_reused',
          ),
        },
      },
    },
    (request, reply) =>
      answer({ request, reply }, async () => {
        const instance = await instances.create(request.body)
        return {
          body: toWire(instanceSchema, instance),
          headers: {
            location: `/connect/v1/instances/${instance.name}`,
            etag: entityTag(instance),
          },
        }
      }),
  )
}

function getInstance(api: App, instances: InstanceService): void {
  api.get(
    '/instances/:name',
    {
      config: { action: 'instances:read' },
      schema: {
        tags,
        operationId: 'getInstance',
        summary: 'One instance, without its secrets',
        params,
        headers: ifNoneMatchHeaders,
        response: {
          200: instanceDocument,
          304: unchanged,
          ...failures('instance_not_found'),
        },
      },
    },
    async (request, reply) => {
      const instance = await instances.get(request.params.name)
      const tag = entityTag(instance)
      void reply.header('etag', tag)
      if (isUnchanged(request.headers, tag)) return reply.code(304).send(null)
      return reply.send(toWire(instanceSchema, instance))
    },
  )
}

function changeInstance(api: App, instances: InstanceService): void {
  api.patch(
    '/instances/:name',
    {
      config: { action: 'instances:update' },
      schema: {
        tags,
        operationId: 'updateInstance',
        summary: 'Replace the configuration; omitted secrets stay',
        params,
        headers: ifMatchHeaders,
        body: instanceUpdate,
        response: {
          200: instanceDocument,
          ...failures(
            ...bodyFailures,
            'instance_not_found',
            'instance_config_invalid',
            'secrets_needed_again',
            'version_conflict',
          ),
        },
      },
    },
    async (request, reply) => {
      const { params: place, headers, body } = request
      const version = await versionToChange(headers, 'Instance', () => instances.get(place.name))
      const instance = await instances.update(place.name, body, version)
      return reply.header('etag', entityTag(instance)).send(toWire(instanceSchema, instance))
    },
  )
  api.delete(
    '/instances/:name',
    {
      config: { action: 'instances:delete', namesBy: 'connections:read' },
      schema: {
        tags,
        operationId: 'deleteInstance',
        summary: 'Delete an instance that no connection reads, and its secrets',
        params,
        headers: ifMatchHeaders,
        response: {
          204: z.null().meta({ description: 'It is deleted.' }),
          ...failures('instance_not_found', 'instance_in_use', 'version_conflict'),
        },
      },
    },
    async (request, reply) => {
      const { params: place, headers, shown } = request
      const ifVersion = await versionToChange(headers, 'Instance', () => instances.get(place.name))
      await instances.delete(place.name, {
        ...(ifVersion !== undefined && { ifVersion }),
        shown,
      })
      return reply.code(204).send(null)
    },
  )
}

function credentials(api: App, instances: InstanceService): void {
  api.post(
    '/instances/:name/credentials',
    {
      config: { action: 'instances:credentials' },
      schema: {
        tags,
        operationId: 'setCredentials',
        summary: 'Put secrets into the vault',
        params,
        body: credentialsInput,
        response: {
          200: instanceDocument,
          ...failures(
            ...bodyFailures,
            'instance_not_found',
            'credentials_invalid',
            'credentials_incomplete',
            'secrets_needed_again',
          ),
        },
      },
    },
    async (request, reply) => {
      const instance = await instances.setCredentials(request.params.name, request.body)
      return reply.header('etag', entityTag(instance)).send(toWire(instanceSchema, instance))
    },
  )
  api.post(
    '/instances/:name/authorize',
    {
      config: { action: 'instances:credentials' },
      schema: {
        tags,
        operationId: 'beginAuthorization',
        summary: 'Start OAuth in the browser: send the user to `authorize_url`',
        params,
        body: authorizeInput,
        response: {
          200: authorizationDocument,
          ...failures(
            ...bodyFailures,
            'instance_not_found',
            'oauth_not_supported',
            'oauth_client_missing',
            'oauth_redirect_invalid',
          ),
        },
      },
    },
    async (request, reply) => {
      const { authorizeUrl, state } = await instances.beginAuthorization(
        request.params.name,
        request.body?.redirect_uri,
      )
      return reply.send({ authorize_url: authorizeUrl, state })
    },
  )
}

function askTheSource(api: App, instances: InstanceService): void {
  api.post(
    '/instances/:name/check',
    {
      config: { action: 'instances:check' },
      schema: {
        tags,
        operationId: 'checkInstance',
        summary: 'Check that the configuration and the credentials work',
        params,
        response: { 200: checkDocument, ...failures('instance_not_found') },
      },
    },
    async (request, reply) => reply.send(await instances.check(request.params.name)),
  )
  api.post(
    '/instances/:name/discover',
    {
      config: { action: 'instances:discover' },
      schema: {
        tags,
        operationId: 'discoverInstance',
        summary: 'The streams that can be read; cached for an hour',
        params,
        body: discoverInput,
        response: {
          200: discoveredDocument,
          ...failures(
            ...bodyFailures,
            'instance_not_found',
            'credentials_missing',
            'reauthorization_required',
            'source_unreachable',
            'source_credentials_refused',
            'source_permission_denied',
            'source_refused',
          ),
        },
      },
    },
    async (request, reply) => {
      const refresh = request.body?.refresh ?? false
      return reply.send(
        toWire(discoveredSchema, await instances.discover(request.params.name, { refresh })),
      )
    },
  )
}
