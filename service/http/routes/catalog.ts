import { z } from 'zod'
import type { CatalogService } from '../../contract/catalog.ts'
import type { App } from '../app.ts'
import { failures } from '../failures.ts'
import {
  catalogDocument,
  catalogToWire,
  connectorType,
  descriptorDocument,
  descriptorToWire,
} from '../wire/catalog.ts'

export function catalogRoutes(api: App, catalog: CatalogService): void {
  const tags = ['catalog']
  api.get(
    '/catalog',
    {
      config: { action: 'catalog:read' },
      schema: {
        tags,
        operationId: 'listConnectors',
        summary: 'The connectors that instances can be made of',
        querystring: z.strictObject({}),
        response: { 200: catalogDocument, ...failures() },
      },
    },
    async (_request, reply) => reply.send(catalogToWire(await catalog.list())),
  )
  api.get(
    '/catalog/:type',
    {
      config: { action: 'catalog:read' },
      schema: {
        tags,
        operationId: 'getConnector',
        summary: 'All about one connector: configuration, authentication, actions, webhooks',
        params: z.object({ type: connectorType }),
        response: { 200: descriptorDocument, ...failures('unknown_connector') },
      },
    },
    async ({ params, docsBase }, reply) =>
      reply.send(descriptorToWire(await catalog.get(params.type), docsBase)),
  )
}
