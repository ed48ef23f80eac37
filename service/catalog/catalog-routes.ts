import { z } from 'zod'
import { actionsDocument } from './actions-document.ts'
import type { CatalogService } from './contract.ts'
import type { App } from '../platform/http/app.ts'
import { failures } from '../platform/http/failures.ts'
import {
  catalogDocument,
  catalogEntrySchema,
  connectorType,
  descriptorDocument,
  descriptorSchema,
  foundConnectorSchema,
  searchDocument,
} from './schema.ts'
import { docsUrl } from '../platform/docs-url.ts'
import { toWire } from '../platform/wire.ts'

export function catalogRoutes(api: App, catalog: CatalogService): void {
  const tags = ['catalog']
  api.get(
    '/catalog',
    {
      config: { action: 'catalog:read' },
      schema: {
        tags,
        operationId: 'listConnectors',
        summary: 'List the connectors that an instance can use',
        querystring: z.strictObject({}),
        response: { 200: catalogDocument, ...failures() },
      },
    },
    async (_request, reply) => {
      const items = (await catalog.list()).map((entry) => toWire(catalogEntrySchema, entry))
      return reply.send({ items, next_cursor: null })
    },
  )
  api.get(
    '/catalog-search',
    {
      config: { action: 'catalog:read' },
      schema: {
        tags,
        operationId: 'searchConnectors',
        summary: 'Search the catalog and the connectors that Airbyte publishes',
        querystring: z.strictObject({
          text: z.string().trim().min(1).max(100).meta({
            description: 'Words of a name or title.',
          }),
        }),
        response: { 200: searchDocument, ...failures() },
      },
    },
    async ({ query }, reply) => {
      const { items, publishedProblem } = await catalog.search(query.text)
      return reply.send({
        items: items.map((item) => toWire(foundConnectorSchema, item)),
        next_cursor: null,
        published_problem: publishedProblem,
      })
    },
  )
  api.get(
    '/catalog/:type',
    {
      config: { action: 'catalog:read' },
      schema: {
        tags,
        operationId: 'getConnector',
        summary: 'Get one connector: configuration, authentication, actions, webhooks',
        params: z.object({ type: connectorType }),
        response: { 200: descriptorDocument, ...failures('unknown_connector') },
      },
    },
    async ({ params, docsBase }, reply) => {
      const descriptor = await catalog.get(params.type)
      const opened = { ...descriptor, docsUrl: docsUrl(descriptor.docsUrl, docsBase) }
      return reply.send(toWire(descriptorSchema, opened))
    },
  )
  api.get(
    '/catalog/:type/openapi.json',
    {
      config: { action: 'catalog:read' },
      schema: {
        tags,
        operationId: 'getConnectorOpenApi',
        summary:
          'OpenAPI of the actions of a connector: an operation for each, with its input and output',
        params: z.object({ type: connectorType }),
        response: { 200: z.looseObject({}), ...failures('unknown_connector') },
      },
    },
    async ({ params }, reply) =>
      reply.send({ ...actionsDocument(api.swagger(), await catalog.get(params.type)) }),
  )
}
