import { z } from 'zod'
import { isJsonObject } from '../../protocol/json.ts'
import { snakeCase, type SnakeCase } from '../../lib/text/snake-case.ts'
import type { ReadOnly } from '../../lib/types/read-only.ts'

/**
 * The document of a resource as HTTP has it. A resource is defined once, by a zod schema in camelCase
 * (`service/NAME/schema.ts`): its TypeScript type is `Resource<typeof schema>`; `snakeCaseSchema` makes the
 * schema of the same document in snake_case, which validates requests, describes responses (OpenAPI) and is
 * parsed by the CLI; `toWire` and `fromWire` change one into the other. Keys of records (`z.record`) belong
 * to the user, a connector or Airbyte: they and everything under them stay as they are, also in loose
 * objects.
 */
export type Wire<Value> = Value extends readonly (infer Item)[]
  ? Wire<Item>[]
  : Value extends object
    ? string extends keyof Value
      ? Value
      : { -readonly [Key in keyof Value as SnakeCase<Key & string>]: Wire<Value[Key]> }
    : Value

/** The type that a schema describes, read-only. */
export type Resource<Schema extends z.ZodType> = ReadOnly<z.output<Schema>>

export type SnakeCaseSchema<Schema extends z.ZodType> = z.ZodType<
  Wire<z.output<Schema>>,
  Wire<z.input<Schema>>
>

/** The same schema with the names of all fields in snake_case. Cached for each schema. */
export function snakeCaseSchema<Schema extends z.ZodType>(schema: Schema): SnakeCaseSchema<Schema>
export function snakeCaseSchema(schema: z.ZodType): z.ZodType {
  return wireOf(schema).schema
}

/** Fields that are undefined, or that the schema does not have, are left out. */
export function toWire<Schema extends z.ZodType>(
  schema: Schema,
  value: Resource<Schema>,
): Wire<z.output<Schema>>
export function toWire(schema: z.ZodType, value: unknown): unknown {
  return wireOf(schema).to(value)
}

/** `wire` must have passed the schema's `snakeCaseSchema`. */
export function fromWire<Schema extends z.ZodType>(
  schema: Schema,
  wire: Wire<z.output<Schema>>,
): z.output<Schema>
export function fromWire(schema: z.ZodType, wire: unknown): unknown {
  return wireOf(schema).from(wire)
}

interface Conversion {
  readonly schema: z.ZodType
  readonly to: (value: unknown) => unknown
  readonly from: (wire: unknown) => unknown
}

const same = (value: unknown): unknown => value
const known = new WeakMap<z.ZodType, Conversion>()

function wireOf(schema: z.ZodType): Conversion {
  const made = known.get(schema)
  if (made !== undefined) return made
  const conversion = conversionOf(schema)
  known.set(schema, conversion)
  return conversion
}

function conversionOf(schema: z.ZodType): Conversion {
  if (schema instanceof z.ZodObject) return objectConversion(schema)
  if (schema instanceof z.ZodArray) {
    const item = wireOf(typeOf(schema.element))
    if (isUnchanged(item, schema.element)) return unchanged(schema)
    const forEachItem = (convert: (value: unknown) => unknown) => (list: unknown) =>
      Array.isArray(list) ? list.map(convert) : list
    return {
      schema: renameSchema(schema, { element: item.schema }),
      to: forEachItem(item.to),
      from: forEachItem(item.from),
    }
  }
  if (schema instanceof z.ZodUnion) return unionConversion(schema)
  if (isWrapper(schema)) {
    const inner = wireOf(typeOf(schema.unwrap()))
    if (isUnchanged(inner, schema.unwrap())) return unchanged(schema)
    const { to, from } = inner
    return {
      schema: renameSchema(schema, { innerType: inner.schema }),
      to: (value) => (value === undefined || value === null ? value : to(value)),
      from: (wire) => (wire === undefined || wire === null ? wire : from(wire)),
    }
  }
  return unchanged(schema)
}

function objectConversion(schema: z.ZodObject): Conversion {
  const fields = Object.entries(schema.shape).map(([name, field]) => {
    return { name, wireName: snakeCase(name), field: typeOf(field), value: wireOf(typeOf(field)) }
  })
  if (fields.every((f) => f.name === f.wireName && isUnchanged(f.value, f.field)))
    return unchanged(schema)
  if ((schema.def.checks ?? []).length > 0)
    throw new TypeError('a check of an object sees the names of one side only: check its fields')
  const isLoose = schema.def.catchall instanceof z.ZodUnknown
  const copy = (value: unknown, way: 'to' | 'from'): unknown => {
    if (!isJsonObject(value)) return value
    const copied: Record<string, unknown> = isLoose ? { ...value } : {}
    for (const { name, wireName, value: field } of fields) {
      const [source, target] = way === 'to' ? [name, wireName] : [wireName, name]
      if (isLoose && source !== target) Reflect.deleteProperty(copied, source)
      if (value[source] !== undefined) copied[target] = field[way](value[source])
    }
    return copied
  }
  const shape = Object.fromEntries(fields.map(({ wireName, value }) => [wireName, value.schema]))
  return {
    schema: renameSchema(schema, { shape }),
    to: (value) => copy(value, 'to'),
    from: (wire) => copy(wire, 'from'),
  }
}

function unionConversion(schema: z.ZodUnion): Conversion {
  const options = schema.options.map(typeOf)
  const conversions = options.map(wireOf)
  if (conversions.every((option, place) => isUnchanged(option, options[place])))
    return unchanged(schema)
  const discriminator = 'discriminator' in schema.def ? schema.def.discriminator : undefined
  const convert = (value: unknown, way: 'to' | 'from'): unknown => {
    const place = conversions.findIndex(
      ({ schema: wire }, place) => (way === 'to' ? options[place] : wire)?.safeParse(value).success,
    )
    const chosen = conversions[place]
    if (chosen === undefined) throw new TypeError('the value fits none of what its schema allows')
    return chosen[way](value)
  }
  return {
    schema: renameSchema(schema, {
      options: conversions.map((option) => option.schema),
      ...(typeof discriminator === 'string' && { discriminator: snakeCase(discriminator) }),
    }),
    to: (value) => convert(value, 'to'),
    from: (wire) => convert(wire, 'from'),
  }
}

const unchanged = (schema: z.ZodType): Conversion => ({ schema, to: same, from: same })

function isUnchanged(conversion: Conversion, schema: unknown): boolean {
  return conversion.schema === schema
}

/** Its description and its name in OpenAPI (`id`) are moved; the name then belongs only to the new one. */
function renameSchema(schema: z.ZodType, change: object): z.ZodType {
  const next = schema.clone({ ...schema.def, ...change })
  const { parent } = schema._zod
  if (parent instanceof z.ZodType) next._zod.parent = wireOf(parent).schema
  const meta = z.globalRegistry.get(schema)
  z.globalRegistry.remove(schema)
  if (meta !== undefined) z.globalRegistry.add(next, meta)
  return next
}

function isWrapper(schema: z.ZodType): schema is z.ZodOptional | z.ZodNullable {
  return wrappers.some((wrapper) => schema instanceof wrapper)
}
const wrappers = [
  z.ZodOptional,
  z.ZodExactOptional,
  z.ZodNullable,
  z.ZodDefault,
  z.ZodPrefault,
  z.ZodReadonly,
]

function typeOf(schema: unknown): z.ZodType {
  if (schema instanceof z.ZodType) return schema
  throw new TypeError('not a schema of zod')
}
