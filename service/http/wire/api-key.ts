import { z } from 'zod'
import { principalKinds } from '../../access/principal.ts'
import type { ApiKey } from '../../contract/api-keys.ts'
import { givenTime, timestamp } from './names.ts'
import { scopeDocument, scopesDocument, scopesToWire } from './scope.ts'

export const apiKeyId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'is no id of a key: `reactor connect keys list` shows them')

const msIn: ReadonlyMap<string, number> = new Map([
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
])
/** Ten years: what is meant to last longer has no expiry. */
export const longestMs = 3_660 * 86_400_000

const duration = z
  .string()
  .regex(/^[1-9]\d{0,6}[mhd]$/, 'must be a number and m, h or d, such as 90d')
  .refine((text) => msOf(text) <= longestMs, 'is longer than ten years')
  .meta({ description: 'From now: minutes, hours or days, such as `90d`.' })

export const apiKeyCreate = z
  .strictObject({
    name: z
      .string()
      .regex(/^[^\u0000-\u001f\u007f-\u009f]{1,100}$/u, 'must be 1 to 100 characters on one line')
      .meta({ description: 'Who or what uses it: at most 100 characters.' }),
    kind: z.enum(principalKinds).meta({
      description: 'What it may do: docs/access.md has a table. Not more than who makes it.',
    }),
    scopes: scopesDocument.optional().meta({
      description: 'What it may do at most; left out: all that its kind may.',
    }),
    expires_in: duration.optional(),
    expires_at: givenTime
      .optional()
      .meta({ description: 'Instead of `expires_in`. Without both it does not expire.' }),
  })
  .refine(
    ({ expires_in, expires_at }) => expires_in === undefined || expires_at === undefined,
    'give expires_in or expires_at, not both',
  )
  .meta({ id: 'ApiKeyCreate' })

/** Of what `duration` lets pass. */
export function msOf(duration: string): number {
  const [, count = '0', unit = 'm'] = /^(\d+)([mhd])$/.exec(duration) ?? []
  return Number(count) * (msIn.get(unit) ?? 0)
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
