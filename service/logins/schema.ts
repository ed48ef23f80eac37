import { z } from 'zod'
import { principalKinds, type Principal } from '../platform/access/principal.ts'
import { scopeDocument, scopesToWire } from '../api-keys/schema.ts'
import { timestamp } from '../platform/fields.ts'
import { snakeCaseSchema, type Resource } from '../platform/wire.ts'
import { newPassword, userSchema } from '../users/schema.ts'

export const loginRequest = z
  .strictObject({ email: z.string().min(1).max(200), password: z.string().min(1).max(1000) })
  .meta({ id: 'LoginRequest' })
export type LoginInput = Resource<typeof loginRequest>

export const passwordChangeSchema = z
  .strictObject({
    password: z.string().min(1).max(1000).meta({ description: 'The current password.' }),
    newPassword: newPassword.meta({ description: 'At least 12 characters.' }),
  })
  .meta({ id: 'PasswordChange' })
export type PasswordChange = Resource<typeof passwordChangeSchema>

export const loginSchema = z
  .object({
    /** A JWT. */
    token: z.string().meta({ description: 'For `Authorization: Bearer TOKEN`.' }),
    expiresAt: timestamp,
    user: userSchema,
  })
  .meta({ id: 'Login' })
export type Login = Resource<typeof loginSchema>
export const loginDocument = snakeCaseSchema(loginSchema)

/** embedded: at this service. external: at the Identity service, for tokens with this audience. */
export type LoginPlace =
  | { readonly kind: 'embedded' }
  | { readonly kind: 'external'; readonly loginUrl: string; readonly audience: string }

export const loginPlaceDocument = z
  .object({
    identity: z.enum(['embedded', 'external']),
    login_url: z.string().nullable().meta({
      description:
        'Where to send e-mail and password: a URL of the Identity service; null: to `POST /auth/login` here.',
    }),
    audience: z
      .string()
      .nullable()
      .meta({ description: 'The audience that the Identity service issues the token for.' }),
  })
  .meta({ id: 'LoginPlace' })

export const principalDocument = z
  .object({
    kind: z.enum(principalKinds),
    id: z.string(),
    name: z.string(),
    via: z.enum(['api_key', 'jwt']),
    scopes: z
      .array(scopeDocument)
      .nullable()
      .meta({ description: 'A limit of its rights; null: all rights of its kind.' }),
  })
  .meta({ id: 'Principal' })

export const keySetDocument = z
  .object({ keys: z.array(z.looseObject({ kty: z.string() })) })
  .meta({ id: 'KeySet' })

export function placeToWire(place: LoginPlace): z.output<typeof loginPlaceDocument> {
  return place.kind === 'external'
    ? { identity: place.kind, login_url: place.loginUrl, audience: place.audience }
    : { identity: place.kind, login_url: null, audience: null }
}

export function principalToWire(principal: Principal): z.output<typeof principalDocument> {
  const { kind, id, name, via, scopes } = principal
  return { kind, id, name, via, scopes: scopesToWire(scopes) }
}
