import { formatPointer } from '../../lib/text/json-pointer.ts'
import type { ConnectorDescriptor } from '../../connectors/connector.ts'
import {
  isJsonList,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  own,
} from '../../protocol/index.ts'
import { expand, isSecret, referred } from '../../manifest-interpreter/config/secret-schema.ts'
import { clientPointers, tokenPointers } from '../oauth/oauth-scheme.ts'
import { splitConfig } from '../platform/secrets/secret-fields.ts'

/**
 * The secrets (JSON pointers) without which the configuration does not work; of several to choose from, those
 * that a person would set.
 */
export function missingCredentials(
  descriptor: ConnectorDescriptor,
  config: JsonObject,
): readonly string[] {
  const missing = missingSecrets(descriptor.spec, config)
  if (missing.length > 0 || descriptor.needsCredentials !== true) return missing
  const { secrets } = splitConfig(descriptor.spec, config, tokenPointers(descriptor))
  // Those of the OAuth client only permit to ask for an authorization.
  const clients = new Set(clientPointers(descriptor))
  const isGiven = Object.entries(secrets).some(
    ([pointer, value]) => !clients.has(pointer) && value !== '',
  )
  if (isGiven) return []
  const keys = descriptor.auth.flatMap((scheme) =>
    scheme.kind === 'api_key' ? [formatPointer([scheme.field])] : [],
  )
  return keys.length > 0 ? keys : tokenPointers(descriptor).slice(0, 1)
}

/**
 * The required secret fields (JSON pointers) that `config`, with its secrets in place, does not have. In a
 * `oneOf`, the choice that the configuration names by its constants counts; if several are left, the choice
 * that misses least counts.
 */
export function missingSecrets(spec: JsonObject, config: JsonObject): readonly string[] {
  return [...new Set(missingOf(spec, config, { root: spec, path: [], depth: 0 }))].sort()
}

interface Place {
  readonly root: JsonObject
  readonly path: readonly string[]
  /** A spec may refer to itself. */
  readonly depth: number
}
const maxDepth = 32

function missingOf(
  schema: JsonValue | undefined,
  value: JsonValue | undefined,
  place: Place,
): readonly string[] {
  if (!isJsonObject(schema) || place.depth > maxDepth) return []
  const deeper = { ...place, depth: place.depth + 1 }
  const choices = [schema.oneOf, schema.anyOf].filter(isJsonList)
  const parts = [referred(schema, place.root), ...(isJsonList(schema.allOf) ? schema.allOf : [])]
  return [
    ...missingFields(schema, value, deeper),
    ...choices.flatMap((choice) => fewestOf(choice, value, deeper)),
    ...parts.flatMap((part) => missingOf(part, value, deeper)),
  ]
}

function missingFields(
  schema: JsonObject,
  value: JsonValue | undefined,
  parent: Place,
): readonly string[] {
  if (isJsonList(value)) {
    return value.flatMap((item, index) =>
      missingOf(schema.items, item, stepInto(parent, String(index))),
    )
  }
  if (!isJsonObject(schema.properties)) return []
  const required = isJsonList(schema.required) ? schema.required : []
  const object = isJsonObject(value) ? value : {}
  return Object.entries(schema.properties).flatMap(([name, property]) => {
    const item = own(object, name)
    const isAbsent = item === undefined || item === null
    if (isAbsent && !required.includes(name)) return []
    const place = stepInto(parent, name)
    if (!isSecret(expand(property, parent.root))) return missingOf(property, item, place)
    return isAbsent || item === '' ? [formatPointer(place.path)] : []
  })
}

function fewestOf(
  choices: readonly JsonValue[],
  value: JsonValue | undefined,
  place: Place,
): readonly string[] {
  const possible = choices.filter((choice) => isChosen(choice, value))
  const missing = (possible.length > 0 ? possible : choices).map((each) =>
    missingOf(each, value, place),
  )
  return missing.reduce(
    (least, each) => (each.length < least.length ? each : least),
    missing[0] ?? [],
  )
}

/**
 * Whether the constants of the choice match the value; a constant that the value does not have is ignored.
 */
export function isChosen(choice: JsonValue, value: JsonValue | undefined): boolean {
  if (!isJsonObject(choice) || !isJsonObject(choice.properties) || !isJsonObject(value)) return true
  return Object.entries(choice.properties).every(([name, property]) => {
    const expected = constantOf(property)
    const actual = own(value, name)
    return expected === undefined || actual === undefined || actual === expected
  })
}

function constantOf(schema: JsonValue): JsonValue | undefined {
  if (!isJsonObject(schema)) return undefined
  if (schema.const !== undefined) return schema.const
  return isJsonList(schema.enum) && schema.enum.length === 1 ? schema.enum[0] : undefined
}

function stepInto(place: Place, name: string): Place {
  return { ...place, path: [...place.path, name] }
}
