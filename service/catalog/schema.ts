import { z } from 'zod'
import { freeObject } from '../platform/fields.ts'
import { snakeCaseSchema, type Resource } from '../platform/wire.ts'

export const connectorType = z
  .string()
  .regex(
    /^[A-Za-z0-9._-]{1,100}$/,
    'is no type of a connector: `reactor connect catalog list` shows them',
  )
  .meta({ description: 'The type of a connector, as `GET /catalog` lists it.' })

const catalogEntrySchema = z
  .object({
    type: z.string(),
    title: z.string(),
    /** native: written here; bundled and imported: manifests. */
    kind: z.enum(['native', 'bundled', 'imported']),
  })
  .meta({ id: 'CatalogEntry' })
export type CatalogEntryDocument = Resource<typeof catalogEntrySchema>

/** The whole catalog is one page: it has as many entries as there are connectors. */
export const catalogDocument = z
  .object({ items: z.array(catalogEntrySchema), next_cursor: z.null() })
  .meta({ id: 'Catalog' })

const authScheme = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('none') }),
  z.object({ kind: z.literal('api_key'), field: z.string() }),
  z.object({ kind: z.literal('basic'), usernameField: z.string(), passwordField: z.string() }),
  z.object({
    kind: z.literal('oauth2'),
    authorizeUrl: z.string(),
    tokenUrl: z.string(),
    scopes: z.array(z.string()),
  }),
])

const action = z.object({
  name: z.string(),
  title: z.string(),
  input: freeObject,
  output: freeObject,
  effect: z.enum(['read', 'create', 'update', 'delete']),
  idempotency: z.enum(['native_key', 'natural', 'none']),
  dryRun: z.enum(['native', 'synthesized', 'unsupported']),
})

const webhook = z.object({
  name: z.string(),
  title: z.string(),
  signature: z.object({
    scheme: z.string(),
    header: z.string(),
    timestampHeader: z.string().exactOptional(),
  }),
  replayWindowMs: z.number(),
  eventId: z.string(),
  eventType: z.string(),
  refreshes: z.record(z.string(), z.string()),
})

/** The part of a connector's descriptor (connectors/connector.ts) that clients see. */
export const descriptorSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    docsUrl: z.string(),
    spec: freeObject.meta({
      description: 'JSON Schema of the configuration; secrets are marked `airbyte_secret: true`.',
    }),
    auth: z.array(authScheme),
    actions: z.array(action),
    webhooks: z.array(webhook),
  })
  .meta({ id: 'ConnectorDescriptor' })
export const descriptorDocument = snakeCaseSchema(descriptorSchema)
