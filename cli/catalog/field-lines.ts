import { isJsonList, isJsonObject, type JsonObject, type JsonValue } from '../../protocol/index.ts'
import { plainText } from '../output/plain-text.ts'
import { table } from '../output/table.ts'

/** The fields of a configuration, as its schema orders them; empty if it has none. */
export function fieldLines(spec: JsonObject): string {
  return table(fieldRows(spec, '  ', 0))
}

/** No input of an action is deeper; a schema that refers to itself ends here. */
const maxDepth = 6

/** The fields of an input or an output, each with those inside of it, indented. One that is no object has its type above them. */
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
  const required = new Set(listOf(schema.required))
  const fields = Object.entries(objectOf(schema.properties)).toSorted(
    ([, a], [, b]) => orderOf(a) - orderOf(b),
  )
  return fields.flatMap(([name, property]) => {
    const field = objectOf(property)
    const { title, description, airbyte_secret: secret } = field
    const marks = [required.has(name) ? 'required' : '', secret === true ? 'secret' : '']
    const about = [textOf(description) || textOf(title), choicesText(field)]
    const row = [
      `${indent}${plainText(name)}`,
      typeText(field),
      marks.filter((mark) => mark !== '').join(', '),
      plainText(about.filter((text) => text !== '').join(' ')),
    ]
    return [row, ...innerRows(field, `${indent}  `, depth)]
  })
}

function innerRows(field: JsonObject, indent: string, depth: number): readonly Row[] {
  if (depth === 0) return []
  return alternativesOf(field).flatMap((alternative) => {
    const inner = [
      alternative,
      objectOf(alternative.items),
      objectOf(alternative.additionalProperties),
    ]
    return inner.flatMap((schema) =>
      schema === alternative
        ? fieldRows(schema, indent, depth - 1)
        : alternativesOf(schema).flatMap((item) => fieldRows(item, indent, depth - 1)),
    )
  })
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

function choicesText(field: JsonObject): string {
  const values = alternativesOf(isJsonObject(field.items) ? field.items : field)
  const choices = values.map(({ enum: list, const: only }) =>
    only === undefined ? listOf(list) : [only],
  )
  const named = choices.flat().filter((choice) => choice !== null)
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
