import { z } from 'zod'
import { airbyteConnectionStatus, type AirbyteCatalog } from '../../protocol/index.ts'
import { connectorType } from '../catalog/schema.ts'
import { freeObject, name, timestamp, versioned } from '../platform/fields.ts'
import { snakeCaseSchema, type Resource } from '../platform/wire.ts'

/**
 * missing: required secrets are not set, or the vault cannot give them. reauthorize: a refresh was refused,
 * the user must authorize again.
 */
const credentialStatus = z.enum(['ready', 'missing', 'reauthorize'])
export type CredentialStatus = z.infer<typeof credentialStatus>

/** A configured connector. */
export const instanceSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    type: z.string(),
    config: freeObject.meta({ description: 'The configuration without its secrets.' }),
    secrets: z
      .array(z.string())
      .meta({ description: 'JSON pointers of the secret fields that are set.' }),
    credentials: credentialStatus,
    ...versioned,
  })
  .meta({ id: 'Instance' })
export type Instance = Resource<typeof instanceSchema>
export const instanceDocument = snakeCaseSchema(instanceSchema)

/** As lists have it: a configuration may be large. */
export const instanceSummarySchema = instanceSchema.omit({ config: true }).meta({
  id: 'InstanceSummary',
})
export type InstanceSummary = Resource<typeof instanceSummarySchema>
export const instanceSummaryDocument = snakeCaseSchema(instanceSummarySchema)

export const instanceCreate = z
  .strictObject({
    name,
    type: connectorType,
    config: freeObject.default({}).meta({
      description:
        "As described by the connector's `spec`. Secrets in it go to the vault and are never shown.",
    }),
  })
  .meta({ id: 'InstanceCreate' })

export const instanceUpdate = z
  .strictObject({
    config: freeObject.meta({
      description: 'Replaces the configuration; omitted secrets stay.',
    }),
  })
  .meta({ id: 'InstanceUpdate' })

export const credentialsInput = freeObject.meta({
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
          "A loopback address where the browser comes back to; the service's own callback if it is left out.",
      }),
  })
  .optional()

export const authorizationDocument = z
  .object({ authorize_url: z.string(), state: z.string() })
  .meta({ id: 'Authorization' })

export const authorizedDocument = z
  .object({ name: z.string(), credentials: credentialStatus })
  .meta({ id: 'Authorized' })

/** The parameters that the browser brings back. */
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
    .meta({ description: 'The issuer identifier of the vendor (RFC 9207).' }),
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
      .meta({ description: 'Queries the source even if a discovery of the last hour is cached.' }),
  })
  .optional()

export const discoveredSchema = z
  .object({
    catalog: z
      .object({ streams: z.array(z.record(z.string(), z.unknown())) })
      .meta({ description: 'An AirbyteCatalog.' }),
    discoveredAt: timestamp,
    fromCache: z.boolean(),
  })
  .meta({ id: 'Discovered' })
export type Discovered = Omit<Resource<typeof discoveredSchema>, 'catalog'> & {
  readonly catalog: AirbyteCatalog
}
export const discoveredDocument = snakeCaseSchema(discoveredSchema)
