import {
  isJsonList,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '../../../../protocol/index.ts'

/**
 * Returns the fields of a form that do not fit a schema of Stripe's document. In a form every value is a
 * text.
 */
export function violations(schema: JsonValue, value: JsonValue, place = ''): readonly string[] {
  if (schema === true || !isJsonObject(schema)) return []
  const { anyOf, type } = schema
  if (isJsonList(anyOf)) {
    const all = anyOf.map((option) => violations(option, value, place))
    return all.find((found) => found.length === 0) ?? all[0] ?? []
  }
  if (type === 'object')
    return isJsonObject(value) ? ofObject(schema, value, place) : [`${place} is no object`]
  if (type !== 'array')
    return typeof value === 'string' ? ofText(schema, value, place) : [`${place} is no text`]
  return ofList(schema, value, place)
}

function ofList({ items = true }: JsonObject, value: JsonValue, place: string): readonly string[] {
  if (!isJsonList(value)) return [`${place} is no list`]
  return value.flatMap((item, index) => violations(items, item, `${place}[${String(index)}]`))
}

function ofObject(schema: JsonObject, value: JsonObject, place: string): readonly string[] {
  const { required, additionalProperties: others = false } = schema
  const properties = isJsonObject(schema.properties) ? schema.properties : {}
  const missing = Array.isArray(required) ? required.filter((name) => !(String(name) in value)) : []
  return [
    ...missing.map((name) => `${place}[${String(name)}] is missing`),
    ...Object.entries(value).flatMap(([name, item]) => {
      const property = properties[name] ?? others
      const inner = `${place}[${name}]`
      return property === false ? [`${inner} does not exist`] : violations(property, item, inner)
    }),
  ]
}

const patterns: Readonly<Record<string, RegExp>> = {
  integer: /^-?\d+$/,
  number: /^-?\d+(?:\.\d+)?$/,
  boolean: /^(?:true|false)$/,
}

function ofText(schema: JsonObject, value: string, place: string): readonly string[] {
  const { type, enum: known, maxLength } = schema
  const pattern = typeof type === 'string' ? patterns[type] : undefined
  const found: string[] = []
  if (pattern?.test(value) === false) found.push(`${place} is no ${JSON.stringify(type)}: ${value}`)
  if (Array.isArray(known) && !known.includes(value)) found.push(`${place} cannot be ${value}`)
  if (typeof maxLength === 'number' && value.length > maxLength) found.push(`${place} is too long`)
  return found
}
