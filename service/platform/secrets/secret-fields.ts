import { formatPointer, parsePointer } from '../../../lib/text/json-pointer.ts'
import {
  isJsonList,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  own,
} from '../../../protocol/index.ts'
import {
  expand,
  isSecret,
  itemOf,
  propertyOf,
  startWalk,
  type Schemas,
  type SecretWalk,
} from '../../../manifest-interpreter/config/secret-schema.ts'

/**
 * Secrets of a configuration: from JSON pointer (`/credentials/client_secret`, `/keys/0`) to value. The vault
 * stores them in this form.
 */
export type Secrets = JsonObject

export interface SplitConfig {
  /** Without secrets. If one was the item of a list, null keeps its place. */
  readonly config: JsonObject
  readonly secrets: Secrets
}

/**
 * Takes the secrets out of a configuration: the values that the spec marks `airbyte_secret`, at any depth, in
 * any choice of a `oneOf`, and the values at the pointers in `known` (tokens that a connector's spec does not
 * mention). A null is not a secret.
 */
export function splitConfig(
  spec: JsonObject,
  config: JsonObject,
  known: Iterable<string> = [],
): SplitConfig {
  const secrets = new Map<string, JsonValue>()
  const split = new Splitter(startWalk(spec), new Set(known), secrets)
  return {
    config: split.object(config, expand(spec, spec), []),
    secrets: Object.fromEntries(secrets),
  }
}

/**
 * The configuration with its secrets in their places. Places that the configuration no longer has are left
 * out.
 */
export function joinConfig(config: JsonObject, secrets: Secrets): JsonObject {
  let joined: JsonValue = config
  for (const [pointer, value] of Object.entries(secrets)) {
    joined = placeValue(joined, parsePointer(pointer), value)
  }
  return isJsonObject(joined) ? joined : config
}

class Splitter {
  readonly #walk: SecretWalk
  readonly #known: ReadonlySet<string>
  readonly #secrets: Map<string, JsonValue>

  constructor(walk: SecretWalk, known: ReadonlySet<string>, secrets: Map<string, JsonValue>) {
    this.#walk = walk
    this.#known = known
    this.#secrets = secrets
  }

  object(value: JsonObject, schemas: Schemas, path: readonly string[]): JsonObject {
    const entries = Object.entries(value).flatMap(([name, item]): [string, JsonValue][] => {
      const fieldPath = [...path, name]
      const result = this.#value(item, propertyOf(schemas, name, this.#walk), fieldPath)
      return result === undefined ? [] : [[name, result]]
    })
    return Object.fromEntries(entries)
  }

  /** Undefined: it was a secret, and has been taken out. */
  #value(value: JsonValue, schemas: Schemas, path: readonly string[]): JsonValue | undefined {
    const pointer = formatPointer(path)
    if (value !== null && (isSecret(schemas) || this.#known.has(pointer))) {
      this.#secrets.set(pointer, value)
      return undefined
    }
    if (isJsonObject(value)) return this.object(value, schemas, path)
    if (!isJsonList(value)) return value
    return value.map((item, index) => {
      const itemPath = [...path, String(index)]
      return this.#value(item, itemOf(schemas, index, this.#walk.root), itemPath) ?? null
    })
  }
}

/**
 * `within` with the value at the path. Missing objects on the path are created; a list is not made longer,
 * because its items have changed.
 */
function placeValue(
  within: JsonValue | undefined,
  [name, ...rest]: readonly string[],
  value: JsonValue,
): JsonValue {
  if (name === undefined) return value
  if (isJsonList(within)) {
    const index = Number(name)
    return index in within ? within.with(index, placeValue(within[index], rest, value)) : within
  }
  if (within !== undefined && within !== null && !isJsonObject(within)) return within
  const object = within ?? {}
  return { ...object, [name]: placeValue(own(object, name), rest, value) }
}
