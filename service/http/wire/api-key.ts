import { z } from 'zod'
import { principalKinds } from '../../access/principal.ts'
import type { ApiKey } from '../../service.ts'
import { timestamp } from './names.ts'

export const apiKeyId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/)

export const apiKeyCreate = z
  .strictObject({
    name: z
      .string()
      .regex(/^[^\u0000-\u001f\u007f-\u009f]{1,100}$/u)
      .meta({ description: 'Who or what uses it: at most 100 characters.' }),
    kind: z.enum(principalKinds).meta({
      description:
        'What it may do: docs/access.md has a table. Not more than the key that makes it.',
    }),
  })
  .meta({ id: 'ApiKeyCreate' })

const fields = {
  id: z.string(),
  name: z.string(),
  kind: z.enum(principalKinds),
  created_at: timestamp,
  last_used_at: timestamp.nullable(),
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
    created_at: apiKey.createdAt,
    last_used_at: apiKey.lastUsedAt,
    revoked_at: apiKey.revokedAt,
  }
}
