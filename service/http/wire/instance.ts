import { z } from 'zod'
import { airbyteConnectionStatus, type JsonValue } from '../../../protocol/index.ts'
import type { Discovered, Instance } from '../../contract/instances.ts'
import { connectorType } from './catalog.ts'
import { freeObject, name, timestamp, versioned } from './names.ts'

/** The body was parsed as JSON and bounded (check-body.ts): what is in it is the connector's to check. */
const configObject = z.record(z.string(), z.custom<JsonValue>())

export const instanceDocument = z
  .object({
    id: z.string(),
    name: z.string(),
    type: z.string(),
    config: freeObject.meta({ description: 'The configuration without its secrets.' }),
    secrets: z
      .array(z.string())
      .meta({ description: 'JSON pointers of the secret fields that are set.' }),
    credentials: z.enum(['ready', 'missing', 'reauthorize']),
    ...versioned,
  })
  .meta({ id: 'Instance' })

export const instanceCreate = z
  .strictObject({
    name,
    type: connectorType,
    config: configObject.default({}).meta({
      description: "By the connector's `spec`. Secrets in it go to the vault and are never shown.",
    }),
  })
  .meta({ id: 'InstanceCreate' })

export const instanceUpdate = z
  .strictObject({
    config: configObject.meta({
      description: 'Replaces the configuration; secrets that are left out stay.',
    }),
  })
  .meta({ id: 'InstanceUpdate' })

export const credentialsInput = configObject.meta({
  id: 'Credentials',
  description: "The secret fields of the connector's `spec`, and their values.",
})

export const authorizeInput = z
  .strictObject({
    redirect_uri: z
      .string()
      .max(2048)
      .regex(
        /^http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?(\/[\x21-\x7e]*)?$/,
        'must be an address of this machine, such as http://127.0.0.1:49153/callback',
      )
      .optional()
      .meta({
        description:
          "A loopback address where the browser comes back to; the service's own callback where it is left out.",
      }),
  })
  .optional()

export const authorizationDocument = z
  .object({ authorize_url: z.string(), state: z.string() })
  .meta({ id: 'Authorization' })

export const authorizedDocument = z
  .object({ name: z.string(), credentials: z.enum(['ready', 'missing', 'reauthorize']) })
  .meta({ id: 'Authorized' })

/** What the browser brings back. */
export const callbackQuery = z.object({
  state: z.string().regex(/^[\x21-\x7e]{1,512}$/, 'must be what the vendor sent'),
  code: z
    .string()
    .regex(/^[\x20-\x7e]{1,4096}$/, 'must be what the vendor sent')
    .optional(),
  error: z
    .string()
    .regex(/^[\x20-\x7e]{1,256}$/, 'must be what the vendor sent')
    .optional(),
  iss: z
    .string()
    .regex(/^[\x21-\x7e]{1,2048}$/, 'must be what the vendor sent')
    .optional()
    .meta({ description: 'How the vendor names itself (RFC 9207).' }),
})

/** Other properties of Airbyte's message are passed on. */
export const checkDocument = z
  .looseObject(airbyteConnectionStatus.shape)
  .meta({ id: 'ConnectionStatus' })

export const discoverInput = z
  .strictObject({
    refresh: z
      .boolean()
      .optional()
      .meta({ description: 'Asks the source even where a discovery of the last hour is kept.' }),
  })
  .optional()

export const discoveredDocument = z
  .object({
    catalog: z.object({ streams: z.array(freeObject) }).meta({ description: 'An AirbyteCatalog.' }),
    discovered_at: timestamp,
    from_cache: z.boolean(),
  })
  .meta({ id: 'Discovered' })

export function instanceToWire(instance: Instance): z.output<typeof instanceDocument> {
  return {
    id: instance.id,
    name: instance.name,
    type: instance.type,
    config: instance.config,
    secrets: [...instance.secrets],
    credentials: instance.credentials,
    version: instance.version,
    created_at: instance.createdAt,
    updated_at: instance.updatedAt,
  }
}

export function discoveredToWire(discovered: Discovered): z.output<typeof discoveredDocument> {
  return {
    catalog: discovered.catalog,
    discovered_at: discovered.discoveredAt,
    from_cache: discovered.fromCache,
  }
}
