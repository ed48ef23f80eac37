import {
  isJsonList,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '../../../../protocol/index.ts'

type Schemas = Readonly<Record<string, JsonObject>>

/**
 * The schema of a response or a field: its name, `list:` and a name for a list, or an empty text if nothing
 * below it can be expanded.
 */
export function schemaOf(definition: JsonValue | undefined): string {
  if (!isJsonObject(definition)) return ''
  const { $ref: reference, anyOf, type, items, properties } = definition
  if (typeof reference === 'string') return reference.split('/').at(-1) ?? ''
  if (isJsonList(anyOf)) return anyOf.map(schemaOf).find((name) => name !== '') ?? ''
  if (type === 'array') return schemaOf(items)
  if (!isJsonObject(properties) || properties.has_more === undefined) return ''
  const { data } = properties
  return isJsonObject(data) ? `list:${schemaOf(data.items)}` : ''
}

/**
 * The fields of a schema that can be expanded (`x-expandableFields`), each with the schema of what is in it.
 */
export function expandableFieldsOf(
  schemas: Schemas,
  name: string,
): Readonly<Record<string, string>> {
  const { 'x-expandableFields': fields, properties } = schemas[name] ?? {}
  if (!isJsonList(fields) || !isJsonObject(properties)) return {}
  const names = fields.filter((field) => typeof field === 'string')
  return Object.fromEntries(names.map((name) => [name, schemaOf(properties[name])] as const))
}

/** Stripe expands four levels. */
const maxLevels = 4

/**
 * Why Stripe cannot expand this; undefined if it can.
 *
 * @param fieldsOf the fields of a schema that can be expanded; undefined if it is not known
 */
export function expansionProblem(
  root: string,
  expansion: string,
  fieldsOf: (schema: string) => Readonly<Record<string, string>> | undefined,
): string | undefined {
  const names = expansion.split('.')
  if (names.length > maxLevels) return `${expansion} has more than four levels`
  let schema = root
  for (const [index, name] of names.entries()) {
    if (schema.startsWith('list:')) {
      if (name !== 'data') return `${expansion}: a list has only \`data\`, not ${name}`
      if (index === names.length - 1) return `${expansion} ends with the items of a list`
      schema = schema.slice('list:'.length)
      continue
    }
    const fields = fieldsOf(schema)
    if (fields === undefined) return `${expansion}: make the slice again, it lacks ${schema}`
    const next = fields[name]
    if (next === undefined) return `${expansion}: ${name} of ${schema} cannot be expanded`
    schema = next
  }
  return undefined
}
