import { isJsonList, isJsonObject, type JsonObject, type JsonValue } from '../../protocol/index.ts'

/** A schema as lines of YAML: each property on a line of its own. */
export function schemaLines(schema: JsonObject): readonly string[] {
  const { properties, ...others } = schema
  return [
    ...Object.entries(others).map(([name, value]) => `${scalar(name)}: ${flow(value)}`),
    ...(isJsonObject(properties) ? propertyLines(properties) : []),
  ]
}

function propertyLines(properties: JsonObject): readonly string[] {
  const lines = Object.entries(properties).map(
    ([name, value]) => `  ${scalar(name)}: ${flow(value)}`,
  )
  return lines.length === 0 ? ['properties: {}'] : ['properties:', ...lines]
}

function flow(value: JsonValue): string {
  if (isJsonList(value)) return value.length === 0 ? '[]' : `[${value.map(flow).join(', ')}]`
  if (!isJsonObject(value)) return typeof value === 'string' ? scalar(value) : JSON.stringify(value)
  const entries = Object.entries(value).map(([name, item]) => `${scalar(name)}: ${flow(item)}`)
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`
}

/** Words that YAML 1.1 does not read as texts. */
const otherWords = /^(?:null|true|false|yes|no|on|off|y|n)$/i

/** A text is written in quotes if YAML could read something else. */
function scalar(text: string): string {
  const isPlain = /^[A-Za-z_$][\w$-]*$/.test(text) && !otherWords.test(text)
  return isPlain ? text : JSON.stringify(text)
}
