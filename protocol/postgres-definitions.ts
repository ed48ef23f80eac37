import { z } from 'zod'
import { expressionTokens } from './postgres-expression.ts'
import { isJsonList, type JsonValue } from './json.ts'

/**
 * The property of a stream that is a table of PostgreSQL: its indexes, constraints, defaults, identities,
 * collations and comments. Only a PostgreSQL destination looks at it (`with`). It is no part of the schema
 * that drift, fingerprints and promote tokens compare.
 */
export const postgresDefinitionsMark = 'postgres_definitions'

/** The names that `with` takes. */
export const definitionGroups = [
  'indexes',
  'constraints',
  'defaults',
  'identity',
  'collations',
  'comments',
] as const
/** One of these names. */
export type DefinitionGroup = (typeof definitionGroups)[number]

const name = z.string().min(1).max(63)
const expression = z
  .string()
  .max(10_000)
  .refine((text) => expressionTokens(text) !== undefined, 'must be one expression')

/** An object of an extension, or of the catalog. */
const owned = z.object({ name, extension: name.nullish() })

const key = z.object({
  column: name.nullish(),
  expression: expression.nullish(),
  /** An operator class that is not the type's default. */
  operators: owned.nullish(),
  /** A collation of the catalog that is not the column's. */
  collation: name.nullish(),
  descending: z.boolean().nullish(),
  nullsFirst: z.boolean().nullish(),
  /** The operator of an exclusion, of the catalog. */
  operator: z
    .string()
    .regex(/^[-+*/<>=~!@#%^&|`?]{1,63}$/)
    .refine((text) => !text.includes('--') && !text.includes('/*'))
    .nullish(),
})

const index = {
  name,
  method: name,
  unique: z.boolean().nullish(),
  nullsEqual: z.boolean().nullish(),
  keys: z.array(key).min(1).max(32),
  include: z.array(name).max(32).nullish(),
  where: expression.nullish(),
  options: z
    .array(z.string().regex(/^[a-z_]{1,63}=[A-Za-z0-9_.]{1,63}$/))
    .max(20)
    .nullish(),
}

/** The columns that the definition needs. */
const columns = z.array(name).max(1_664)
const delay = z.enum(['deferrable', 'deferred']).nullish()

const definition = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('index'), columns, ...index }),
  z.object({ kind: z.literal('unique'), columns, delay, ...index }),
  z.object({ kind: z.literal('exclusion'), columns, delay, ...index }),
  z.object({ kind: z.literal('check'), columns, name, expression }),
  z.object({ kind: z.literal('foreign_key'), columns, name }),
  z.object({ kind: z.literal('default'), columns, expression }),
  z.object({ kind: z.literal('identity'), columns }),
  z.object({ kind: z.literal('collation'), columns, name }),
  z.object({ kind: z.literal('comment'), columns, text: z.string().max(100_000) }),
])

/** Plain data: no statement of the source's, only names, which are quoted, and checked expressions. */
export type PostgresDefinition = z.infer<typeof definition>
/** An index, or a constraint that has one. */
export type IndexDefinition = Extract<
  PostgresDefinition,
  { kind: 'index' | 'unique' | 'exclusion' }
>

/** One that this version does not know, or that is no such data, is left out. */
export function postgresDefinitionsOf(stream: {
  readonly name: string
  readonly [postgresDefinitionsMark]?: unknown
}): readonly PostgresDefinition[] {
  const found = stream[postgresDefinitionsMark] as JsonValue | undefined
  if (!isJsonList(found)) return []
  return found.flatMap((value) => definition.safeParse(value).data ?? [])
}

/** The name that `with` has for the definition. */
export function groupOf({ kind }: PostgresDefinition): DefinitionGroup {
  switch (kind) {
    case 'index':
      return 'indexes'
    case 'unique':
    case 'exclusion':
    case 'check':
    case 'foreign_key':
      return 'constraints'
    case 'default':
      return 'defaults'
    case 'identity':
      return 'identity'
    case 'collation':
      return 'collations'
    case 'comment':
      return 'comments'
  }
}
