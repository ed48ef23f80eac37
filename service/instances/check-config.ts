import { formatPointer } from '../../lib/text/json-pointer.ts'
import { ConfigError } from '../../manifest-interpreter/config/config-error.ts'
import { bestMatch } from '../../manifest-interpreter/config/json-schema/best-match.ts'
import type { Violation } from '../../manifest-interpreter/config/json-schema/violation.ts'
import { violations } from '../../manifest-interpreter/config/json-schema/violations.ts'
import { SchemaPatterns } from '../../manifest-interpreter/config/schema-patterns.ts'
import { entries, get, isDict, keys } from '../../manifest-interpreter/value/dict.ts'
import { dumpJson } from '../../manifest-interpreter/value/json-dumps.ts'
import { parseJson } from '../../manifest-interpreter/value/json.ts'
import { str } from '../../manifest-interpreter/value/text.ts'
import type { Dict, Value } from '../../manifest-interpreter/value/value.ts'
import {
  isJsonList,
  isJsonObject,
  ConnectError,
  type JsonObject,
  type JsonValue,
  own,
} from '../../protocol/index.ts'
import { nearestName } from '../../lib/text/near-names.ts'
import { expand, isSecret } from '../../manifest-interpreter/config/secret-schema.ts'

const maxProblems = 10

/** In characters: longer than any key file, short enough that checks and masks of it cost little. */
const longestText = 65_536

/**
 * Checks a configuration, with the secrets that it has so far, against a connector's spec. Required secrets
 * may be missing (`missingSecrets` lists them). Throws `instance_config_invalid`, which names fields and
 * never values.
 */
export function checkConfig(type: string, spec: JsonObject, config: JsonObject): void {
  const tooLong = longTexts(config, [])
  const [problem, ...more] = tooLong.length > 0 ? tooLong : problemsOf(type, spec, config)
  if (problem === undefined) return
  throw new ConnectError('instance_config_invalid', {
    details: { type, problem, ...(more.length > 0 && { more: more.slice(0, maxProblems) }) },
  })
}

/** Looked for first: a pattern of the spec may take long with such a text. */
function longTexts(value: JsonValue, path: readonly string[]): readonly string[] {
  if (typeof value === 'string')
    return value.length > longestText
      ? [`${fieldAt(path)} is too long: a text has at most ${String(longestText)} characters`]
      : []
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => longTexts(inner, [...path, name]))
}

/** The most informative problem comes first. */
function problemsOf(type: string, spec: JsonObject, config: JsonObject): readonly string[] {
  try {
    const patterns = new SchemaPatterns()
    const allViolations = violations(
      asValue(withoutRequiredSecrets(spec)),
      asValue(config),
      patterns,
    )
    const best = bestMatch(allViolations)
    return best === undefined
      ? []
      : [...new Set([best, ...allViolations].map((each) => problemOf(each, patterns)))]
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const problem = `the connector's spec cannot be used to check it. ${error.message}${causeOf(error)} Report it to the author of the connector`
    throw new ConnectError('instance_config_invalid', { details: { type, problem }, cause: error })
  }
}

function causeOf({ cause }: ConfigError): string {
  return cause instanceof Error ? ` ${cause.message}` : ''
}

function problemOf(violation: Violation, patterns: SchemaPatterns): string {
  return problemText(violation, patterns).slice(0, 300)
}

/** Names the values that the field may have, never its present value, which may be a secret. */
function problemText(violation: Violation, patterns: SchemaPatterns): string {
  const { path, keyword, schema } = violation
  if (keyword === 'required') return missingFields(violation)
  if (keyword === 'additionalProperties') return unknownFields(violation, patterns)
  if (keyword === 'dependentRequired' || keyword === 'dependencies') return neededFields(violation)
  const field = path.length === 0 ? 'the configuration' : fieldAt(path)
  const tell = ruleTexts.get(keyword) ?? noMatch
  return `${field} ${tell(get(schema, keyword) ?? null, schema)}`
}

type RuleText = (wanted: Value, schema: Dict) => string

const tooShort: RuleText = (wanted) =>
  formatValue(wanted) === '1'
    ? 'must not be empty'
    : `is too short: at least ${formatValue(wanted)}`
const tooLong: RuleText = (wanted) => `is too long: at most ${formatValue(wanted)}`
const tooManyItems: RuleText = () => 'has more items than the connector accepts'
const noForm: RuleText = () => 'has none of the forms that the connector accepts'
const noMatch: RuleText = () => 'has a value that the connector does not accept'

/** The text for each keyword that is violated. */
const ruleTexts: ReadonlyMap<string, RuleText> = new Map<string, RuleText>([
  ['type', (wanted) => `must be ${typesText(wanted)}`],
  ['enum', (wanted) => `must be one of ${formatValue(wanted)}`],
  ['const', (wanted) => `must be ${formatValue(wanted)}`],
  ['pattern', (_, schema) => `does not have the form that the connector requires${formOf(schema)}`],
  ['oneOf', noForm],
  ['anyOf', noForm],
  ['minLength', tooShort],
  ['minItems', tooShort],
  ['maxLength', tooLong],
  ['maxItems', tooLong],
  ['minimum', (wanted) => `must be at least ${formatValue(wanted)}`],
  ['maximum', (wanted) => `must be at most ${formatValue(wanted)}`],
  ['exclusiveMinimum', (wanted) => `must be more than ${formatValue(wanted)}`],
  ['exclusiveMaximum', (wanted) => `must be less than ${formatValue(wanted)}`],
  ['multipleOf', (wanted) => `must be a multiple of ${formatValue(wanted)}`],
  ['uniqueItems', () => 'holds the same item twice'],
  ['contains', () => 'lacks an item that the connector requires'],
  ['minContains', () => 'has too few of the items that the connector requires'],
  ['maxContains', () => 'has too many of the items that the connector requires'],
  ['items', tooManyItems],
  ['additionalItems', tooManyItems],
  ['minProperties', (wanted) => `has too few fields: at least ${formatValue(wanted)}`],
  ['maxProperties', (wanted) => `has too many fields: at most ${formatValue(wanted)}`],
])

const typeTexts: ReadonlyMap<Value, string> = new Map([
  ['string', 'text'],
  ['integer', 'a whole number'],
  ['number', 'a number'],
  ['boolean', 'true or false'],
  ['array', 'a list'],
  ['object', 'an object'],
  ['null', 'null'],
])

function typesText(wanted: Value): string {
  const types = (Array.isArray(wanted) ? wanted : [wanted]).map(
    (type) => typeTexts.get(type) ?? formatValue(type),
  )
  const last = types.slice(-1).join('')
  return types.length < 2 ? last : `${types.slice(0, -1).join(', ')} or ${last}`
}

/** A value of the spec, as a person would write it in a configuration. */
function formatValue(value: Value): string {
  if (Array.isArray(value)) return value.map(formatValue).join(', ')
  return typeof value === 'string' ? value : dumpJson(value)
}

/** Fields that another field requires. */
function neededFields({ path, keyword, schema, instance }: Violation): string {
  const present = new Set(namesIn(instance))
  const rules = get(schema, keyword) ?? null
  const missing = (isDict(rules) ? entries(rules) : []).flatMap(([name, needed]) =>
    present.has(str(name)) && Array.isArray(needed)
      ? needed
          .filter((other) => !present.has(str(other)))
          .map(
            (other) =>
              `${fieldAt([...path, other])} is missing: ${fieldAt([...path, name])} needs it`,
          )
      : [],
  )
  return missing.join('; ')
}

function missingFields({ path, schema, instance }: Violation): string {
  const required = get(schema, 'required') ?? []
  const present = new Set(namesIn(instance))
  const missing = (Array.isArray(required) ? required : []).filter(
    (name) => !present.has(str(name)),
  )
  const fields = missing.map((name) => fieldAt([...path, name]))
  return `${fields.join(', ')} ${fields.length === 1 ? 'is' : 'are'} missing`
}

function unknownFields({ path, schema, instance }: Violation, patterns: SchemaPatterns): string {
  const known = namesIn(get(schema, 'properties') ?? null)
  const forms = namesIn(get(schema, 'patternProperties') ?? null)
  const isKnown = (name: string): boolean =>
    known.includes(name) || forms.some((pattern) => patterns.isFound(pattern, name))
  const fields = namesIn(instance).filter((name) => !isKnown(name))
  const near = fields.map((name) => nearestName(name, known)).find((name) => name !== undefined)
  const shown = fields.map((name) => fieldAt([...path, name])).join(', ')
  const is = fields.length === 1 ? 'is not a field' : 'are not fields'
  const suggestion = near === undefined ? '' : `. Did you mean ${fieldAt([...path, near])}?`
  return `${shown} ${is} of this connector${suggestion}`
}

/** Airbyte's specs describe a pattern for people in this way. */
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

/**
 * The spec for a configuration whose secrets are not yet set. Choices may then look alike, so `oneOf` becomes
 * `anyOf`.
 */
function withoutRequiredSecrets(spec: JsonObject): JsonObject {
  const relax = (schema: JsonValue): JsonValue => {
    if (isJsonList(schema)) return schema.map(relax)
    if (!isJsonObject(schema)) return schema
    const { oneOf, required, ...rest } = schema
    const properties = isJsonObject(schema.properties) ? schema.properties : {}
    const stays = (name: JsonValue): boolean =>
      typeof name !== 'string' || !isSecret(expand(own(properties, name), spec))
    return {
      ...Object.fromEntries(Object.entries(rest).map(([name, part]) => [name, inner(name, part)])),
      ...(isJsonList(required) && { required: required.filter(stays) }),
      ...(oneOf !== undefined && { allOf: [...allOf(rest), { anyOf: relax(oneOf) }] }),
    }
  }
  const allOf = (schema: JsonObject): readonly JsonValue[] =>
    isJsonList(schema.allOf) ? schema.allOf.map(relax) : []
  // Values, not schemas.
  const inner = (keyword: string, part: JsonValue): JsonValue =>
    ['const', 'enum', 'default', 'examples'].includes(keyword) ? part : relax(part)
  const result = relax(spec)
  return isJsonObject(result) ? result : spec
}

/** As the interpreter represents JSON. */
function asValue(json: JsonObject): Value {
  return parseJson(JSON.stringify(json))
}
