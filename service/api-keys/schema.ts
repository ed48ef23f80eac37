import { z } from 'zod'
import { principalKinds, type PrincipalKind, type Scope } from '../platform/access/principal.ts'
import { givenTime, timestamp } from '../platform/fields.ts'
import { toWire, snakeCaseSchema, type Resource, type Wire } from '../platform/wire.ts'

/** The action of a scope: its name, or a part of it and `*`. */
const actionPattern = z
  .string()
  .regex(/^[a-z*][a-z:*-]{0,60}$/, 'must be an action, such as `connections:read` or `runs:*`')
  .meta({ description: '`connections:read`, `connections:*` or `*`.' })

const namePattern = z
  .string()
  .regex(/^[A-Za-z0-9_*-]{1,63}$/, 'must be letters, digits, `-`, `_` and `*`, at most 63')
  .meta({ description: 'Name of an instance or connection; `*` matches any characters.' })

/** A limit of what a key may do. */
export const scopeDocument = z
  .strictObject(
    {
      action: actionPattern,
      names: z.array(namePattern).min(1).max(50).optional().meta({
        description: 'Only instances and connections with these names; default: all.',
      }),
    },
    {
      error: ({ code }) =>
        code === 'invalid_type'
          ? 'must be an object such as {"action": "instances:read", "names": ["ci-*"]}; `instances:read@ci-*` is its form on the command line'
          : undefined,
    },
  )
  .meta({ id: 'Scope' })

export const scopesDocument = z.array(scopeDocument).min(1).max(50)

export function scopesToWire(
  scopes: readonly Scope[] | null,
): z.output<typeof scopeDocument>[] | null {
  if (scopes === null) return null
  return scopes.map(({ action, names }) =>
    names === null ? { action } : { action, names: [...names] },
  )
}

export function scopesOf(scopes: readonly z.output<typeof scopeDocument>[]): readonly Scope[] {
  return scopes.map(({ action, names }) => ({ action, names: names ?? null }))
}

export const apiKeyId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'is no id of a key: `reactor connect keys list` shows them')

const msIn: ReadonlyMap<string, number> = new Map([
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
])
/** Ten years: a key that should last longer has no expiry. */
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
      .meta({ description: 'The person or program that uses it; at most 100 characters.' }),
    kind: z.enum(principalKinds).meta({
      description: 'Its rights: docs/access.md has a table. Not more than those of its creator.',
    }),
    scopes: scopesDocument.optional().meta({
      description: 'A limit of its rights; default: all rights of its kind.',
    }),
    expires_in: duration.optional(),
    expires_at: givenTime
      .optional()
      .meta({ description: 'Instead of `expires_in`. Without either, it does not expire.' }),
  })
  .refine(
    ({ expires_in, expires_at }) => expires_in === undefined || expires_at === undefined,
    'give expires_in or expires_at, not both',
  )
  .meta({ id: 'ApiKeyCreate' })

/** Milliseconds of a text that `duration` accepts. */
export function msOf(duration: string): number {
  const [, count = '0', unit = 'm'] = /^(\d+)([mhd])$/.exec(duration) ?? []
  return Number(count) * (msIn.get(unit) ?? 0)
}

const fields = {
  id: z.string(),
  name: z.string(),
  kind: z.enum(principalKinds),
  scopes: z.array(scopeDocument).nullable().meta({ description: 'null: all rights of the kind.' }),
  createdAt: timestamp,
  lastUsedAt: timestamp.nullable(),
  /** Null: never. */
  expiresAt: timestamp.nullable(),
  revokedAt: timestamp.nullable(),
}
export const apiKeySchema = z.object(fields).meta({ id: 'ApiKey' })
/** In a document, the names of a scope are left out if it is for all; inside they are null. */
export type ApiKey = Omit<Resource<typeof apiKeySchema>, 'scopes'> & {
  readonly scopes: readonly Scope[] | null
}
export const apiKeyDocument = snakeCaseSchema(apiKeySchema)

export const newApiKeyDocument = snakeCaseSchema(
  z
    .object({
      ...fields,
      key: z.string().meta({ description: 'Shown only once: the service stores only its hash.' }),
    })
    .meta({ id: 'NewApiKey' }),
)

export interface ApiKeyInput {
  readonly name: string
  readonly kind: PrincipalKind
  /** Absent: all rights of the kind. */
  readonly scopes?: readonly Scope[]
  /** ISO 8601. Absent: it does not expire. */
  readonly expiresAt?: string
}

export function apiKeyToWire(apiKey: ApiKey): Wire<z.output<typeof apiKeySchema>> {
  return toWire(apiKeySchema, { ...apiKey, scopes: scopesToWire(apiKey.scopes) })
}
