import { isDeepStrictEqual } from 'node:util'
import { isJsonList, isJsonObject, type JsonObject, type JsonValue } from '../../protocol/index.ts'
import { plainText } from '../output/plain-text.ts'
import { table } from '../output/table.ts'

/** The fields of a configuration, as its schema orders them; empty if it has none. */
export function fieldLines(spec: JsonObject): string {
  return table(fieldRows(spec, '  ', 0))
}

/** No input of an action is deeper; a schema that refers to itself ends here. */
const maxDepth = 6

/**
 * The fields of an input or an output, each with those inside of it, indented. One that is no object has its
 * type above them.
 */
export function valueLines(schema: JsonObject): string {
  const isObject = schema.type === 'object'
  const rows = isObject
    ? fieldRows(schema, '  ', maxDepth)
    : [[`  ${typeText(schema)}`], ...innerRows(schema, '    ', maxDepth)]
  return rows.length === 0 ? '  It has none.\n' : table(rows)
}

type Row = readonly string[]

/** `depth`: how many levels are shown below these fields. */
function fieldRows(schema: JsonObject, indent: string, depth: number): readonly Row[] {
  return rowsOf([schema], indent, depth)
}

/** The fields of all forms that a value may have, each once. */
function rowsOf(forms: readonly JsonObject[], indent: string, depth: number): readonly Row[] {
  const fields = fieldsOf(forms).toSorted((a, b) => orderOf(a.schema) - orderOf(b.schema))
  return fields.flatMap(({ name, schema, required }) => {
    const { title, description, airbyte_secret: secret } = schema
    const marks = [required, secret === true ? 'secret' : '']
    const about = [textOf(description) || textOf(title), limitsText(schema), choicesText(schema)]
    const row = [
      `${indent}${plainText(name)}`,
      typeText(schema),
      marks.filter((mark) => mark !== '').join(', '),
      plainText(about.filter((text) => text !== '').join(' ')),
    ]
    return [row, ...innerRows(schema, `${indent}  `, depth)]
  })
}

interface Field {
  readonly name: string
  readonly schema: JsonObject
  readonly required: 'required' | 'required in some forms' | ''
}

function fieldsOf(forms: readonly JsonObject[]): readonly Field[] {
  const objects = forms.filter(({ properties }) => isJsonObject(properties))
  const names = new Set(objects.flatMap(({ properties }) => Object.keys(objectOf(properties))))
  return [...names].map((name) => {
    const count = objects.filter(({ required }) => listOf(required).includes(name)).length
    const some = count === 0 ? '' : 'required in some forms'
    const schemas = objects.flatMap(({ properties }) => objectOf(properties)[name] ?? [])
    return {
      name,
      schema: unionOf(schemas.map(objectOf)),
      required: count === objects.length ? 'required' : some,
    }
  })
}

/** One schema for a value that fits any of them, with the description of the first that has one. */
function unionOf(schemas: readonly JsonObject[]): JsonObject {
  const [first = {}, ...others] = schemas.filter(
    (schema, index) => schemas.findIndex((same) => isDeepStrictEqual(same, schema)) === index,
  )
  if (others.length === 0) return first
  const { title, description } =
    schemas.find((schema) => textOf(schema.description) !== '') ?? first
  return { description: textOf(description) || textOf(title), anyOf: [first, ...others] }
}

function innerRows(field: JsonObject, indent: string, depth: number): readonly Row[] {
  if (depth === 0) return []
  const forms = alternativesOf(field).flatMap((alternative) => {
    const { items, additionalProperties: others } = alternative
    return [alternative, ...[items, others].flatMap((inner) => alternativesOf(objectOf(inner)))]
  })
  return rowsOf(forms, indent, depth - 1)
}

/** The schemas that a value may fit. */
function alternativesOf(schema: JsonObject): readonly JsonObject[] {
  const options = [...listOf(schema.anyOf), ...listOf(schema.oneOf)].filter(isJsonObject)
  return options.length === 0 ? [schema] : options.flatMap(alternativesOf)
}

function typeText(schema: JsonObject): string {
  const types = alternativesOf(schema).flatMap((alternative) => {
    const { type, const: only, enum: values } = alternative
    const names = isJsonList(type) ? type : [type ?? typeOfValue(only ?? listOf(values)[0])]
    return names.map((name) => typeName(name, alternative))
  })
  return [...new Set(types)].join(' or ')
}

function typeName(name: JsonValue, { items, additionalProperties: others }: JsonObject): string {
  if (name === 'array') return isJsonObject(items) ? `array of ${typeText(items)}` : 'array'
  const isMap = name === 'object' && isJsonObject(others) && Object.keys(others).length > 0
  if (isMap) return `object of ${typeText(others)}`
  return textOf(name)
}

function typeOfValue(value: JsonValue | undefined): string {
  if (value === undefined) return 'any'
  if (value === null) return 'null'
  if (isJsonList(value)) return 'array'
  return typeof value
}

/** Zod gives each integer the bounds of exact numbers, which nobody chose. */
const isChosen = (limit: JsonValue | undefined): limit is number =>
  typeof limit === 'number' && Math.abs(limit) < Number.MAX_SAFE_INTEGER

/** How large a number may be, and how many items a list may have. */
function limitsText(field: JsonObject): string {
  const texts = alternativesOf(field).flatMap((schema) => {
    const { minimum, maximum, exclusiveMinimum: above, exclusiveMaximum: below } = schema
    const { minItems, maxItems } = schema
    return [
      rangeText(minimum, maximum),
      isChosen(above) ? `More than ${String(above)}.` : '',
      isChosen(below) ? `Less than ${String(below)}.` : '',
      rangeText(minItems, maxItems, (maxItems ?? minItems) === 1 ? ' item' : ' items'),
    ]
  })
  return [...new Set(texts)].filter((text) => text !== '').join(' ')
}

function rangeText(least: JsonValue | undefined, most: JsonValue | undefined, unit = ''): string {
  if (isChosen(least) && isChosen(most)) return `${String(least)} to ${String(most)}${unit}.`
  if (isChosen(least)) return `At least ${String(least)}${unit}.`
  return isChosen(most) ? `At most ${String(most)}${unit}.` : ''
}

function choicesText(field: JsonObject): string {
  const values = alternativesOf(isJsonObject(field.items) ? field.items : field)
  const choices = values.map(({ enum: list, const: only }) =>
    only === undefined ? listOf(list) : [only],
  )
  const named = [...new Set(choices.flat())].filter((choice) => choice !== null)
  if (named.length === 0) return ''
  const start = choices.every((list) => list.length > 0) ? 'One of' : 'Or one of'
  return `${start}: ${named.map(scalarText).join(', ')}.`
}

function scalarText(value: JsonValue): string {
  return typeof value === 'string' && value !== '' ? value : JSON.stringify(value)
}

function orderOf(field: JsonValue | undefined): number {
  const { order } = objectOf(field)
  return typeof order === 'number' ? order : Number.MAX_SAFE_INTEGER
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {}
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return isJsonList(value) ? value : []
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : ''
}
