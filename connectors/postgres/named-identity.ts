import { z } from 'zod'

/**
 * A column's name, attribute number, type and modifier. A list, not an object: a column may have the name
 * `__proto__`.
 */
export const namedIdentity = z.tuple([z.string(), z.number(), z.number(), z.number()])
export type NamedIdentity = z.infer<typeof namedIdentity>
