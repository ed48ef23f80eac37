import { z } from 'zod'
import type { Scope } from '../../access/principal.ts'

/** Of a scope: the name of an action, or a part of one and `*`. */
const actionPattern = z
  .string()
  .regex(/^[a-z*][a-z:*-]{0,60}$/, 'must be an action, such as `connections:read` or `runs:*`')
  .meta({ description: '`connections:read`, `connections:*` or `*`.' })

const namePattern = z
  .string()
  .regex(/^[A-Za-z0-9_*-]{1,63}$/, 'must be letters, digits, `-`, `_` and `*`, at most 63')
  .meta({ description: 'Of an instance or connection; `*` stands for any characters.' })

/** What a key may do at most. */
export const scopeDocument = z
  .strictObject({
    action: actionPattern,
    names: z.array(namePattern).min(1).max(50).optional().meta({
      description: 'Only instances and connections of these names; left out: all there is.',
    }),
  })
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
