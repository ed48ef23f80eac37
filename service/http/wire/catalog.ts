import { z } from 'zod'
import type {
  ActionDescriptor,
  AuthScheme,
  ConnectorDescriptor,
  WebhookDescriptor,
} from '../../../connectors/connector.ts'
import type { CatalogEntry } from '../../contract/catalog.ts'
import { docsUrl } from '../../docs/docs-url.ts'
import { freeObject } from './names.ts'

export const connectorType = z
  .string()
  .regex(
    /^[A-Za-z0-9._-]{1,100}$/,
    'is no type of a connector: `reactor connect catalog list` shows them',
  )
  .meta({ description: 'The type of a connector, as `GET /catalog` lists it.' })

export const catalogEntry = z
  .object({
    type: z.string(),
    title: z.string(),
    kind: z.enum(['native', 'bundled', 'imported']),
  })
  .meta({ id: 'CatalogEntry' })

/** The whole catalog is one page: it has as many entries as there are connectors. */
export const catalogDocument = z
  .object({ items: z.array(catalogEntry), next_cursor: z.null() })
  .meta({ id: 'Catalog' })

const authScheme = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('none') }),
  z.object({ kind: z.literal('api_key'), field: z.string() }),
  z.object({ kind: z.literal('basic'), username_field: z.string(), password_field: z.string() }),
  z.object({
    kind: z.literal('oauth2'),
    authorize_url: z.string(),
    token_url: z.string(),
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
  dry_run: z.enum(['native', 'synthesized', 'unsupported']),
})

const webhook = z.object({
  name: z.string(),
  title: z.string(),
  signature: z.object({
    scheme: z.string(),
    header: z.string(),
    timestamp_header: z.string().optional(),
  }),
  replay_window_ms: z.number(),
  event_id: z.string(),
  event_type: z.string(),
  refreshes: z.record(z.string(), z.string()),
})

export const descriptorDocument = z
  .object({
    type: z.string(),
    title: z.string(),
    docs_url: z.string(),
    spec: freeObject.meta({
      description: 'JSON Schema of the configuration; secrets are marked `airbyte_secret: true`.',
    }),
    auth: z.array(authScheme),
    actions: z.array(action),
    webhooks: z.array(webhook),
  })
  .meta({ id: 'ConnectorDescriptor' })

export function catalogToWire(entries: readonly CatalogEntry[]): z.output<typeof catalogDocument> {
  return { items: [...entries], next_cursor: null }
}

export function descriptorToWire(
  descriptor: ConnectorDescriptor,
  docsBase: string,
): z.output<typeof descriptorDocument> {
  return {
    type: descriptor.type,
    title: descriptor.title,
    docs_url: docsUrl(descriptor.docsUrl, docsBase),
    spec: descriptor.spec,
    auth: descriptor.auth.map(authToWire),
    actions: descriptor.actions.map(actionToWire),
    webhooks: descriptor.webhooks.map(webhookToWire),
  }
}

function authToWire(scheme: AuthScheme): z.output<typeof authScheme> {
  switch (scheme.kind) {
    case 'none':
    case 'api_key':
      return scheme
    case 'basic':
      return {
        kind: 'basic',
        username_field: scheme.usernameField,
        password_field: scheme.passwordField,
      }
    case 'oauth2':
      return {
        kind: 'oauth2',
        authorize_url: scheme.authorizeUrl,
        token_url: scheme.tokenUrl,
        scopes: [...scheme.scopes],
      }
  }
}

function actionToWire({ dryRun, ...same }: ActionDescriptor): z.output<typeof action> {
  return { ...same, dry_run: dryRun }
}

function webhookToWire(descriptor: WebhookDescriptor): z.output<typeof webhook> {
  const { scheme, header, timestampHeader } = descriptor.signature
  return {
    name: descriptor.name,
    title: descriptor.title,
    signature: {
      scheme,
      header,
      ...(timestampHeader !== undefined && { timestamp_header: timestampHeader }),
    },
    replay_window_ms: descriptor.replayWindowMs,
    event_id: descriptor.eventId,
    event_type: descriptor.eventType,
    refreshes: { ...descriptor.refreshes },
  }
}
