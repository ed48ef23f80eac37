import { z } from 'zod'

/** Facts about a setting beside its type: the reference page, `serve --help` and the loader use them. */
export interface SettingFacts {
  /** Path below `[connect]` in the file; the environment variable follows from it. */
  readonly path: string
  /** How the value is written. */
  readonly type: string
  /** The default; also explains why there may be none. */
  readonly standard: string
  /** Never shown, even if it is wrong. */
  readonly secret?: true
  /** A second environment variable; the setting's own variable takes precedence. */
  readonly alias?: string
  /**
   * Nothing uses it in this version: a value that would change something is refused, and the text says what
   * to do instead.
   */
  readonly unused?: { readonly instead: string }
  readonly description: string
}

/** By the schema of its value. */
export const facts = z.registry<SettingFacts>()

/** Describes a setting. Each needs a schema of its own. */
export function setting<Schema extends z.ZodType>(schema: Schema, about: SettingFacts): Schema {
  if (facts.has(schema)) throw new TypeError(`two settings share a schema: ${about.path}`)
  facts.add(schema, about)
  return schema
}
