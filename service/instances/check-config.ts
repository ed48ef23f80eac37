import { bestMatch } from '../../manifest-interpreter/config/json-schema/best-match.ts'
import type { Violation } from '../../manifest-interpreter/config/json-schema/violation.ts'
import { violations } from '../../manifest-interpreter/config/json-schema/violations.ts'
import { get, isDict, keys } from '../../manifest-interpreter/value/dict.ts'
import { parseJson } from '../../manifest-interpreter/value/json.ts'
import { str } from '../../manifest-interpreter/value/text.ts'
import type { Dict, Value } from '../../manifest-interpreter/value/value.ts'
import { ConnectError, type JsonObject, type JsonValue } from '../../protocol/index.ts'
import { nearestName } from '../../protocol/near-names.ts'
import { formatPointer } from './json-pointer.ts'
import {
  expand,
  isList,
  isObject,
  isSecret,
  own,
} from '../../manifest-interpreter/config/secret-schema.ts'

const MAX_PROBLEMS = 10

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

function problemOf(violation: Violation): string {
  return problemText(violation).slice(0, 300)
}

/** Says what the field may be, never what it is: that may be a secret. */
function problemText(violation: Violation): string {
  const { path, keyword, schema } = violation
  if (keyword === 'required') return missingFields(violation)
  if (keyword === 'additionalProperties') return unknownFields(violation)
  const field = path.length === 0 ? 'the configuration' : fieldAt(path)
  const wanted = str(get(schema, keyword) ?? null)
  const tell = ruleTexts.get(keyword)
  return tell === undefined
    ? `${field} must keep to \`${keyword}\`: ${wanted.slice(0, 100)}`
    : `${field} ${tell(wanted, schema)}`
}

type RuleText = (wanted: string, schema: Dict) => string

const tooShort: RuleText = (wanted) =>
  wanted === '1' ? 'must not be empty' : `is too short: at least ${wanted}`
const tooLong: RuleText = (wanted) => `is too long: at most ${wanted}`
const noForm: RuleText = () => 'is none of the forms that the connector takes'

/** By the keyword that is broken. */
const ruleTexts: ReadonlyMap<string, RuleText> = new Map<string, RuleText>([
  ['type', (wanted) => `must be of type ${wanted}`],
  ['enum', (wanted) => `must be one of ${wanted}`],
  ['const', (wanted) => `must be ${wanted}`],
  ['pattern', (_, schema) => `does not have the form that the connector asks for${formOf(schema)}`],
  ['oneOf', noForm],
  ['anyOf', noForm],
  ['minLength', tooShort],
  ['minItems', tooShort],
  ['maxLength', tooLong],
  ['maxItems', tooLong],
  ['minimum', (wanted) => `must be at least ${wanted}`],
  ['maximum', (wanted) => `must be at most ${wanted}`],
])

function missingFields({ path, schema, instance }: Violation): string {
  const required = get(schema, 'required') ?? []
  const present = new Set(namesIn(instance))
  const missing = (Array.isArray(required) ? required : []).filter(
    (name) => !present.has(str(name)),
  )
  const fields = missing.map((name) => fieldAt([...path, name]))
  return `${fields.join(', ')} ${fields.length === 1 ? 'is' : 'are'} missing`
}

function unknownFields({ path, schema, instance }: Violation): string {
  const known = namesIn(get(schema, 'properties') ?? null)
  const fields = namesIn(instance).filter((name) => !known.includes(name))
  const near = fields.map((name) => nearestName(name, known)).find((name) => name !== undefined)
  const shown = fields.map((name) => fieldAt([...path, name])).join(', ')
  const is = fields.length === 1 ? 'is no field' : 'are no fields'
  const suggestion = near === undefined ? '' : `. Did you mean ${fieldAt([...path, near])}?`
  return `${shown} ${is} of this connector${suggestion}`
}

/** As Airbyte's specs describe a pattern to people. */
function formOf(schema: Dict): string {
  const descriptor = get(schema, 'pattern_descriptor') ?? null
  if (descriptor !== null) return `: ${str(descriptor)}`
  const examples = get(schema, 'examples') ?? null
  return Array.isArray(examples) && examples.length > 0 ? `, such as ${str(examples[0] ?? '')}` : ''
}

function fieldAt(path: readonly Value[]): string {
  return `\`${formatPointer(path.map((name) => str(name)))}\``
}

function namesIn(value: Value): readonly string[] {
  return isDict(value) ? keys(value).map((name) => str(name)) : []
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
