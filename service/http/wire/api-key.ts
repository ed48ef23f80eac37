import { z } from 'zod'
import { principalKinds } from '../../access/principal.ts'
import type { ApiKey, ApiKeyInput } from '../../service.ts'
import { timestamp } from './names.ts'
import { scopeDocument, scopesDocument, scopesOf, scopesToWire } from './scope.ts'

export const apiKeyId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/)

const secondsIn = { m: 60, h: 3_600, d: 86_400 } as const
/** Ten years: what is meant to last longer has no expiry. */
const longestSeconds = 3_660 * secondsIn.d

const duration = z
  .string()
  .regex(/^[1-9]\d{0,6}[mhd]$/)
  .refine((text) => secondsOf(text) <= longestSeconds, 'is longer than ten years')
  .meta({ description: 'From now: minutes, hours or days, such as `90d`.' })

export const apiKeyCreate = z
  .strictObject({
    name: z
      .string()
      .regex(/^[^\u0000-\u001f\u007f-\u009f]{1,100}$/u)
      .meta({ description: 'Who or what uses it: at most 100 characters.' }),
    kind: z.enum(principalKinds).meta({
      description: 'What it may do: docs/access.md has a table. Not more than who makes it.',
    }),
    scopes: scopesDocument.optional().meta({
      description: 'What it may do at most; left out: all that its kind may.',
    }),
    expires_in: duration.optional(),
    expires_at: z.iso
      .datetime({ offset: true })
      .optional()
      .meta({ description: 'Instead of `expires_in`. Without both it does not expire.' }),
  })
  .refine(
    ({ expires_in, expires_at }) => expires_in === undefined || expires_at === undefined,
    'give expires_in or expires_at, not both',
  )
  .meta({ id: 'ApiKeyCreate' })

export function apiKeyInputOf(
  { name, kind, scopes, expires_in, expires_at }: z.output<typeof apiKeyCreate>,
  nowMs: number,
): ApiKeyInput {
  const endMs =
    expires_in === undefined ? Date.parse(expires_at ?? '') : nowMs + secondsOf(expires_in) * 1000
  return {
    ...{ name, kind },
    ...(scopes !== undefined && { scopes: scopesOf(scopes) }),
    ...(!Number.isNaN(endMs) && { expiresAt: new Date(endMs).toISOString() }),
  }
}

function secondsOf(duration: string): number {
  const unit = duration.at(-1)
  const count = Number(duration.slice(0, -1))
  return unit === 'd' || unit === 'h' || unit === 'm' ? count * secondsIn[unit] : 0
}

const fields = {
  id: z.string(),
  name: z.string(),
  kind: z.enum(principalKinds),
  scopes: z.array(scopeDocument).nullable().meta({ description: 'null: all that the kind may.' }),
  created_at: timestamp,
  last_used_at: timestamp.nullable(),
  expires_at: timestamp.nullable(),
  revoked_at: timestamp.nullable(),
}

export const apiKeyDocument = z.object(fields).meta({ id: 'ApiKey' })

export const newApiKeyDocument = z
  .object({
    ...fields,
    key: z.string().meta({ description: 'Shown this once: only its hash is kept.' }),
  })
  .meta({ id: 'NewApiKey' })

export function apiKeyToWire(apiKey: ApiKey): z.output<typeof apiKeyDocument> {
  return {
    id: apiKey.id,
    name: apiKey.name,
    kind: apiKey.kind,
    scopes: scopesToWire(apiKey.scopes),
    created_at: apiKey.createdAt,
    last_used_at: apiKey.lastUsedAt,
    expires_at: apiKey.expiresAt,
    revoked_at: apiKey.revokedAt,
  }
}
