import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { App } from './app.ts'
import { tidyDocument } from './tidy-document.ts'

const description = `One HTTP surface for everything that Reactor Connect does. Names are unique and stable. JSON is in snake_case.
Lists come in pages: \`limit\`, \`cursor\`, \`next_cursor\`. Every error has a \`code\`, a \`message\` and a \`suggested_fix\`.`

/** Call it before the routes are added. */
export async function openApi(app: App, version: string): Promise<void> {
  const optionalBodies = optionalBodiesOf(app)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.1',
      info: {
        title: 'Reactor Connect',
        version,
        description,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/' }],
      components: { securitySchemes: { apiKey: { type: 'http', scheme: 'bearer' } } },
      security: [{ apiKey: [] }],
    },
    transform: (route) => {
      const { schema, url } = jsonSchemaTransform(route)
      const { action } = route.route.config ?? {}
      return { schema: action === undefined ? schema : { ...schema, 'x-action': action }, url }
    },
    transformObject: (document) => {
      const object = jsonSchemaTransformObject(document)
      return 'openapi' in object ? tidyDocument(object, optionalBodies) : object
    },
  })
}

/** The page only loads from this server. */
const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

export function openApiRoute(app: App): void {
  app.get(
    '/connect/v1/openapi.json',
    {
      config: { anonymous: true },
      schema: {
        tags: ['service'],
        operationId: 'getOpenApi',
        summary: 'This document',
        security: [],
        response: { 200: z.looseObject({}) },
      },
    },
    async (_request, reply) => reply.send({ ...app.swagger() }),
  )
}

/** A page to read it: its files are served from here, not from a CDN. */
export async function openApiPage(app: App): Promise<void> {
  await app.register(swaggerUi, {
    routePrefix: '/connect/v1/docs',
    staticCSP: pagePolicy,
    theme: { title: 'Reactor Connect: HTTP API' },
    uiConfig: {
      docExpansion: 'list',
      persistAuthorization: false,
      tryItOutEnabled: false,
      validatorUrl: null,
    },
  })
}

/** @fastify/swagger says of every body that it is required. */
function optionalBodiesOf(app: App): ReadonlySet<string> {
  const paths = new Set<string>()
  app.addHook('onRoute', ({ url, schema }) => {
    const body = schema?.body
    if (!(body instanceof z.ZodType) || !body.safeParse(undefined).success) return
    paths.add(url.replaceAll(/:(\w+)/g, '{$1}'))
  })
  return paths
}
