import { z } from 'zod'
import { principalKinds, type Principal } from '../../access/principal.ts'
import type { Login, LoginPlace } from '../../contract/logins.ts'
import { timestamp } from './names.ts'
import { scopeDocument, scopesToWire } from './scope.ts'
import { newPassword, userDocument, userToWire } from './user.ts'

export const loginRequest = z
  .strictObject({ email: z.string().min(1).max(200), password: z.string().min(1).max(1000) })
  .meta({ id: 'LoginRequest' })

export const passwordChange = z
  .strictObject({
    password: z.string().min(1).max(1000).meta({ description: 'The one until now.' }),
    new_password: newPassword.meta({ description: 'At least 12 characters.' }),
  })
  .meta({ id: 'PasswordChange' })

export const loginDocument = z
  .object({
    token: z.string().meta({ description: 'For `Authorization: Bearer TOKEN`.' }),
    expires_at: timestamp,
    user: userDocument,
  })
  .meta({ id: 'Login' })

export const loginPlaceDocument = z
  .object({
    identity: z.enum(['embedded', 'external']),
    login_url: z.string().nullable().meta({
      description:
        'Where e-mail and password go: of the Identity service; null: to `POST /auth/login` here.',
    }),
    audience: z
      .string()
      .nullable()
      .meta({ description: 'What the Identity service is to make the token for.' }),
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
      .meta({ description: 'What it may do at most; null: all that its kind may.' }),
  })
  .meta({ id: 'Principal' })

export const keySetDocument = z
  .object({ keys: z.array(z.looseObject({ kty: z.string() })) })
  .meta({ id: 'KeySet' })

export function loginToWire({ token, expiresAt, user }: Login): z.output<typeof loginDocument> {
  return { token, expires_at: expiresAt, user: userToWire(user) }
}

export function placeToWire(place: LoginPlace): z.output<typeof loginPlaceDocument> {
  return place.kind === 'external'
    ? { identity: place.kind, login_url: place.loginUrl, audience: place.audience }
    : { identity: place.kind, login_url: null, audience: null }
}

export function principalToWire(principal: Principal): z.output<typeof principalDocument> {
  const { kind, id, name, via, scopes } = principal
  return { kind, id, name, via, scopes: scopesToWire(scopes) }
}
