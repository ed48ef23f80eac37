import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import {
  approveInput,
  type Connection,
  connectionDocument,
  connectionInputSchema,
  connectionSchema,
  connectionStatus,
  connectionSummaryDocument,
  connectionSummarySchema,
  connectionUpdateSchema,
  resetInput,
  withDocsUrls,
} from './schema.ts'
import type { ConnectionService } from './contract.ts'
import { resetRange } from './range-routes.ts'
import type { App } from '../platform/http/app.ts'
import {
  documentTag,
  ifMatchHeaders,
  ifNoneMatchHeaders,
  isUnchanged,
  unchanged,
  versionToChange,
} from '../platform/http/entity-tag.ts'
import { bodyFailures, failures } from '../platform/http/failures.ts'
import { idempotencyHeaders, type RespondCreated } from '../platform/http/idempotency.ts'
import { name } from '../platform/fields.ts'
import { pageQuery, pageSchema, pageToWire } from '../platform/lists.ts'
import { fromWire, toWire, snakeCaseSchema } from '../platform/wire.ts'

const tags = ['connections']
const params = z.object({ name })

/** Errors about streams, destination and schedule. */
const bindingFailures = [
  'stream_not_found',
  'stream_listed_twice',
  'stream_mode_unsupported',
  'stream_column_not_found',
  'stream_cursor_missing',
  'stream_primary_key_missing',
  'destination_invalid',
  'destination_not_available',
  'destination_option_unsupported',
  'destination_mode_unsupported',
  'destination_topic_invalid',
  'destination_topic_shared',
  'schedule_invalid',
] as const

export function connectionRoutes(
  api: App,
  connections: ConnectionService,
  answer: RespondCreated,
): void {
  listConnections(api, connections)
  createConnection(api, connections, answer)
  getConnection(api, connections)
  changeConnection(api, connections)
  activateAndPause(api, connections)
  approveSchema(api, connections)
  resetConnection(api, connections)
  resetRange(api, connections)
}

function listConnections(api: App, connections: ConnectionService): void {
  api.get(
    '/connections',
    {
      config: { action: 'connections:read' },
      schema: {
        tags,
        operationId: 'listConnections',
        summary: 'Connections, by name, without their streams',
        querystring: z.strictObject({
          ...pageQuery,
          instance: name
            .exactOptional()
            .meta({ description: 'Only those that read this instance.' }),
          status: connectionStatus.exactOptional(),
        }),
        response: {
          200: pageSchema(connectionSummaryDocument).meta({ id: 'ConnectionPage' }),
          ...failures('cursor_invalid'),
        },
      },
    },
    async ({ query, shown, docsBase }, reply) => {
      const { items, next } = await connections.list({ ...query, shown })
      const opened = items.map((connection) => withDocsUrls(connection, docsBase))
      return reply.send(pageToWire(connectionSummarySchema, { items: opened, next }))
    },
  )
}

function createConnection(api: App, connections: ConnectionService, answer: RespondCreated): void {
  api.post(
    '/connections',
    {
      config: { action: 'connections:create' },
      schema: {
        tags,
        operationId: 'createConnection',
        summary: 'Bind streams of an instance to a destination',
        headers: idempotencyHeaders,
        body: snakeCaseSchema(connectionInputSchema),
        response: {
          201: connectionDocument,
          ...failures(
            ...bodyFailures,
            'name_taken',
            'instance_not_found',
            ...bindingFailures,
            'idempotency_key_in_use',
            'idempotency_key_reused',
          ),
        },
      },
    },
    (request, reply) =>
      answer({ request, reply }, async () => {
        const connection = await connections.create(fromWire(connectionInputSchema, request.body))
        const body = toWire(connectionSchema, withDocsUrls(connection, request.docsBase))
        return {
          body,
          headers: {
            location: `/connect/v1/connections/${connection.name}`,
            etag: documentTag(body),
          },
        }
      }),
  )
}

function getConnection(api: App, connections: ConnectionService): void {
  api.get(
    '/connections/:name',
    {
      config: { action: 'connections:read' },
      schema: {
        tags,
        operationId: 'getConnection',
        summary: 'One connection, with its last run',
        params,
        headers: ifNoneMatchHeaders,
        response: {
          200: connectionDocument,
          304: unchanged,
          ...failures('connection_not_found'),
        },
      },
    },
    async (request, reply) => {
      const { params: place, docsBase } = request
      const connection = withDocsUrls(await connections.get(place.name), docsBase)
      const document = toWire(connectionSchema, connection)
      const tag = documentTag(document)
      void reply.header('etag', tag)
      if (isUnchanged(request.headers, tag)) return reply.code(304).send(null)
      return reply.send(document)
    },
  )
}

function changeConnection(api: App, connections: ConnectionService): void {
  api.patch(
    '/connections/:name',
    {
      config: { action: 'connections:update' },
      schema: {
        tags,
        operationId: 'updateConnection',
        summary: 'Change the given settings; the next run uses them',
        params,
        headers: ifMatchHeaders,
        body: snakeCaseSchema(connectionUpdateSchema),
        response: {
          200: connectionDocument,
          ...failures(
            ...bodyFailures,
            'connection_not_found',
            ...bindingFailures,
            'version_conflict',
          ),
        },
      },
    },
    async (request, reply) => {
      const { params: place, headers, body } = request
      const changes = fromWire(connectionUpdateSchema, body)
      const version = await versionToChange(headers, 'Connection', () =>
        connections.get(place.name),
      )
      const connection = await connections.update(place.name, changes, version)
      const { document, etag } = toChangeAnswer(connection, request)
      return reply.header('etag', etag).send(document)
    },
  )
  api.delete(
    '/connections/:name',
    {
      config: { action: 'connections:delete' },
      schema: {
        tags,
        operationId: 'deleteConnection',
        summary: 'Delete a connection and its runs; tables and topics at the destination stay',
        params,
        headers: ifMatchHeaders,
        response: {
          204: z.null().meta({ description: 'It is deleted.' }),
          ...failures('connection_not_found', 'connection_has_active_run', 'version_conflict'),
        },
      },
    },
    async (request, reply) => {
      const { params: place, headers } = request
      const version = await versionToChange(headers, 'Connection', () =>
        connections.get(place.name),
      )
      await connections.delete(place.name, version)
      return reply.code(204).send(null)
    },
  )
}

function activateAndPause(api: App, connections: ConnectionService): void {
  const verbs = [
    {
      verb: 'activate',
      action: 'connections:activate',
      summary: 'Allow it to run, by its schedule and manually, without a sandbox',
      act: (name: string) => connections.activate(name),
      refusals: ['connection_not_found'],
    },
    {
      verb: 'pause',
      action: 'connections:pause',
      summary: 'Start no runs by the schedule; an active run continues',
      act: (name: string) => connections.setPaused(name, true),
      refusals: ['connection_not_found', 'connection_inactive'],
    },
    {
      verb: 'resume',
      action: 'connections:pause',
      summary: 'Start runs by the schedule again',
      act: (name: string) => connections.setPaused(name, false),
      refusals: ['connection_not_found', 'connection_inactive'],
    },
  ] as const
  for (const { verb, action, summary, act, refusals } of verbs) {
    api.post(
      `/connections/:name/${verb}`,
      {
        config: { action },
        schema: {
          tags,
          operationId: `${verb}Connection`,
          summary,
          params,
          response: { 200: connectionDocument, ...failures(...refusals) },
        },
      },
      async (request, reply) => {
        const connection = await act(request.params.name)
        const { document, etag } = toChangeAnswer(connection, request)
        return reply.header('etag', etag).send(document)
      },
    )
  }
}

function approveSchema(api: App, connections: ConnectionService): void {
  api.post(
    '/connections/:name/approve',
    {
      config: { action: 'connections:approve' },
      schema: {
        tags,
        operationId: 'approveSchema',
        summary: 'Approve the schema that a run found: the next run uses it',
        params,
        body: approveInput,
        response: {
          200: connectionDocument,
          ...failures(...bodyFailures, 'connection_not_found', 'schema_drift_outdated'),
        },
      },
    },
    async (request, reply) => {
      const { params: place, body } = request
      const connection = await connections.approve(place.name, body.fingerprint)
      const { document, etag } = toChangeAnswer(connection, request)
      return reply.header('etag', etag).send(document)
    },
  )
}

function resetConnection(api: App, connections: ConnectionService): void {
  api.post(
    '/connections/:name/reset',
    {
      config: { action: 'connections:reset' },
      schema: {
        tags,
        operationId: 'resetConnection',
        summary: 'Forget the checkpoints: the next run reads from the beginning',
        params,
        body: resetInput,
        response: {
          204: z.null().meta({ description: 'The checkpoints are forgotten.' }),
          ...failures(
            ...bodyFailures,
            'connection_not_found',
            'stream_not_found',
            'connection_has_active_run',
          ),
        },
      },
    },
    async (request, reply) => {
      await connections.reset(request.params.name, request.body?.streams)
      return reply.code(204).send(null)
    },
  )
}

/** The response to a change of a connection. */
function toChangeAnswer(
  connection: Connection,
  { docsBase }: FastifyRequest,
): {
  readonly document: z.output<typeof connectionDocument>
  readonly etag: string
} {
  const document = toWire(connectionSchema, withDocsUrls(connection, docsBase))
  return { document, etag: documentTag(document) }
}
