import { z } from 'zod'
import {
  actionDescriptorSchema,
  streamDescriptorSchema,
} from '../../connectors/descriptor-schema.ts'
import { webhookSignatureSchema } from '../../connectors/webhook-signature.ts'
import { freeObject } from '../platform/fields.ts'
import { snakeCaseSchema, type Resource } from '../platform/wire.ts'

export const connectorType = z
  .string()
  .regex(
    /^[A-Za-z0-9._-]{1,100}$/,
    'is no type of a connector: `reactor connect catalog list` shows them',
  )
  .meta({ description: 'The type of a connector, as `GET /catalog` lists it.' })

/** native: written here; bundled and imported: manifests. */
const kind = z.enum(['native', 'bundled', 'imported'])

export const catalogEntrySchema = z
  .object({
    type: z.string(),
    title: z.string(),
    kind,
    streams: z.int().nullable().meta({
      description: 'How many streams can be read; null if only a discovery finds them.',
    }),
    hasActions: z.boolean().meta({
      description: 'Whether it has actions: `GET /catalog/{type}` lists them.',
    }),
    problem: z.string().nullable().meta({ description: 'Why it cannot be used; null if it can.' }),
  })
  .meta({ id: 'CatalogEntry' })
export type CatalogSummary = Resource<typeof catalogEntrySchema>

/** The whole catalog is one page: it has as many entries as there are connectors. */
export const catalogDocument = z
  .object({ items: z.array(snakeCaseSchema(catalogEntrySchema)), next_cursor: z.null() })
  .meta({ id: 'Catalog' })

/** A connector that a search found. */
export const foundConnectorSchema = z
  .object({
    name: z.string(),
    title: z.string(),
    kind: z.enum(['native', 'bundled', 'imported', 'published']).meta({
      description: 'published: Airbyte publishes it, and it is not in the catalog.',
    }),
    runs: z.enum(['ready', 'after_import', 'as_process', 'not_here']).meta({
      description:
        'ready: an instance can use it. after_import: a manifest, which runs here when it is imported. as_process: a program of somebody else, which runs as a process if the operator allows it. not_here: see `problem`.',
    }),
    version: z.string().nullable().meta({ description: 'The latest one; null in the catalog.' }),
    importAs: z.string().nullable().meta({
      description: 'The argument of `reactor connect catalog import`; null if there is none.',
    }),
    docsUrl: z.string().nullable(),
    problem: z.string().nullable().meta({ description: 'Why it cannot be used; null if it can.' }),
  })
  .meta({ id: 'FoundConnector' })
export type FoundConnector = Resource<typeof foundConnectorSchema>

/** All that were found are one page. */
export const searchDocument = z
  .object({
    items: z.array(snakeCaseSchema(foundConnectorSchema)),
    next_cursor: z.null(),
    published_problem: z.string().nullable().meta({
      description: 'Why Airbyte’s list could not be searched; null if it was.',
    }),
  })
  .meta({ id: 'ConnectorSearch' })

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

const webhook = z.object({
  name: z.string(),
  title: z.string(),
  signature: webhookSignatureSchema,
  replayWindowMs: z.number(),
  eventId: z.string(),
  eventType: z.string(),
  secretFrom: z.enum(['vendor', 'user']).meta({ description: 'Who chooses the signing secret.' }),
  refreshes: z.record(z.string(), z.string()),
})

/** All that is known of a connector without a configuration. */
export const descriptorSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    docsUrl: z.string(),
    kind,
    spec: freeObject.meta({
      description: 'JSON Schema of the configuration; secrets are marked `airbyte_secret: true`.',
    }),
    auth: z.array(authScheme),
    streams: z.array(streamDescriptorSchema).nullable().meta({
      description: 'Null if only a discovery finds them.',
    }),
    generatesStreams: z.boolean().meta({
      description: 'True if there are more streams, which a configuration or the system decides.',
    }),
    unsupportedDynamicStreams: z
      .array(z.object({ name: z.string(), reason: z.string() }))
      .optional()
      .meta({
        description:
          'Dynamic streams of a manifest that make no streams here, and why. Absent if there are none.',
      }),
    actions: z.array(actionDescriptorSchema),
    webhooks: z.array(webhook),
  })
  .meta({ id: 'ConnectorDescriptor' })
export type ConnectorDescription = Resource<typeof descriptorSchema>
export const descriptorDocument = snakeCaseSchema(descriptorSchema)
