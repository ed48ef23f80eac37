import { bestMatch } from '../../manifest-interpreter/config/json-schema/best-match.ts'
import type { Violation } from '../../manifest-interpreter/config/json-schema/violation.ts'
import { violations } from '../../manifest-interpreter/config/json-schema/violations.ts'
import { get } from '../../manifest-interpreter/value/dict.ts'
import { parseJson } from '../../manifest-interpreter/value/json.ts'
import { str } from '../../manifest-interpreter/value/text.ts'
import type { Value } from '../../manifest-interpreter/value/value.ts'
import { ConnectError, type JsonObject, type JsonValue } from '../../protocol/index.ts'
import { formatPointer } from './json-pointer.ts'
import { expand, isList, isObject, isSecret, own } from './secret-schema.ts'

const MAX_PROBLEMS = 10
/** Their messages name properties, others quote values, which may be secrets. */
const namesOnly = new Set(['required', 'additionalProperties'])

/**
 * Checks a configuration, with the secrets that it has so far, against a connector's spec. Required secrets may be missing
 * (`missingSecrets` tells which). Throws `instance_config_invalid`, which names fields and never values.
 */
export function checkConfig(type: string, spec: JsonObject, config: JsonObject): void {
  const found = violations(asValue(withoutRequiredSecrets(spec)), asValue(config))
  const best = bestMatch(found)
  if (best === undefined) return
  const problem = problemOf(best)
  const more = [...new Set(found.map(problemOf))].filter((other) => other !== problem)
  throw new ConnectError('instance_config_invalid', {
    details: { type, problem, ...(more.length > 0 && { more: more.slice(0, MAX_PROBLEMS) }) },
  })
}

function problemOf({ path, keyword, schema, message }: Violation): string {
  const field = path.length === 0 ? 'it' : `\`${formatPointer(path.map((name) => str(name)))}\``
  if (namesOnly.has(keyword)) return `${field}: ${message}`.slice(0, 300)
  const wanted = str(get(schema, keyword) ?? null)
  switch (keyword) {
    case 'type':
      return `${field} must be of type ${wanted}`
    case 'enum':
      return `${field} must be one of ${wanted}`
    case 'const':
      return `${field} must be ${wanted}`
    case 'pattern':
      return `${field} must match the pattern ${wanted}`
    case 'oneOf':
    case 'anyOf':
      return `${field} is none of the forms that the connector takes`
    default:
      return `${field} must keep to \`${keyword}\`: ${wanted.slice(0, 100)}`
  }
}

/** The spec of a configuration whose secrets are still to come. Choices may then look alike, so `oneOf` becomes `anyOf`. */
function withoutRequiredSecrets(spec: JsonObject): JsonObject {
  const relaxed = (schema: JsonValue): JsonValue => {
    if (isList(schema)) return schema.map(relaxed)
    if (!isObject(schema)) return schema
    const { oneOf, required, ...rest } = schema
    const properties = isObject(schema.properties) ? schema.properties : {}
    const stays = (name: JsonValue): boolean =>
      typeof name !== 'string' || !isSecret(expand(own(properties, name), spec))
    return {
      ...Object.fromEntries(Object.entries(rest).map(([name, part]) => [name, inner(name, part)])),
      ...(isList(required) && { required: required.filter(stays) }),
      ...(oneOf !== undefined && { allOf: [...allOf(rest), { anyOf: relaxed(oneOf) }] }),
    }
  }
  const allOf = (schema: JsonObject): readonly JsonValue[] =>
    isList(schema.allOf) ? schema.allOf.map(relaxed) : []
  // Values, not schemas.
  const inner = (keyword: string, part: JsonValue): JsonValue =>
    ['const', 'enum', 'default', 'examples'].includes(keyword) ? part : relaxed(part)
  const result = relaxed(spec)
  return isObject(result) ? result : spec
}

/** As the interpreter sees JSON. */
function asValue(json: JsonObject): Value {
  return parseJson(JSON.stringify(json))
}
